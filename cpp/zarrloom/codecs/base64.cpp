// `base64` (numcodecs, format 2): bytes as text.
#include "zarrloom/base/base64.h"

#include <algorithm>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

class Base64Codec final : public BytesToBytes {
 private:
  Json configuration() const override { return Json::Object{}; }
  bool has_fixed_size() const override { return true; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override {
    return (decoded_size + 2) / 3 * 4;
  }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    const std::string text = base64_encode(decoded);
    const ByteView bytes = as_byte_view(text);
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return bytes.size();
  }

  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }

  static std::vector<std::byte> decoded(ByteView encoded, std::size_t most) {
    if (encoded.size() / 4 > most / 3 + 1) {
      fail(ErrorCode::corrupt_data, "more bytes than the " + std::to_string(most) + " expected");
    }
    std::optional<std::vector<std::byte>> bytes = base64_decode(as_text(encoded));
    if (!bytes) fail(ErrorCode::corrupt_data, "the data is no base64");
    return *std::move(bytes);
  }

  void decode(ByteView encoded, MutableBytes out) const override {
    const std::vector<std::byte> bytes = decoded(encoded, out.size());
    if (bytes.size() != out.size()) {
      fail(ErrorCode::corrupt_data, std::to_string(bytes.size()) + " bytes decoded, " +
                                        std::to_string(out.size()) + " expected");
    }
    std::copy(bytes.begin(), bytes.end(), out.begin());
  }

  Bytes decode_unknown(ByteView encoded, std::size_t limit) const override {
    const std::vector<std::byte> bytes = decoded(encoded, limit);
    if (bytes.size() > limit) fail(ErrorCode::corrupt_data, "more bytes than a chunk can have");
    return Bytes::copy_of(bytes);
  }

  std::uint64_t max_decoded_size(ByteView encoded) const override {
    return encoded.size() / 4 * 3 + 3;
  }
};

}  // namespace

AnyCodec make_base64_codec(const Json& configuration, const ChunkSpec&) {
  const ConfigReader config(configuration, {});
  return std::make_unique<Base64Codec>();
}

}  // namespace zarrloom
