#include "zarrloom/codecs/numbers.h"

#include <algorithm>

namespace zarrloom {

float to_float(Half half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half.bits & 0x8000u) << 16;
  const std::uint32_t exponent = (half.bits >> 10) & 0x1fu;
  const std::uint32_t fraction = half.bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float small = static_cast<float>(fraction) * 0x1p-24f;
  return sign != 0 ? -small : small;
}

Half to_half(double number) {
  const auto bits = std::bit_cast<std::uint64_t>(number);
  const auto sign = static_cast<std::uint16_t>(bits >> 48 & 0x8000u);
  const auto half = [sign](std::uint64_t rest) {
    return Half{static_cast<std::uint16_t>(sign | rest)};
  };
  if (std::isnan(number)) {
    // The payload's upper bits are kept; one that would be lost must not make it an infinity.
    const std::uint64_t payload = bits >> 42 & 0x3ffu;
    return half(0x7c00u | (payload == 0 ? 1 : payload));
  }
  const double size = std::fabs(number);
  if (size >= 65520.0) return half(0x7c00u);  // half way beyond the largest number
  if (size < 0x1p-14) return half(static_cast<std::uint64_t>(std::nearbyint(size * 0x1p24)));
  // Rounding may carry into the exponent, which then is right too.
  const std::uint64_t magnitude = bits & 0x7fffffffffffffffu;
  const std::uint64_t odd = magnitude >> 42 & 1;
  const std::uint64_t nearest = (magnitude + (std::uint64_t{1} << 41) - 1 + odd) >> 42;
  return half(nearest - (std::uint64_t{1008} << 10));
}

void convert_elements(const DataType& from, const DataType& to, ByteView in, MutableBytes out) {
  visit_number(from, [&]<typename From>(Tag<From>) {
    visit_number(to,
                 [&]<typename To>(Tag<To>) { map_elements<From, To>(in, out, convert<To, From>); });
  });
}

DataType promoted(const DataType& a, const DataType& b) {
  const auto least_float = [](const DataType& dtype) {
    if (dtype.kind == Kind::floating) return dtype.item_size;
    if (dtype.kind == Kind::boolean || dtype.item_size == 1) return std::size_t{2};
    return dtype.item_size == 2 ? std::size_t{4} : std::size_t{8};
  };
  return number_type(Kind::floating, std::max(least_float(a), least_float(b)));
}

}  // namespace zarrloom
