// `packbits` (v3 codec "packbits"): of each element only some bits, one element after another, from
// the lowest bit of the first byte on.
#include <algorithm>
#include <cstring>

#include "zarrloom/base/error.h"
#include "zarrloom/base/strided_copy.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

enum class Padding { none, first_byte, last_byte };

// The elements as numbers of equal size: an element itself, or both halves of a complex one.
struct Components {
  std::size_t size;  // bytes in memory
  int bits;          // 1 for bool
  int first;         // of the bits that are stored
  int count;         // bits that are stored
  bool is_signed;
};

std::uint64_t load_bits(const std::byte* from, std::size_t size) {
  switch (size) {
    case 1:
      return std::to_integer<std::uint64_t>(*from);
    case 2: {
      std::uint16_t value;
      std::memcpy(&value, from, sizeof value);
      return value;
    }
    case 4: {
      std::uint32_t value;
      std::memcpy(&value, from, sizeof value);
      return value;
    }
    default: {
      std::uint64_t value;
      std::memcpy(&value, from, sizeof value);
      return value;
    }
  }
}

template <typename T>
void store_as(std::byte* to, std::uint64_t bits) {
  const T value = static_cast<T>(bits);
  std::memcpy(to, &value, sizeof value);
}

void store_bits(std::byte* to, std::size_t size, std::uint64_t bits) {
  if (size == 1) store_as<std::uint8_t>(to, bits);
  if (size == 2) store_as<std::uint16_t>(to, bits);
  if (size == 4) store_as<std::uint32_t>(to, bits);
  if (size == 8) store_as<std::uint64_t>(to, bits);
}

std::uint64_t low_bits(int count) {
  return count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

class PackbitsCodec final : public ArrayToBytes {
 public:
  PackbitsCodec(ChunkSpec spec, Components components, Padding padding, Json configuration)
      : spec_(std::move(spec)),
        components_(components),
        padding_(padding),
        configuration_(std::move(configuration)),
        size_(spec_.decoded_size()),
        count_(size_ / components.size) {
    const auto bits =
        static_cast<unsigned __int128>(count_) * static_cast<unsigned>(components.count);
    packed_ = static_cast<std::size_t>((bits + 7) / 8);
    unused_ = static_cast<int>(8 * packed_ - bits);
  }

 private:
  Json configuration() const override { return configuration_; }
  std::size_t max_encoded_size() const override {
    return packed_ + (padding_ == Padding::none ? 0 : 1);
  }
  bool has_fixed_size() const override { return true; }
  bool is_memory_image() const override { return false; }
  void check_memory_image(ByteView) const override {}
  const ShardLayout* shard_layout() const override { return nullptr; }

  void encode(const ConstArrayView& chunk, Bytes& out) const override {
    Bytes plain(size_);
    strided_copy(chunk, c_view(plain.span(), spec_.shape, spec_.dtype.item_size));
    out.resize_uninitialized(max_encoded_size());
    std::fill_n(out.data(), out.size(), std::byte{0});
    std::byte* packed = out.data() + (padding_ == Padding::first_byte ? 1 : 0);
    if (padding_ == Padding::first_byte) out.data()[0] = static_cast<std::byte>(unused_);
    if (padding_ == Padding::last_byte) out.data()[packed_] = static_cast<std::byte>(unused_);
    for (std::size_t i = 0; i < count_; ++i) {
      std::uint64_t bits = load_bits(plain.data() + i * components_.size, components_.size);
      bits = bits >> components_.first & low_bits(components_.count);
      put(packed, i, bits);
    }
  }

  // The stored bits of component i, eight at a time at the most.
  void put(std::byte* packed, std::size_t i, std::uint64_t bits) const {
    const auto [byte, offset] = place_of(i);
    int at = offset;
    for (int done = 0; done < components_.count;) {
      const int now = std::min(8 - at % 8, components_.count - done);
      packed[byte + static_cast<std::size_t>(at / 8)] |=
          static_cast<std::byte>((bits >> done & low_bits(now)) << (at % 8));
      done += now;
      at += now;
    }
  }

  std::uint64_t get(const std::byte* packed, std::size_t i) const {
    const auto [byte, offset] = place_of(i);
    int at = offset;
    std::uint64_t bits = 0;
    for (int done = 0; done < components_.count;) {
      const int now = std::min(8 - at % 8, components_.count - done);
      const auto part =
          std::to_integer<std::uint64_t>(packed[byte + static_cast<std::size_t>(at / 8)]);
      bits |= (part >> (at % 8) & low_bits(now)) << done;
      done += now;
      at += now;
    }
    return bits;
  }

  struct Place {
    std::size_t byte;
    int offset;
  };
  Place place_of(std::size_t i) const {
    const auto bit = static_cast<unsigned __int128>(i) * static_cast<unsigned>(components_.count);
    return {static_cast<std::size_t>(bit / 8), static_cast<int>(bit % 8)};
  }

  void decode_part(ByteView encoded, const Dims& start, const Dims& step,
                   const ArrayView& out) const override {
    const std::byte* packed = encoded.data() + (padding_ == Padding::first_byte ? 1 : 0);
    if (padding_ != Padding::none) {
      const std::byte told = padding_ == Padding::first_byte ? encoded.front() : encoded.back();
      if (told != static_cast<std::byte>(unused_)) {
        fail(ErrorCode::corrupt_data, std::to_string(std::to_integer<int>(told)) +
                                          " unused bits announced, " + std::to_string(unused_) +
                                          " expected");
      }
    }
    Bytes plain(size_);
    for (std::size_t i = 0; i < count_; ++i) {
      std::uint64_t bits = get(packed, i);
      if (components_.is_signed && (bits >> (components_.count - 1) & 1) != 0) {
        bits |= ~low_bits(components_.count);
      }
      store_bits(plain.data() + i * components_.size, components_.size, bits << components_.first);
    }
    const ConstArrayView chunk = c_view(plain.view(), spec_.shape, spec_.dtype.item_size);
    strided_copy(sub_view(chunk, start, step, out.shape), out);
  }

  ChunkSpec spec_;
  Components components_;
  Padding padding_;
  Json configuration_;
  std::size_t size_;   // decoded bytes
  std::size_t count_;  // components
  std::size_t packed_ = 0;
  int unused_ = 0;  // bits of the last byte
};

Padding read_padding(const ConfigReader& config) {
  const std::string text = config.text("padding_encoding").value_or("none");
  if (text == "none") return Padding::none;
  if (text == "first_byte" || text == "start_byte") return Padding::first_byte;  // an older draft's
  if (text == "last_byte" || text == "end_byte") return Padding::last_byte;
  fail(ErrorCode::invalid_argument,
       "\"padding_encoding\" must be \"none\", \"first_byte\" or \"last_byte\", not \"" + text +
           "\"");
}

Components components_of(const DataType& dtype) {
  if (dtype.kind == Kind::raw || dtype.kind == Kind::fixed_bytes || dtype.kind == Kind::unicode ||
      dtype.kind == Kind::structured) {
    fail(ErrorCode::unsupported, "elements of type " + dtype.numpy_name() + " cannot be packed");
  }
  if (dtype.kind == Kind::extension) {
    const int bits = dtype.extension->packed_bits;
    if (bits > 0) return {dtype.item_size, bits, 0, 0, false};
    fail(ErrorCode::unsupported, "elements of type " + dtype.numpy_name() + " cannot be packed");
  }
  const std::size_t size = dtype.swap_size();
  const int bits = dtype.kind == Kind::boolean ? 1 : static_cast<int>(8 * dtype.item_size);
  const bool is_signed = dtype.kind == Kind::signed_integer;
  if (dtype.kind == Kind::complex) return {size, static_cast<int>(8 * size), 0, 0, false};
  return {dtype.item_size, bits, 0, 0, is_signed};
}

}  // namespace

AnyCodec make_packbits_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"padding_encoding", "first_bit", "last_bit"});
  Components components = components_of(spec.dtype);
  const int top = components.bits - 1;
  components.first = static_cast<int>(config.integer("first_bit", 0, top).value_or(0));
  const auto last = config.integer("last_bit", components.first, top).value_or(top);
  components.count = static_cast<int>(last) - components.first + 1;
  const Padding padding = read_padding(config);
  constexpr const char* kNames[] = {"none", "first_byte", "last_byte"};
  Json told = Json::Object{{"padding_encoding", kNames[static_cast<int>(padding)]}};
  for (const char* name : {"first_bit", "last_bit"}) {
    if (const Json* value = config.find(name)) told.set(name, *value);
  }
  return std::make_unique<PackbitsCodec>(spec, components, padding, std::move(told));
}

}  // namespace zarrloom
