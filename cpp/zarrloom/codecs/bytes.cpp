// `bytes`: elements one after another, in either byte order (v3 codec "bytes").
#include <algorithm>
#include <bit>

#include "zarrloom/base/error.h"
#include "zarrloom/base/strided_copy.h"
#include "zarrloom/codecs/bool_bytes.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

class BytesCodec final : public ArrayToBytes {
 public:
  BytesCodec(ChunkSpec spec, bool swap, Json configuration)
      : spec_(std::move(spec)),
        size_(spec_.decoded_size()),
        strides_(c_strides(spec_.shape, spec_.dtype.item_size)),
        swap_size_(swap ? spec_.dtype.swap_size() : 1),
        configuration_(std::move(configuration)) {}

 private:
  Json configuration() const override { return configuration_; }
  std::size_t max_encoded_size() const override { return size_; }
  bool has_fixed_size() const override { return true; }
  const ShardLayout* shard_layout() const override { return nullptr; }
  bool is_memory_image() const override { return swap_size_ == 1; }

  void encode(const ConstArrayView& chunk, Bytes& out) const override {
    out.resize_uninitialized(size_);
    const ArrayView to{out.data(), spec_.shape, strides_, spec_.dtype.item_size};
    strided_copy_swapped(chunk, to, swap_size_);
  }

  void decode_part(ByteView encoded, const Dims& start, const Dims& step,
                   const ArrayView& out) const override {
    const ConstArrayView chunk{encoded.data(), spec_.shape, strides_, spec_.dtype.item_size};
    const ConstArrayView part = sub_view(chunk, start, step, out.shape);
    check_memory_image(encoded);
    strided_copy_swapped(part, out, swap_size_);
  }

  void check_memory_image(ByteView decoded) const override {
    if (spec_.dtype.kind == Kind::boolean) check_bool_bytes(decoded);
  }

  ChunkSpec spec_;
  std::size_t size_;
  Dims strides_;
  std::size_t swap_size_;  // 1 = stored in native order
  Json configuration_;
};

}  // namespace

void check_bool_bytes(ByteView bytes) {
  // All bits in one sweep first: compilers do it in vectors, a search they do not.
  std::byte bits{};
  for (std::byte b : bytes) bits |= b;
  if (bits <= std::byte{1}) return;
  const auto wrong =
      std::find_if(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; });
  fail(ErrorCode::corrupt_data, "byte " + std::to_string(wrong - bytes.begin()) +
                                    " of a bool chunk is " +
                                    std::to_string(std::to_integer<int>(*wrong)) + ", not 0 or 1");
}

AnyCodec make_bytes_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"endian"});
  const std::optional<std::string> endian = config.text("endian");
  if (endian && *endian != "little" && *endian != "big") {
    fail(ErrorCode::invalid_argument,
         "\"endian\" must be \"little\" or \"big\", not \"" + *endian + "\"");
  }
  if (spec.dtype.is_variable()) {
    fail(ErrorCode::invalid_argument, "elements of type " + spec.dtype.numpy_name() +
                                          " have no fixed size; take vlen-utf8 or vlen-bytes");
  }
  if (spec.dtype.kind == Kind::structured && endian == "big") {
    fail(ErrorCode::unsupported, "structured elements of big-endian fields are not supported");
  }
  if (spec.dtype.swap_size() == 1) {
    const bool told = spec.dtype.kind == Kind::structured && endian.has_value();
    return std::make_unique<BytesCodec>(spec, false,
                                        told ? Json::Object{{"endian", *endian}} : Json::Object{});
  }
  if (!endian) {
    fail(ErrorCode::invalid_argument,
         "\"endian\" is needed for elements of type " + spec.dtype.numpy_name());
  }
  const bool native_little = std::endian::native == std::endian::little;
  const bool swap = (*endian == "little") != native_little;
  return std::make_unique<BytesCodec>(spec, swap, Json::Object{{"endian", *endian}});
}

}  // namespace zarrloom
