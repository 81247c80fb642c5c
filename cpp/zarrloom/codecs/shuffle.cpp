// `shuffle` (numcodecs): the first bytes of all elements, then their second bytes, and so on.
#include <cstring>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

// Elements that are moved between the two orders at a time, so that their bytes stay in the cache.
constexpr std::size_t kBlock = 1024;

class ShuffleCodec final : public BytesToBytes {
 public:
  explicit ShuffleCodec(std::size_t element_size) : element_size_(element_size) {}

 private:
  Json configuration() const override {
    return Json::Object{{"elementsize", static_cast<std::int64_t>(element_size_)}};
  }
  bool has_fixed_size() const override { return true; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override { return decoded_size; }

  // Calls move(place among the elements, place among the shuffled bytes) for each byte.
  template <typename Move>
  void for_each_byte(std::size_t size, const Move& move) const {
    const std::size_t count = size / element_size_;
    for (std::size_t first = 0; first < count; first += kBlock) {
      const std::size_t end = std::min(count, first + kBlock);
      for (std::size_t byte = 0; byte < element_size_; ++byte) {
        for (std::size_t i = first; i < end; ++i) move(i * element_size_ + byte, byte * count + i);
      }
    }
  }

  bool moves_nothing(std::size_t size) const {
    return element_size_ <= 1 || size / element_size_ <= 1;
  }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    if (element_size_ > 1 && decoded.size() % element_size_ != 0) {
      fail(ErrorCode::invalid_argument, std::to_string(decoded.size()) +
                                            " bytes are no whole number of elements of " +
                                            std::to_string(element_size_));
    }
    if (decoded.empty()) return 0;
    if (moves_nothing(decoded.size())) {
      std::memcpy(out.data(), decoded.data(), decoded.size());
    } else {
      for_each_byte(decoded.size(), [from = decoded.data(), to = out.data()](std::size_t element,
                                                                             std::size_t shuffled) {
        to[shuffled] = from[element];
      });
    }
    return decoded.size();
  }

  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }

  void decode(ByteView encoded, MutableBytes out) const override {
    if (encoded.size() != out.size()) {
      fail(ErrorCode::corrupt_data, std::to_string(encoded.size()) + " bytes stored, " +
                                        std::to_string(out.size()) + " expected");
    }
    if (element_size_ > 1 && encoded.size() % element_size_ != 0) {
      fail(ErrorCode::corrupt_data, std::to_string(encoded.size()) +
                                        " bytes are no whole number of elements of " +
                                        std::to_string(element_size_));
    }
    if (encoded.empty()) return;
    if (moves_nothing(encoded.size())) {
      std::memcpy(out.data(), encoded.data(), encoded.size());
    } else {
      for_each_byte(encoded.size(), [from = encoded.data(), to = out.data()](std::size_t element,
                                                                             std::size_t shuffled) {
        to[element] = from[shuffled];
      });
    }
  }

  Bytes decode_unknown(ByteView encoded, std::size_t limit) const override {
    if (encoded.size() > limit) fail(ErrorCode::corrupt_data, "more bytes than a chunk can have");
    Bytes out(encoded.size());
    decode(encoded, out.span());
    return out;
  }
  std::uint64_t max_decoded_size(ByteView encoded) const override { return encoded.size(); }

  std::size_t element_size_;
};

}  // namespace

AnyCodec make_shuffle_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"elementsize"});
  // zarr-python takes the item size where none is given in format 3; numcodecs always stores one.
  const auto own = static_cast<std::int64_t>(spec.dtype.item_size);
  const std::int64_t size = config.integer("elementsize", 0, 0x7fffffff).value_or(own);
  return std::make_unique<ShuffleCodec>(static_cast<std::size_t>(size));
}

}  // namespace zarrloom
