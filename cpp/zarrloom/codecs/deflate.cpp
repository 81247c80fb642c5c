#include "zarrloom/codecs/deflate.h"

#include <array>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

// Deflate's best: 258 bytes for 2 bits.
constexpr std::uint64_t kMostBytesPerByte = 1032;
constexpr int kMaxLevel = 12;

struct FreeContext {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};

// One for each thread, and for each level that the thread has met.
libdeflate_compressor* compressor(int level) {
  using Owned = std::unique_ptr<libdeflate_compressor, FreeContext>;
  thread_local std::array<Owned, kMaxLevel + 1> contexts;
  Owned& context = contexts[static_cast<std::size_t>(level)];
  if (!context) context.reset(libdeflate_alloc_compressor(level));
  if (!context) fail(ErrorCode::out_of_memory, "no memory for a deflate compressor");
  return context.get();
}

libdeflate_decompressor* decompressor() {
  thread_local std::unique_ptr<libdeflate_decompressor, FreeContext> context;
  if (!context) context.reset(libdeflate_alloc_decompressor());
  if (!context) fail(ErrorCode::out_of_memory, "no memory for a deflate decompressor");
  return context.get();
}

class DeflateCodec final : public BytesToBytes {
 public:
  DeflateCodec(const DeflateFormat& format, int stored_level, int level)
      : format_(format), stored_level_(stored_level), level_(level) {}

 private:
  Json configuration() const override { return Json::Object{{"level", stored_level_}}; }
  bool has_fixed_size() const override { return false; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override {
    return format_.bound(nullptr, decoded_size);
  }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    const std::size_t size = format_.compress(compressor(level_), decoded.data(), decoded.size(),
                                              out.data(), out.size());
    if (size == 0) fail(ErrorCode::internal, "the compressed data did not fit its bound");
    return size;
  }

  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }

  std::size_t decode_at_most(ByteView encoded, MutableBytes out) const {
    if (encoded.empty()) fail(ErrorCode::corrupt_data, "0 bytes stored");
    std::size_t filled = 0;
    do {
      std::size_t used = 0, made = 0;
      const libdeflate_result result =
          format_.decompress(decompressor(), encoded.data(), encoded.size(), out.data() + filled,
                             out.size() - filled, &used, &made);
      check(result, out.size());
      filled += made;
      encoded = encoded.subspan(used);
    } while (!encoded.empty() && format_.many_members);
    if (!encoded.empty()) {
      fail(ErrorCode::corrupt_data, std::to_string(encoded.size()) + " bytes behind the data");
    }
    return filled;
  }

  static void check(libdeflate_result result, std::size_t expected) {
    if (result == LIBDEFLATE_SUCCESS) return;
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      fail(ErrorCode::corrupt_data,
           "more bytes than the " + std::to_string(expected) + " expected");
    }
    fail(ErrorCode::corrupt_data,
         "the data is cut, damaged, of another format, or fails its checksum");
  }

  void decode(ByteView encoded, MutableBytes out) const override {
    const std::size_t size = decode_at_most(encoded, out);
    if (size == out.size()) return;
    fail(ErrorCode::corrupt_data,
         std::to_string(size) + " bytes decoded, " + std::to_string(out.size()) + " expected");
  }

  Bytes decode_unknown(ByteView encoded, std::size_t limit) const override {
    Bytes out(limit);
    out.resize_uninitialized(decode_at_most(encoded, out.span()));
    return out;
  }

  std::uint64_t max_decoded_size(ByteView encoded) const override {
    return encoded.size() * kMostBytesPerByte;
  }

  DeflateFormat format_;
  int stored_level_;
  int level_;
};

}  // namespace

std::unique_ptr<BytesToBytes> make_deflate_codec(const DeflateFormat& format, int stored_level,
                                                 int level) {
  return std::make_unique<DeflateCodec>(format, stored_level, level);
}

}  // namespace zarrloom
