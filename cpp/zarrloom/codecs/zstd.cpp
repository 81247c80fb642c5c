// `zstd` (v3 codec "zstd", numcodecs "zstd").
#include <zstd.h>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

// A block of at least 4 bytes (an RLE one) stands for at most 128 KiB.
constexpr std::uint64_t kMostBytesPerByte = std::uint64_t{128} << 10;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

template <typename Context>
Context* checked(Context* context) {
  if (context == nullptr) fail(ErrorCode::out_of_memory, "no memory for a zstd context");
  return context;
}

// Making a context costs more than decoding a small chunk: one is kept for each thread.
ZSTD_CCtx* compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(checked(ZSTD_createCCtx()));
  return context.get();
}

ZSTD_DCtx* decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(checked(ZSTD_createDCtx()));
  return context.get();
}

class ZstdCodec final : public BytesToBytes {
 public:
  ZstdCodec(int level, bool checksum) : level_(level), checksum_(checksum) {}

 private:
  Json configuration() const override {
    return Json::Object{{"level", level_}, {"checksum", checksum_}};
  }
  bool has_fixed_size() const override { return false; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override {
    return ZSTD_compressBound(decoded_size);
  }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    ZSTD_CCtx* context = compressor();
    ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level_);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum_ ? 1 : 0);
    const std::size_t size =
        ZSTD_compress2(context, out.data(), out.size(), decoded.data(), decoded.size());
    if (ZSTD_isError(size)) fail(ErrorCode::internal, ZSTD_getErrorName(size));
    return size;
  }

  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }

  // In one go into memory that is there: no window is allocated, whatever the frame asks for, and
  // the sizes in its header only matter if they are true. Several frames are decoded one after
  // another; anything behind them is an error.
  std::size_t decode_at_most(ByteView encoded, MutableBytes out) const {
    if (encoded.empty()) fail(ErrorCode::corrupt_data, "0 bytes stored");
    const std::size_t size =
        ZSTD_decompressDCtx(decompressor(), out.data(), out.size(), encoded.data(), encoded.size());
    if (ZSTD_isError(size)) fail(ErrorCode::corrupt_data, ZSTD_getErrorName(size));
    return size;
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
    return encoded.size() / 4 * kMostBytesPerByte + kMostBytesPerByte;
  }

  int level_;
  bool checksum_;
};

}  // namespace

AnyCodec make_zstd_codec(const Json& configuration, const ChunkSpec&) {
  const ConfigReader config(configuration, {"level", "checksum"});
  const auto level = config.integer("level", ZSTD_minCLevel(), ZSTD_maxCLevel());
  return std::make_unique<ZstdCodec>(static_cast<int>(level.value_or(0)),
                                     config.boolean("checksum").value_or(false));
}

}  // namespace zarrloom
