// Data that compresses as measurements do: a slope with noise in the low bits.
#pragma once

#include <cstdint>
#include <vector>

#include "zarrloom/base/bytes.h"

namespace zarrloom::bench {

inline Bytes noisy_slope(std::size_t count) {
  Bytes bytes(count * 2);
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    const std::uint32_t value = static_cast<std::uint32_t>(i / 64) + (state >> 29);
    bytes.data()[2 * i] = static_cast<std::byte>(value);
    bytes.data()[2 * i + 1] = static_cast<std::byte>(value >> 8);
  }
  return bytes;
}

}  // namespace zarrloom::bench
