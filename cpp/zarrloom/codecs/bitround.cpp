// `bitround` (v3 codec "bitround", numcodecs "bitround"): floats keep so many bits of their
// fraction, integers so many from their highest one on.
#include <cstring>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/numbers.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/codecs/transform.h"

namespace zarrloom {
namespace {

// Drops `bits` low bits: to the nearest, ties to even.
template <typename T>
T without_low_bits(T value, int bits) {
  const auto odd = static_cast<T>(value >> bits & 1);
  const auto below_half = static_cast<T>((T{1} << (bits - 1)) - 1);
  const auto mask = static_cast<T>(static_cast<T>(~T{0}) << bits);
  return static_cast<T>(static_cast<T>(value + odd + below_half) & mask);
}

template <typename T>
T rounded_integer(T value, int keep) {
  const int drop = static_cast<int>(std::bit_width(value)) - keep;
  if (drop <= 0) return value;
  const T nearest = without_low_bits(value, drop);
  // A sum that overflows is cut to the largest number, as zarrs does it.
  return nearest < value >> 1 ? static_cast<T>(static_cast<T>(~T{0}) >> drop << drop) : nearest;
}

template <typename T>
void round_bits(bool is_float, int fraction, int keep, ByteView in, MutableBytes out) {
  map_elements<T, T>(in, out, [=](T value) {
    if (!is_float) return rounded_integer(value, keep);
    return keep == fraction ? value : without_low_bits(value, fraction - keep);
  });
}

void copy(ByteView in, MutableBytes out) {
  if (!in.empty()) std::memcpy(out.data(), in.data(), in.size());
}

int fraction_bits(const DataType& dtype, std::size_t size) {
  if (dtype.kind == Kind::extension) return dtype.extension->mantissa_bits;
  return size == 2 ? 10 : size == 4 ? 23 : 52;
}

bool is_integer(Kind kind) {
  return kind == Kind::signed_integer || kind == Kind::unsigned_integer || kind == Kind::datetime ||
         kind == Kind::timedelta;
}

}  // namespace

AnyCodec make_bitround_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"keepbits"});
  const bool is_complex = spec.dtype.kind == Kind::complex;
  const bool is_small =
      spec.dtype.kind == Kind::extension && spec.dtype.extension->mantissa_bits > 0;
  const bool is_float = is_complex || is_small || spec.dtype.kind == Kind::floating;
  const std::size_t size = is_complex ? spec.dtype.item_size / 2 : spec.dtype.item_size;
  if (!is_float && !is_integer(spec.dtype.kind)) {
    fail(ErrorCode::unsupported, spec.dtype.numpy_name() + " cannot be rounded");
  }
  const int most = is_float ? fraction_bits(spec.dtype, size) : static_cast<int>(8 * size);
  const auto keep = config.integer("keepbits", is_float ? 0 : 1, most);
  if (!keep) fail(ErrorCode::invalid_argument, "\"keepbits\" is missing");
  return make_transform(
      spec, Json::Object{{"keepbits", *keep}},
      [=, bits = static_cast<int>(*keep)](ByteView in, MutableBytes out) {
        if (size == 1) round_bits<std::uint8_t>(is_float, most, bits, in, out);
        if (size == 2) round_bits<std::uint16_t>(is_float, most, bits, in, out);
        if (size == 4) round_bits<std::uint32_t>(is_float, most, bits, in, out);
        if (size == 8) round_bits<std::uint64_t>(is_float, most, bits, in, out);
      },
      copy);
}

}  // namespace zarrloom
