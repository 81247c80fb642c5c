// `crc32c`: a checksum of four bytes, little-endian, behind the data (v3 codec "crc32c").
#include <cstring>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/crc32c_hash.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

constexpr std::size_t kChecksumSize = 4;

class Crc32cCodec final : public BytesToBytes {
 private:
  Json configuration() const override { return Json::Object{}; }
  bool has_fixed_size() const override { return true; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override {
    return decoded_size + kChecksumSize;
  }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    if (!decoded.empty()) std::memcpy(out.data(), decoded.data(), decoded.size());
    const std::uint32_t sum = crc32c(decoded);
    for (std::size_t i = 0; i < kChecksumSize; ++i) {
      out[decoded.size() + i] = static_cast<std::byte>(sum >> (8 * i));
    }
    return decoded.size() + kChecksumSize;
  }

  std::optional<ByteView> peel(ByteView encoded) const override {
    if (encoded.size() < kChecksumSize) {
      fail(ErrorCode::corrupt_data,
           std::to_string(encoded.size()) + " bytes are too few to hold a checksum");
    }
    const ByteView payload = encoded.first(encoded.size() - kChecksumSize);
    std::uint32_t stored = 0;
    for (std::size_t i = 0; i < kChecksumSize; ++i) {
      stored |= std::to_integer<std::uint32_t>(encoded[payload.size() + i]) << (8 * i);
    }
    if (stored != crc32c(payload)) {
      fail(ErrorCode::corrupt_data,
           "checksum mismatch over " + std::to_string(payload.size()) + " bytes");
    }
    return payload;
  }

  void decode(ByteView encoded, MutableBytes out) const override {
    const ByteView payload = *peel(encoded);
    if (payload.size() != out.size()) {
      fail(ErrorCode::corrupt_data, std::to_string(payload.size()) + " bytes stored, " +
                                        std::to_string(out.size()) + " expected");
    }
    if (!payload.empty()) std::memcpy(out.data(), payload.data(), payload.size());
  }

  Bytes decode_unknown(ByteView encoded, std::size_t limit) const override {
    const ByteView payload = *peel(encoded);
    if (payload.size() > limit) fail(ErrorCode::corrupt_data, "more bytes than a chunk can have");
    return Bytes::copy_of(payload);
  }
  std::uint64_t max_decoded_size(ByteView encoded) const override { return encoded.size(); }
};

}  // namespace

AnyCodec make_crc32c_codec(const Json& configuration, const ChunkSpec&) {
  const ConfigReader config(configuration, {});
  return std::make_unique<Crc32cCodec>();
}

}  // namespace zarrloom
