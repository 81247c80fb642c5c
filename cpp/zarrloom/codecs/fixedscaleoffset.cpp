// `fixedscaleoffset` (numcodecs): (x - offset) * scale, rounded, as another type.
#include <utility>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/numbers.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/codecs/transform.h"

namespace zarrloom {
namespace {

// As the metadata has them: whether they are integers decides in which type numpy computes.
struct Scaling {
  TransformTypes types;
  double offset = 0;
  double scale = 1;
  std::optional<std::int64_t> whole_offset = std::nullopt;  // if it is written as an integer
  std::optional<std::int64_t> whole_scale = std::nullopt;
};

template <typename T>
void encode_as(T offset, T scale, ByteView in, MutableBytes out) {
  map_elements<T, T>(in, out, [=](T value) {
    const T moved = computed(value, offset, [](auto x, auto y) { return x - y; });
    return rounded(computed(moved, scale, [](auto x, auto y) { return x * y; }));
  });
}

// Integers stay integers as long as they meet nothing else.
template <typename T>
void encode_integers(const Scaling& s, ByteView in, MutableBytes out) {
  const DataType& dtype = s.types.decoded;
  const DataType real = number_type(Kind::floating, 8);
  if (s.whole_offset && s.whole_scale) {
    Bytes plain(in.size());
    encode_as(static_cast<T>(*s.whole_offset), static_cast<T>(*s.whole_scale), in, plain.span());
    return convert_elements(dtype, s.types.encoded, plain.view(), out);
  }
  Bytes plain(in.size() / sizeof(T) * sizeof(double));
  if (s.whole_offset) {
    const T offset = static_cast<T>(*s.whole_offset);
    map_elements<T, double>(in, plain.span(), [&](T value) {
      const T moved = computed(value, offset, [](auto x, auto y) { return x - y; });
      return std::nearbyint(static_cast<double>(moved) * s.scale);
    });
  } else {
    map_elements<T, double>(in, plain.span(), [&](T value) {
      return std::nearbyint((static_cast<double>(value) - s.offset) * s.scale);
    });
  }
  convert_elements(real, s.types.encoded, plain.view(), out);
}

void encode(const Scaling& s, ByteView in, MutableBytes out) {
  visit_number(s.types.decoded, [&]<typename T>(Tag<T>) {
    if constexpr (std::is_integral_v<T>) {
      encode_integers<T>(s, in, out);
    } else if constexpr (!std::is_same_v<T, Bool>) {
      Bytes plain(in.size());
      encode_as(convert<T>(s.offset), convert<T>(s.scale), in, plain.span());
      convert_elements(s.types.decoded, s.types.encoded, plain.view(), out);
    }
  });
}

template <typename T>
void decode_as(const Scaling& s, MutableBytes plain) {
  const T scale = convert<T>(s.scale), offset = convert<T>(s.offset);
  map_elements<T, T>(plain, plain, [=](T value) {
    const T divided = computed(value, scale, [](auto x, auto y) { return x / y; });
    return computed(divided, offset, [](auto x, auto y) { return x + y; });
  });
}

// numpy divides integers as doubles, and floats as what they are.
void decode(const Scaling& s, ByteView in, MutableBytes out) {
  const bool is_float = s.types.encoded.kind == Kind::floating;
  const DataType type = is_float ? s.types.encoded : number_type(Kind::floating, 8);
  Bytes plain(in.size() / s.types.encoded.item_size * type.item_size);
  convert_elements(s.types.encoded, type, in, plain.span());
  if (type.item_size == 2) decode_as<Half>(s, plain.span());
  if (type.item_size == 4) decode_as<float>(s, plain.span());
  if (type.item_size == 8) decode_as<double>(s, plain.span());
  convert_elements(type, s.types.decoded, plain.view(), out);
}

std::optional<std::int64_t> whole(const ConfigReader& config, std::string_view name,
                                  const DataType& dtype) {
  const Json* value = config.find(name);
  if (value == nullptr || value->as_int() == nullptr) return std::nullopt;
  const std::int64_t number = *value->as_int();
  visit_number(dtype, [&]<typename T>(Tag<T>) {
    if constexpr (std::is_integral_v<T>) {
      if (std::in_range<T>(number)) return;
      fail(ErrorCode::invalid_argument, "\"" + std::string(name) + "\" " + std::to_string(number) +
                                            " is no " + dtype.numpy_name());
    }
  });
  return number;
}

}  // namespace

AnyCodec make_fixedscaleoffset_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"offset", "scale", "dtype", "astype"});
  const DataType dtype = read_type(config, "dtype").value_or(spec.dtype);
  Scaling s{types_for(spec, dtype, read_type(config, "astype").value_or(dtype))};
  const std::optional<double> offset = read_number(config, "offset");
  const std::optional<double> scale = read_number(config, "scale");
  if (!offset) fail(ErrorCode::invalid_argument, "\"offset\" is missing");
  if (!scale || *scale == 0)
    fail(ErrorCode::invalid_argument, "\"scale\" must be given, and not 0");
  if (dtype.kind == Kind::boolean || s.types.encoded.kind == Kind::boolean) {
    fail(ErrorCode::unsupported, "bools cannot be scaled");
  }
  s.offset = *offset;
  s.scale = *scale;
  s.whole_offset = whole(config, "offset", dtype);
  s.whole_scale = whole(config, "scale", dtype);
  Json told = Json::Object{{"offset", *config.find("offset")},
                           {"scale", *config.find("scale")},
                           {"dtype", type_text(s.types.decoded)},
                           {"astype", type_text(s.types.encoded)}};
  const ChunkSpec encoded = s.types.encoded_spec;
  return make_transform(
      encoded, std::move(told), [s](ByteView in, MutableBytes out) { encode(s, in, out); },
      [s](ByteView in, MutableBytes out) { decode(s, in, out); });
}

}  // namespace zarrloom
