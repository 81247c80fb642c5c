#include "zarrloom/codecs/checksum_codec.h"

#include <cstring>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

constexpr std::size_t kChecksumSize = 4;

class ChecksumCodec final : public BytesToBytes {
 public:
  ChecksumCodec(Checksum checksum, bool at_end, Json configuration)
      : checksum_(std::move(checksum)), at_end_(at_end), configuration_(std::move(configuration)) {}

 private:
  Json configuration() const override { return configuration_; }
  bool has_fixed_size() const override { return true; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override {
    return decoded_size + kChecksumSize;
  }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    const MutableBytes payload = out.subspan(at_end_ ? 0 : kChecksumSize, decoded.size());
    const MutableBytes place = out.subspan(at_end_ ? decoded.size() : 0, kChecksumSize);
    if (!decoded.empty()) std::memcpy(payload.data(), decoded.data(), decoded.size());
    const std::uint32_t sum = checksum_(decoded);
    for (std::size_t i = 0; i < kChecksumSize; ++i) {
      place[i] = static_cast<std::byte>(sum >> (8 * i));
    }
    return decoded.size() + kChecksumSize;
  }

  std::optional<ByteView> peel(ByteView encoded) const override {
    if (encoded.size() < kChecksumSize) {
      fail(ErrorCode::corrupt_data,
           std::to_string(encoded.size()) + " bytes are too few to hold a checksum");
    }
    const std::size_t size = encoded.size() - kChecksumSize;
    const ByteView payload = encoded.subspan(at_end_ ? 0 : kChecksumSize, size);
    const ByteView place = encoded.subspan(at_end_ ? size : 0, kChecksumSize);
    std::uint32_t stored = 0;
    for (std::size_t i = 0; i < kChecksumSize; ++i) {
      stored |= std::to_integer<std::uint32_t>(place[i]) << (8 * i);
    }
    if (stored != checksum_(payload)) {
      fail(ErrorCode::corrupt_data, "checksum mismatch over " + std::to_string(size) + " bytes");
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

  Checksum checksum_;
  bool at_end_;
  Json configuration_;
};

std::uint32_t rotated(std::uint32_t value, int bits) {
  return (value << bits) | (value >> (32 - bits));
}

std::uint32_t folded(std::uint32_t sum) { return (sum & 0xffff) + (sum >> 16); }

}  // namespace

AnyCodec make_checksum_codec(Checksum checksum, bool at_end, Json configuration) {
  return std::make_unique<ChecksumCodec>(std::move(checksum), at_end, std::move(configuration));
}

std::uint32_t fletcher32(ByteView bytes) {
  constexpr std::size_t kBeforeOverflow = 360;  // words whose sums fit in 32 bits
  std::uint32_t low = 0, high = 0;
  while (bytes.size() >= 2) {
    const std::size_t words = std::min(bytes.size() / 2, kBeforeOverflow);
    for (std::size_t i = 0; i < words; ++i) {
      low += std::to_integer<std::uint32_t>(bytes[2 * i]) << 8 |
             std::to_integer<std::uint32_t>(bytes[2 * i + 1]);
      high += low;
    }
    low = folded(low);
    high = folded(high);
    bytes = bytes.subspan(2 * words);
  }
  if (!bytes.empty()) {
    low += std::to_integer<std::uint32_t>(bytes[0]) << 8;
    high += low;
    low = folded(low);
    high = folded(high);
  }
  return folded(high) << 16 | folded(low);
}

std::uint32_t lookup3(ByteView bytes, std::uint32_t seed) {
  std::uint32_t a = 0xdeadbeef + static_cast<std::uint32_t>(bytes.size()) + seed;
  std::uint32_t b = a, c = a;
  if (bytes.empty()) return c;
  // The last block has 1 to 12 bytes; what it lacks counts as zero.
  const auto add_block = [&](ByteView block) {
    std::uint32_t words[3] = {0, 0, 0};
    for (std::size_t i = 0; i < block.size(); ++i) {
      words[i / 4] |= std::to_integer<std::uint32_t>(block[i]) << (8 * (i % 4));
    }
    a += words[0];
    b += words[1];
    c += words[2];
  };
  for (; bytes.size() > 12; bytes = bytes.subspan(12)) {
    add_block(bytes.first(12));
    a = (a - c) ^ rotated(c, 4), c += b;
    b = (b - a) ^ rotated(a, 6), a += c;
    c = (c - b) ^ rotated(b, 8), b += a;
    a = (a - c) ^ rotated(c, 16), c += b;
    b = (b - a) ^ rotated(a, 19), a += c;
    c = (c - b) ^ rotated(b, 4), b += a;
  }
  add_block(bytes);
  c = (c ^ b) - rotated(b, 14);
  a = (a ^ c) - rotated(c, 11);
  b = (b ^ a) - rotated(a, 25);
  c = (c ^ b) - rotated(b, 16);
  a = (a ^ c) - rotated(c, 4);
  b = (b ^ a) - rotated(a, 14);
  c = (c ^ b) - rotated(b, 24);
  return c;
}

}  // namespace zarrloom
