// `lz4` as numcodecs frames it: the decoded size in four bytes, little-endian, then one LZ4 block.
#include <lz4.h>

#include <algorithm>
#include <memory>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

constexpr std::size_t kPrefix = 4;
constexpr std::uint64_t kMostBytesPerByte = 255;

class Lz4Codec final : public BytesToBytes {
 public:
  explicit Lz4Codec(int acceleration) : acceleration_(acceleration) {}

 private:
  Json configuration() const override { return Json::Object{{"acceleration", acceleration_}}; }
  bool has_fixed_size() const override { return false; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override {
    return kPrefix + decoded_size + decoded_size / 255 + 16;
  }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    if (decoded.size() > LZ4_MAX_INPUT_SIZE) {
      fail(ErrorCode::invalid_argument, "a chunk of " + std::to_string(decoded.size()) +
                                            " bytes is too large for LZ4; make chunks smaller");
    }
    for (std::size_t i = 0; i < kPrefix; ++i) {
      out[i] = static_cast<std::byte>(decoded.size() >> (8 * i));
    }
    const int room = static_cast<int>(std::min<std::size_t>(out.size() - kPrefix, 0x7fffffff));
    const int size = LZ4_compress_fast(reinterpret_cast<const char*>(decoded.data()),
                                       reinterpret_cast<char*>(out.data() + kPrefix),
                                       static_cast<int>(decoded.size()), room, acceleration_);
    if (size <= 0) fail(ErrorCode::internal, "the compressed data did not fit its bound");
    return kPrefix + static_cast<std::size_t>(size);
  }

  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }

  static std::uint64_t announced_size(ByteView encoded) {
    if (encoded.size() <= kPrefix) {
      fail(ErrorCode::corrupt_data, std::to_string(encoded.size()) + " bytes are too few");
    }
    std::uint32_t size = 0;
    for (std::size_t i = 0; i < kPrefix; ++i) {
      size |= std::to_integer<std::uint32_t>(encoded[i]) << (8 * i);
    }
    return size;
  }

  void decode(ByteView encoded, MutableBytes out) const override {
    const std::uint64_t announced = announced_size(encoded);
    if (announced != out.size()) {
      fail(ErrorCode::corrupt_data, std::to_string(announced) + " bytes announced, " +
                                        std::to_string(out.size()) + " expected");
    }
    if (encoded.size() > 0x7fffffff || out.size() > 0x7fffffff) {
      fail(ErrorCode::corrupt_data, "larger than an LZ4 block can be");
    }
    const int size = LZ4_decompress_safe(reinterpret_cast<const char*>(encoded.data() + kPrefix),
                                         reinterpret_cast<char*>(out.data()),
                                         static_cast<int>(encoded.size() - kPrefix),
                                         static_cast<int>(out.size()));
    if (size < 0 || static_cast<std::size_t>(size) != out.size()) {
      fail(ErrorCode::corrupt_data, "the block is cut or damaged");
    }
  }

  Bytes decode_unknown(ByteView encoded, std::size_t limit) const override {
    const std::uint64_t announced = announced_size(encoded);
    if (announced > limit) fail(ErrorCode::corrupt_data, "more bytes than a chunk can have");
    Bytes out(announced);
    decode(encoded, out.span());
    return out;
  }

  std::uint64_t max_decoded_size(ByteView encoded) const override {
    return encoded.size() * kMostBytesPerByte;
  }

  int acceleration_;
};

}  // namespace

AnyCodec make_lz4_codec(const Json& configuration, const ChunkSpec&) {
  const ConfigReader config(configuration, {"acceleration"});
  const auto acceleration = config.integer("acceleration", -0x7fffffff, 0x7fffffff);
  return std::make_unique<Lz4Codec>(static_cast<int>(acceleration.value_or(1)));
}

}  // namespace zarrloom
