// `delta` (numcodecs): the difference of each element to the one before it, in C order.
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/numbers.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/codecs/transform.h"

namespace zarrloom {
namespace {

// numpy's diff of bool is "unequal". Its cumsum of bool is "or", so that numcodecs does not get
// back what it has stored; the sum modulo 2 does.
template <typename T>
T difference(T a, T b) {
  if constexpr (std::is_same_v<T, Bool>) {
    return Bool{static_cast<std::uint8_t>((a.byte != 0) != (b.byte != 0))};
  } else {
    return computed(a, b, [](auto x, auto y) { return x - y; });
  }
}

template <typename T>
T sum(T a, T b) {
  if constexpr (std::is_same_v<T, Bool>) {
    return difference(a, b);
  } else {
    return computed(a, b, [](auto x, auto y) { return x + y; });
  }
}

// A byte that is neither 0 nor 1 must not go on as a bool.
template <typename T>
T first_of(ByteView in) {
  const T value = load<T>(in.data());
  if constexpr (std::is_same_v<T, Bool>) return difference(value, Bool{0});
  return value;
}

void differences(const DataType& dtype, ByteView in, MutableBytes out) {
  visit_number(dtype, [&]<typename T>(Tag<T>) {
    if (in.empty()) return;
    store(out.data(), first_of<T>(in));
    for (std::size_t at = sizeof(T); at < in.size(); at += sizeof(T)) {
      const T before = load<T>(in.data() + at - sizeof(T));
      store(out.data() + at, difference(load<T>(in.data() + at), before));
    }
  });
}

// `in` may be `out`.
void sums(const DataType& dtype, ByteView in, MutableBytes out) {
  visit_number(dtype, [&]<typename T>(Tag<T>) {
    if (in.empty()) return;
    T total = first_of<T>(in);
    store(out.data(), total);
    for (std::size_t at = sizeof(T); at < in.size(); at += sizeof(T)) {
      total = sum(total, load<T>(in.data() + at));
      store(out.data() + at, total);
    }
  });
}

void encode(const TransformTypes& types, ByteView in, MutableBytes out) {
  if (types.decoded == types.encoded) return differences(types.decoded, in, out);
  Bytes plain(in.size());
  differences(types.decoded, in, plain.span());
  convert_elements(types.decoded, types.encoded, plain.view(), out);
}

void decode(const TransformTypes& types, ByteView in, MutableBytes out) {
  if (types.decoded == types.encoded) return sums(types.decoded, in, out);
  const bool with_float =
      types.decoded.kind == Kind::floating || types.encoded.kind == Kind::floating;
  // As numpy's cumsum: in the type that holds both, turned into the wanted one at the end.
  const DataType type = with_float ? promoted(types.decoded, types.encoded) : types.decoded;
  Bytes plain(in.size() / types.encoded.item_size * type.item_size);
  convert_elements(types.encoded, type, in, plain.span());
  sums(type, plain.view(), plain.span());
  convert_elements(type, types.decoded, plain.view(), out);
}

}  // namespace

AnyCodec make_delta_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"dtype", "astype"});
  const DataType dtype = read_type(config, "dtype").value_or(spec.dtype);
  const TransformTypes types = types_for(spec, dtype, read_type(config, "astype").value_or(dtype));
  Json told =
      Json::Object{{"dtype", type_text(types.decoded)}, {"astype", type_text(types.encoded)}};
  return make_transform(
      types.encoded_spec, std::move(told),
      [types](ByteView in, MutableBytes out) { encode(types, in, out); },
      [types](ByteView in, MutableBytes out) { decode(types, in, out); });
}

}  // namespace zarrloom
