// `vlen-utf8`, `vlen-bytes` (v3 codecs of these names, numcodecs' VLenUTF8 and VLenBytes) and
// numcodecs' `vlen-array`: the number of elements, then each as its size and its bytes. Numbers are
// little-endian and of four bytes.
#include <array>
#include <bit>
#include <cstdint>

#include "zarrloom/base/error.h"
#include "zarrloom/base/utf8.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

constexpr std::size_t kNumber = 4;
// The format allows more. Nothing is allocated by it.
constexpr std::size_t kMostBytes = std::size_t{1} << 36;

std::uint32_t load_number(const std::byte* from) {
  std::uint32_t value = 0;
  for (std::size_t i = kNumber; i-- > 0;)
    value = value << 8 | std::to_integer<std::uint32_t>(from[i]);
  return value;
}

void store_number(std::byte* to, std::size_t value) {
  for (std::size_t i = 0; i < kNumber; ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
}

class VlenCodec final : public ArrayToBytes {
 public:
  VlenCodec(const ChunkSpec& spec, Json configuration)
      : shape_(spec.shape), dtype_(spec.dtype), configuration_(std::move(configuration)) {}

 private:
  Json configuration() const override { return configuration_; }
  std::size_t max_encoded_size() const override { return kMostBytes; }
  bool has_fixed_size() const override { return false; }
  bool is_memory_image() const override { return false; }
  void check_memory_image(ByteView) const override {}
  const ShardLayout* shard_layout() const override { return nullptr; }

  void encode(const ConstArrayView& chunk, Bytes& out) const override {
    std::size_t size = kNumber;
    for_each_item(chunk, [&](const std::byte* at) {
      const VarItem item = VarItem::load(at);
      check_item(item);
      size += kNumber + item.size;
    });
    out.resize_uninitialized(size);
    std::byte* to = out.data();
    store_number(to, static_cast<std::size_t>(chunk.element_count()));
    to += kNumber;
    for_each_item(chunk, [&](const std::byte* at) {
      const VarItem item = VarItem::load(at);
      store_number(to, item.size);
      if (item.size > 0) std::memcpy(to + kNumber, item.data, item.size);
      to += kNumber + item.size;
    });
  }

  void check_item(const VarItem& item) const {
    if (item.size > UINT32_MAX) {
      fail(ErrorCode::invalid_argument, "an element of " + std::to_string(item.size) +
                                            " bytes; none may have more than 4294967295");
    }
    if (const char* wrong = what_is_wrong(item.bytes())) {
      fail(ErrorCode::invalid_argument, wrong);
    }
  }

  const char* what_is_wrong(ByteView bytes) const {
    if (dtype_.kind == Kind::text && !is_utf8(bytes)) return "an element is no UTF-8";
    if (dtype_.kind == Kind::numbers && bytes.size() % dtype_.fields.front().dtype.item_size != 0) {
      return "an element's size is no whole number of items";
    }
    return nullptr;
  }

  void decode_part(ByteView encoded, const Dims& start, const Dims& step,
                   const ArrayView& out) const override {
    if (out.arena == nullptr) {
      fail(ErrorCode::invalid_argument,
           "elements of variable size are read into a view with an arena");
    }
    Bytes items = items_of(encoded);
    const ConstArrayView chunk = c_view(items.view(), shape_, sizeof(VarItem));
    deep_copy(sub_view(chunk, start, step, out.shape), out, *out.arena);
  }

  // Where each element's bytes lie in `encoded`.
  Bytes items_of(ByteView encoded) const {
    const auto count = static_cast<std::size_t>(checked_product(shape_, "chunk shape"));
    const ByteView all = encoded;
    const std::size_t told = take_number(encoded);
    if (told != count) {
      fail(ErrorCode::corrupt_data,
           std::to_string(told) + " elements stored, " + std::to_string(count) + " expected");
    }
    if (encoded.size() / kNumber < count) fail_cut(all);  // before memory is allocated for them
    Bytes items(count * sizeof(VarItem));
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t size = take_number(encoded);
      if (size > encoded.size()) fail_cut(all);
      if (const char* wrong = what_is_wrong(encoded.first(size))) {
        fail(ErrorCode::corrupt_data, std::string(wrong) + ", number " + std::to_string(i));
      }
      VarItem::of(encoded.first(size)).store(items.data() + i * sizeof(VarItem));
      encoded = encoded.subspan(size);
    }
    if (encoded.empty()) return items;
    fail(ErrorCode::corrupt_data,
         std::to_string(encoded.size()) + " bytes stored behind the last element");
  }

  static std::size_t take_number(ByteView& encoded) {
    if (encoded.size() < kNumber) fail_cut(encoded);
    const std::size_t number = load_number(encoded.data());
    encoded = encoded.subspan(kNumber);
    return number;
  }

  [[noreturn]] static void fail_cut(ByteView all) {
    fail(ErrorCode::corrupt_data,
         "the elements go on beyond the " + std::to_string(all.size()) + " bytes stored");
  }

  const Dims shape_;
  const DataType dtype_;
  const Json configuration_;
};

AnyCodec make_vlen(const ChunkSpec& spec, Kind kind, Json configuration) {
  if (spec.dtype.kind != kind) {
    fail(ErrorCode::invalid_argument,
         "elements of type " + spec.dtype.numpy_name() + " are not for this codec");
  }
  if (checked_product(spec.shape, "chunk shape") > UINT32_MAX) {
    fail(ErrorCode::invalid_argument, "a chunk of more than 4294967295 elements");
  }
  return std::make_unique<VlenCodec>(spec, std::move(configuration));
}

}  // namespace

AnyCodec make_vlen_utf8_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {});
  return make_vlen(spec, Kind::text, Json::Object{});
}

AnyCodec make_vlen_bytes_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {});
  return make_vlen(spec, Kind::blob, Json::Object{});
}

AnyCodec make_vlen_array_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"dtype"});
  Json told = Json::Object{};
  if (spec.dtype.kind == Kind::numbers) {
    const Field& items = spec.dtype.fields.front();
    const std::string own = dtype_to_v2(items.dtype, items.big_endian);
    const std::string type = config.text("dtype").value_or(own);
    if (type != own) {
      fail(ErrorCode::invalid_argument,
           "\"dtype\" " + type + " is not that of the elements, " + own);
    }
    told.set("dtype", type);
  }
  return make_vlen(spec, Kind::numbers, std::move(told));
}

}  // namespace zarrloom
