// `scale_offset` (v3 codec "scale_offset"): (x - offset) * scale, in the type that the elements
// have. Integers wrap around, and are divided towards minus infinity, as zarr-python does it.
#include <utility>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/numbers.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/codecs/transform.h"

namespace zarrloom {
namespace {

template <typename T>
T divided(T value, T scale) {
  if constexpr (std::is_integral_v<T>) {
    if constexpr (std::is_signed_v<T>) {
      if (scale == -1) return computed(T{0}, value, [](auto x, auto y) { return x - y; });
    }
    const T quotient = static_cast<T>(value / scale);
    const bool inexact = static_cast<T>(quotient * scale) != value;
    return static_cast<T>(quotient - (inexact && (value < 0) != (scale < 0) ? 1 : 0));
  } else {
    return computed(value, scale, [](auto x, auto y) { return x / y; });
  }
}

template <typename T>
void encode(T offset, T scale, ByteView in, MutableBytes out) {
  map_elements<T, T>(in, out, [=](T value) {
    const T moved = computed(value, offset, [](auto x, auto y) { return x - y; });
    return computed(moved, scale, [](auto x, auto y) { return x * y; });
  });
}

template <typename T>
void decode(T offset, T scale, ByteView in, MutableBytes out) {
  map_elements<T, T>(in, out, [=](T value) {
    return computed(divided(value, scale), offset, [](auto x, auto y) { return x + y; });
  });
}

// A number that the type holds; integers as integers.
template <typename T>
T scalar(const ConfigReader& config, std::string_view name, int otherwise) {
  const Json* value = config.find(name);
  if (value == nullptr) return convert<T>(static_cast<double>(otherwise));
  if constexpr (std::is_integral_v<T>) {
    if (const std::int64_t* number = value->as_int(); number && std::in_range<T>(*number)) {
      return static_cast<T>(*number);
    }
    if (const std::uint64_t* number = value->as_uint(); number && std::in_range<T>(*number)) {
      return static_cast<T>(*number);
    }
    fail(ErrorCode::invalid_argument, "\"" + std::string(name) + "\" " + write_json(*value, 0) +
                                          " is no number that the elements' type holds");
  } else {
    return convert<T>(*read_number(config, name));
  }
}

}  // namespace

AnyCodec make_scale_offset_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"offset", "scale"});
  Json told = Json::Object{};
  for (const char* name : {"offset", "scale"}) {
    if (const Json* value = config.find(name)) told.set(name, *value);
  }
  if (spec.dtype.kind != Kind::floating && spec.dtype.kind != Kind::signed_integer &&
      spec.dtype.kind != Kind::unsigned_integer) {
    fail(ErrorCode::unsupported, "elements of type " + spec.dtype.numpy_name() + " are not scaled");
  }
  if (read_number(config, "scale").value_or(1) == 0) {
    fail(ErrorCode::invalid_argument, "\"scale\" must not be 0");
  }
  return visit_number(spec.dtype, [&]<typename T>(Tag<T>) -> AnyCodec {
    if constexpr (std::is_same_v<T, Bool>) {
      fail(ErrorCode::internal, "a bool among the numbers");
    } else {
      const T offset = scalar<T>(config, "offset", 0), scale = scalar<T>(config, "scale", 1);
      const auto forth = [=](ByteView in, MutableBytes out) { encode(offset, scale, in, out); };
      const auto back = [=](ByteView in, MutableBytes out) { decode(offset, scale, in, out); };
      ChunkSpec encoded = spec;
      if (encoded.fill_value.size() == sizeof(T)) forth(spec.fill_value, encoded.fill_value);
      return make_transform(std::move(encoded), std::move(told), forth, back);
    }
  });
}

}  // namespace zarrloom
