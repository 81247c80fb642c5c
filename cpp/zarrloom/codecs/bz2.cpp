// `bz2` (numcodecs): bzip2 streams, one or several. In builds without the library it is refused.
#include <algorithm>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"

#ifdef ZARRLOOM_HAVE_BZ2
#include <bzlib.h>
#endif

namespace zarrloom {

#ifndef ZARRLOOM_HAVE_BZ2

AnyCodec make_bz2_codec(const Json&, const ChunkSpec&) {
  fail(ErrorCode::unsupported,
       "this build of zarrloom has no bzip2; build it where the library's development files are "
       "(Debian: libbz2-dev) with ZARRLOOM_DEPS=auto");
}

#else

namespace {

// A block of 900,000 bytes may stand for runs of 46 million, and takes some 25 bytes at least.
constexpr std::uint64_t kMostBytesPerByte = std::uint64_t{1} << 21;
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // the library counts in 32 bits

struct Stream {
  explicit Stream(int (*close)(bz_stream*)) : close(close) {}
  Stream(const Stream&) = delete;
  ~Stream() { close(&state); }

  // Gives the library what is left to read and to fill, as much as it can count.
  void feed(ByteView in, MutableBytes out) {
    // The library does not write to its input.
    state.next_in = const_cast<char*>(reinterpret_cast<const char*>(in.data()));
    state.avail_in = static_cast<unsigned>(std::min(in.size(), kMostAtOnce));
    state.next_out = reinterpret_cast<char*>(out.data());
    state.avail_out = static_cast<unsigned>(std::min(out.size(), kMostAtOnce));
  }

  bz_stream state{};
  int (*close)(bz_stream*);
};

class Bz2Codec final : public BytesToBytes {
 public:
  explicit Bz2Codec(int level) : level_(level) {}

 private:
  Json configuration() const override { return Json::Object{{"level", level_}}; }
  bool has_fixed_size() const override { return false; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override {
    return decoded_size + decoded_size / 100 + 600;
  }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    Stream stream(BZ2_bzCompressEnd);
    if (BZ2_bzCompressInit(&stream.state, level_, 0, 0) != BZ_OK) {
      fail(ErrorCode::out_of_memory, "no memory for a bzip2 compressor");
    }
    std::size_t used = 0, made = 0;
    while (true) {
      stream.feed(decoded.subspan(used), out.subspan(made));
      const std::size_t given = stream.state.avail_in, room = stream.state.avail_out;
      const bool last = given == decoded.size() - used;
      const int result = BZ2_bzCompress(&stream.state, last ? BZ_FINISH : BZ_RUN);
      used += given - stream.state.avail_in;
      made += room - stream.state.avail_out;
      if (result == BZ_STREAM_END) return made;
      if (result < 0 || made == out.size()) {
        fail(ErrorCode::internal, "the compressed data did not fit its bound");
      }
    }
  }

  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }

  // Reads one stream; takes it from `encoded`, and gives how many bytes it made.
  static std::size_t decode_stream(ByteView& encoded, MutableBytes out) {
    Stream stream(BZ2_bzDecompressEnd);
    if (BZ2_bzDecompressInit(&stream.state, 0, 0) != BZ_OK) {
      fail(ErrorCode::out_of_memory, "no memory for a bzip2 decompressor");
    }
    std::size_t made = 0;
    std::byte beyond{};  // one byte more than may come
    while (true) {
      const bool full = made == out.size();
      stream.feed(encoded, full ? MutableBytes(&beyond, 1) : out.subspan(made));
      const std::size_t given = stream.state.avail_in, room = stream.state.avail_out;
      const int result = BZ2_bzDecompress(&stream.state);
      const std::size_t now = room - stream.state.avail_out;
      encoded = encoded.subspan(given - stream.state.avail_in);
      if (full && now > 0) {
        fail(ErrorCode::corrupt_data,
             "more bytes than the " + std::to_string(out.size()) + " expected");
      }
      made += now;
      if (result == BZ_STREAM_END) return made;
      if (result == BZ_MEM_ERROR) fail(ErrorCode::out_of_memory, "no memory to decode bzip2");
      if (result != BZ_OK || (encoded.empty() && now == 0)) {
        fail(ErrorCode::corrupt_data,
             "the data is cut, damaged, of another format, or fails its checksum");
      }
    }
  }

  static std::size_t decode_at_most(ByteView encoded, MutableBytes out) {
    if (encoded.empty()) fail(ErrorCode::corrupt_data, "0 bytes stored");
    std::size_t made = 0;
    while (!encoded.empty()) made += decode_stream(encoded, out.subspan(made));
    return made;
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

  int level_;
};

}  // namespace

AnyCodec make_bz2_codec(const Json& configuration, const ChunkSpec&) {
  const ConfigReader config(configuration, {"level"});
  return std::make_unique<Bz2Codec>(static_cast<int>(config.integer("level", 1, 9).value_or(1)));
}

#endif

}  // namespace zarrloom
