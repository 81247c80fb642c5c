// `lzma` (numcodecs): xz streams, the older ".lzma" form, or raw LZMA data whose filters are given.
// In builds without liblzma it is refused.
#include <algorithm>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/lzma_filters.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {

#ifndef ZARRLOOM_HAVE_LZMA

AnyCodec make_lzma_codec(const Json&, const ChunkSpec&) {
  fail(ErrorCode::unsupported,
       "this build of zarrloom has no liblzma; build it where the library's development files are "
       "(Debian: liblzma-dev) with ZARRLOOM_DEPS=auto");
}

#else

namespace {

// The longest match, 273 bytes, for 14 bits that each cost 0.02 bits at the least.
constexpr std::uint64_t kMostBytesPerByte = 8192;

struct Stream {
  Stream() = default;
  Stream(const Stream&) = delete;
  ~Stream() { lzma_end(&state); }

  lzma_stream state = LZMA_STREAM_INIT;
};

void check_started(lzma_ret result) {
  if (result == LZMA_OK) return;
  if (result == LZMA_MEM_ERROR) fail(ErrorCode::out_of_memory, "no memory for LZMA");
  fail(ErrorCode::internal, "liblzma refuses its settings");
}

class LzmaCodec final : public BytesToBytes {
 public:
  explicit LzmaCodec(LzmaSettings settings) : settings_(std::move(settings)) {}

 private:
  Json configuration() const override { return settings_.configuration; }
  bool has_fixed_size() const override { return false; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override {
    // What does not compress is stored, with some bytes for each 64 KiB; LZMA1 cannot even do that.
    return decoded_size + decoded_size / 16 + 4096;
  }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    const LzmaFilters filters(settings_);
    Stream stream;
    check_started(start_lzma_encoder(stream.state, settings_, filters));
    stream.state.next_in = reinterpret_cast<const std::uint8_t*>(decoded.data());
    stream.state.avail_in = decoded.size();
    stream.state.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream.state.avail_out = out.size();
    const lzma_ret result = lzma_code(&stream.state, LZMA_FINISH);
    if (result == LZMA_MEM_ERROR) fail(ErrorCode::out_of_memory, "no memory for LZMA");
    if (result != LZMA_STREAM_END) {
      fail(ErrorCode::internal, "the compressed data did not fit its bound");
    }
    return out.size() - stream.state.avail_out;
  }

  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }

  [[noreturn]] static void fail_decoding(lzma_ret result) {
    if (result == LZMA_MEM_ERROR) fail(ErrorCode::out_of_memory, "no memory for LZMA");
    if (result == LZMA_MEMLIMIT_ERROR) {
      fail(ErrorCode::corrupt_data, "the data asks for a dictionary above " +
                                        std::to_string(kMostLzmaMemory >> 20) + " MiB");
    }
    fail(ErrorCode::corrupt_data,
         "the data is cut, damaged, of another format, or fails its checksum");
  }

  // Reads one stream; takes it from `encoded`, and gives how many bytes it made.
  std::size_t decode_stream(ByteView& encoded, MutableBytes out) const {
    const LzmaFilters filters(settings_);
    Stream stream;
    check_started(start_lzma_decoder(stream.state, settings_, filters));
    stream.state.next_in = reinterpret_cast<const std::uint8_t*>(encoded.data());
    stream.state.avail_in = encoded.size();
    stream.state.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream.state.avail_out = out.size();
    lzma_ret result = lzma_code(&stream.state, LZMA_FINISH);
    const std::size_t made = out.size() - stream.state.avail_out;
    std::uint8_t beyond = 0;  // one byte more than may come
    if ((result == LZMA_OK || result == LZMA_BUF_ERROR) && stream.state.avail_out == 0) {
      stream.state.next_out = &beyond;
      stream.state.avail_out = 1;
      result = lzma_code(&stream.state, LZMA_FINISH);
      if (stream.state.avail_out == 0) {
        fail(ErrorCode::corrupt_data,
             "more bytes than the " + std::to_string(out.size()) + " expected");
      }
    }
    if (result != LZMA_STREAM_END) fail_decoding(result);
    encoded = encoded.last(stream.state.avail_in);
    return made;
  }

  std::size_t decode_at_most(ByteView encoded, MutableBytes out) const {
    if (encoded.empty()) fail(ErrorCode::corrupt_data, "0 bytes stored");
    std::size_t made = decode_stream(encoded, out);
    while (!encoded.empty() && settings_.format != LzmaFormat::raw) {
      made += decode_stream(encoded, out.subspan(made));
    }
    if (encoded.empty()) return made;
    fail(ErrorCode::corrupt_data, std::to_string(encoded.size()) + " bytes behind the data");
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
    return std::min<std::uint64_t>(encoded.size(), UINT64_MAX / kMostBytesPerByte) *
           kMostBytesPerByte;
  }

  LzmaSettings settings_;
};

}  // namespace

AnyCodec make_lzma_codec(const Json& configuration, const ChunkSpec&) {
  return std::make_unique<LzmaCodec>(read_lzma_settings(configuration));
}

#endif

}  // namespace zarrloom
