// Private to the codecs.
#pragma once

#include "zarrloom/base/bytes.h"

namespace zarrloom {

// Throws corrupt_data for a byte other than 0 and 1, which in a bool is undefined behaviour for
// whoever computes with it.
void check_bool_bytes(ByteView bytes);

}  // namespace zarrloom
