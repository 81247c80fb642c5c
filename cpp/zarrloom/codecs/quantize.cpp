// `quantize` (numcodecs): floats rounded to so many decimal digits, as multiples of a power of two.
#include <cmath>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/numbers.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/codecs/transform.h"

namespace zarrloom {
namespace {

// The power of two that numcodecs multiplies with.
double scale_for(std::int64_t digits) {
  double exponent = std::log10(std::pow(10.0, -static_cast<double>(digits)));
  exponent = exponent < 0 ? std::floor(exponent) : std::ceil(exponent);
  return std::pow(2.0, std::ceil(std::log2(std::pow(10.0, -exponent))));
}

template <typename T>
void quantize(double scale_number, ByteView in, MutableBytes out) {
  const T scale = convert<T>(scale_number);
  map_elements<T, T>(in, out, [scale](T value) {
    const T scaled = rounded(computed(scale, value, [](auto x, auto y) { return x * y; }));
    return computed(scaled, scale, [](auto x, auto y) { return x / y; });
  });
}

void encode(const TransformTypes& types, double scale, ByteView in, MutableBytes out) {
  Bytes plain(in.size());
  if (types.decoded.item_size == 2) quantize<Half>(scale, in, plain.span());
  if (types.decoded.item_size == 4) quantize<float>(scale, in, plain.span());
  if (types.decoded.item_size == 8) quantize<double>(scale, in, plain.span());
  convert_elements(types.decoded, types.encoded, plain.view(), out);
}

}  // namespace

AnyCodec make_quantize_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"digits", "dtype", "astype"});
  const std::optional<std::int64_t> digits = config.integer("digits", -300, 300);
  if (!digits) fail(ErrorCode::invalid_argument, "\"digits\" is missing");
  const DataType dtype = read_type(config, "dtype").value_or(spec.dtype);
  const TransformTypes types = types_for(spec, dtype, read_type(config, "astype").value_or(dtype));
  if (types.decoded.kind != Kind::floating || types.encoded.kind != Kind::floating) {
    fail(ErrorCode::invalid_argument, "only floats can be quantized");
  }
  const double scale = scale_for(*digits);
  Json told = Json::Object{{"digits", *digits},
                           {"dtype", type_text(types.decoded)},
                           {"astype", type_text(types.encoded)}};
  return make_transform(
      types.encoded_spec, std::move(told),
      [types, scale](ByteView in, MutableBytes out) { encode(types, scale, in, out); },
      [types](ByteView in, MutableBytes out) {
        convert_elements(types.encoded, types.decoded, in, out);
      });
}

}  // namespace zarrloom
