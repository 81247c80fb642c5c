#include "zarrloom/codecs/transform.h"

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/numbers.h"

namespace zarrloom {
namespace {

class Transform final : public ArrayTransform {
 public:
  Transform(ChunkSpec encoded, Json configuration, Kernel encode, Kernel decode)
      : encoded_(std::move(encoded)),
        configuration_(std::move(configuration)),
        encode_(std::move(encode)),
        decode_(std::move(decode)) {}

 private:
  Json configuration() const override { return configuration_; }
  ChunkSpec encoded_spec() const override { return encoded_; }
  void encode(ByteView decoded, MutableBytes out) const override { encode_(decoded, out); }
  void decode(ByteView encoded, MutableBytes out) const override { decode_(encoded, out); }

  ChunkSpec encoded_;
  Json configuration_;
  Kernel encode_;
  Kernel decode_;
};

bool is_number(const DataType& dtype) {
  switch (dtype.kind) {
    case Kind::boolean:
    case Kind::signed_integer:
    case Kind::unsigned_integer:
    case Kind::floating:
    case Kind::datetime:
    case Kind::timedelta:
      return true;
    default:
      return false;
  }
}

// zarr-python keeps the fill value's number when a codec of numcodecs changes the type.
std::vector<std::byte> converted_fill(const ChunkSpec& spec, const DataType& to) {
  std::vector<std::byte> fill(to.item_size);
  if (is_number(spec.dtype) && spec.fill_value.size() == spec.dtype.item_size) {
    convert_elements(spec.dtype, to, spec.fill_value, fill);
  }
  return fill;
}

}  // namespace

AnyCodec make_transform(ChunkSpec encoded, Json configuration, Kernel encode, Kernel decode) {
  return std::make_unique<Transform>(std::move(encoded), std::move(configuration),
                                     std::move(encode), std::move(decode));
}

std::optional<DataType> read_type(const ConfigReader& config, std::string_view name) {
  const std::optional<std::string> text = config.text(name);
  if (!text) return std::nullopt;
  DataType dtype;
  if (text->find_first_of("<>|=") == 0) {
    dtype = dtype_from_v2((*text)[0] == '=' ? '<' + text->substr(1) : *text).dtype;
  } else if (text->size() == 2) {  // "i4"
    dtype = dtype_from_v2('<' + *text).dtype;
  } else {
    dtype = dtype_from_numpy_name(*text);
  }
  if (!is_number(dtype)) {
    fail(ErrorCode::unsupported,
         "\"" + std::string(name) + "\" " + *text + " is no type of real numbers");
  }
  return dtype;
}

std::string type_text(const DataType& dtype) { return dtype_to_v2(dtype, false); }

std::optional<double> read_number(const ConfigReader& config, std::string_view name) {
  const Json* value = config.find(name);
  if (value == nullptr) return std::nullopt;
  if (const std::int64_t* integer = value->as_int()) return static_cast<double>(*integer);
  if (const double* number = value->as_double()) return *number;
  if (const std::uint64_t* large = value->as_uint()) return static_cast<double>(*large);
  fail(ErrorCode::invalid_argument,
       "\"" + std::string(name) + "\" must be a number, not " + write_json(*value, 0));
}

TransformTypes types_for(const ChunkSpec& spec, const DataType& decoded, const DataType& encoded) {
  if (!is_number(decoded) || !is_number(encoded)) {
    const DataType& wrong = is_number(decoded) ? encoded : decoded;
    fail(ErrorCode::unsupported, "elements of type " + wrong.numpy_name() + " are no real numbers");
  }
  ChunkSpec out{spec.shape, encoded, converted_fill(spec, encoded)};
  if (spec.dtype.item_size != decoded.item_size) {
    const std::size_t size = spec.decoded_size();
    if (size % decoded.item_size != 0) {
      fail(ErrorCode::invalid_argument, "a chunk of " + std::to_string(size) +
                                            " bytes is no whole number of elements of type " +
                                            decoded.numpy_name());
    }
    out.shape = {static_cast<std::int64_t>(size / decoded.item_size)};
  }
  return {decoded, encoded, std::move(out)};
}

}  // namespace zarrloom
