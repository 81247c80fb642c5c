// Base64 with padding (RFC 4648, section 4): fill values of bytes, and a codec.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/base/bytes.h"

namespace zarrloom {

std::string base64_encode(ByteView bytes);

// nullopt for anything that base64_encode does not produce.
std::optional<std::vector<std::byte>> base64_decode(std::string_view text);

}  // namespace zarrloom
