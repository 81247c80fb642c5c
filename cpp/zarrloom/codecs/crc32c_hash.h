// CRC-32C (Castagnoli). Our own, because no library that we link exports one.
#pragma once

#include <cstdint>

#include "zarrloom/base/bytes.h"

namespace zarrloom {

// The checksum of RFC 3720, as the `crc32c` codec stores it. Uses the processor's instruction where
// it has one.
std::uint32_t crc32c(ByteView bytes);

// By tables alone: what crc32c falls back to, and what tests compare it with.
std::uint32_t crc32c_by_tables(ByteView bytes);

}  // namespace zarrloom
