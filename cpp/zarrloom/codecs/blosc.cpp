// `blosc` (v3 codec "blosc", numcodecs "blosc"): Blosc-1 frames by c-blosc 1.21, both ways.
// c-blosc2 writes them only through an environment variable and a global lock.
#include <blosc.h>

#include <algorithm>
#include <array>
#include <memory>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

constexpr std::array<const char*, 3> kShuffles{"noshuffle", "shuffle", "bitshuffle"};
constexpr std::size_t kMaxTypesize = 255;
// Of the compressors inside, zstd expresses most: 128 KiB by 4 bytes.
constexpr std::uint64_t kMostBytesPerByte = std::uint64_t{32} << 10;

struct BloscSettings {
  std::string cname = "lz4";
  int clevel = 5;
  int shuffle = BLOSC_SHUFFLE;
  std::size_t typesize = 1;
  std::size_t blocksize = 0;  // 0 = chosen by blosc
};

std::uint32_t header_number(ByteView encoded, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value |= std::to_integer<std::uint32_t>(encoded[at + i]) << (8 * i);
  }
  return value;
}

class BloscCodec final : public BytesToBytes {
 public:
  explicit BloscCodec(BloscSettings settings) : settings_(std::move(settings)) {}

 private:
  Json configuration() const override {
    return Json::Object{{"cname", settings_.cname},
                        {"clevel", settings_.clevel},
                        {"shuffle", kShuffles[static_cast<std::size_t>(settings_.shuffle)]},
                        {"typesize", static_cast<std::uint64_t>(settings_.typesize)},
                        {"blocksize", static_cast<std::uint64_t>(settings_.blocksize)}};
  }
  bool has_fixed_size() const override { return false; }
  std::size_t max_encoded_size(std::size_t decoded_size) const override {
    return decoded_size + BLOSC_MAX_OVERHEAD;
  }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    if (decoded.size() > BLOSC_MAX_BUFFERSIZE) {
      fail(ErrorCode::invalid_argument, "a chunk of " + std::to_string(decoded.size()) +
                                            " bytes is too large for blosc; make chunks smaller");
    }
    const int size = blosc_compress_ctx(settings_.clevel, settings_.shuffle, settings_.typesize,
                                        decoded.size(), decoded.data(), out.data(), out.size(),
                                        settings_.cname.c_str(), settings_.blocksize, 1);
    if (size <= 0)
      fail(ErrorCode::internal, "compression failed with code " + std::to_string(size));
    return static_cast<std::size_t>(size);
  }

  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }

  // The decoded size that the header tells, once the header is known to fit the data. Given a wrong
  // source length, c-blosc would read a cut chunk as data.
  static std::size_t checked_size(ByteView encoded) {
    std::size_t size = 0;
    if (encoded.size() < BLOSC_MIN_HEADER_LENGTH) {
      fail(ErrorCode::corrupt_data,
           std::to_string(encoded.size()) + " bytes are too few for a header");
    }
    const std::uint32_t announced = header_number(encoded, 12);
    if (announced != encoded.size()) {
      fail(ErrorCode::corrupt_data, "the header tells of " + std::to_string(announced) +
                                        " stored bytes, but there are " +
                                        std::to_string(encoded.size()));
    }
    const int version = std::to_integer<int>(encoded[0]);
    if (version != BLOSC_VERSION_FORMAT) {
      fail(ErrorCode::corrupt_data, "a frame of Blosc format " + std::to_string(version) +
                                        ", where only Blosc-1 (format 2) is allowed");
    }
    if (blosc_cbuffer_validate(encoded.data(), encoded.size(), &size) != 0) {
      fail(ErrorCode::corrupt_data, "not a Blosc-1 frame");
    }
    return size;
  }

  void decode(ByteView encoded, MutableBytes out) const override {
    const std::size_t size = checked_size(encoded);
    if (size != out.size()) {
      fail(ErrorCode::corrupt_data, "the header tells of " + std::to_string(size) + " bytes, " +
                                        std::to_string(out.size()) + " are expected");
    }
    const int got = blosc_decompress_ctx(encoded.data(), out.data(), out.size(), 1);
    if (got < 0 || static_cast<std::size_t>(got) != out.size()) {
      fail(ErrorCode::corrupt_data, "the data is damaged");
    }
  }

  Bytes decode_unknown(ByteView encoded, std::size_t limit) const override {
    const std::size_t size = checked_size(encoded);
    if (size > limit) fail(ErrorCode::corrupt_data, "more bytes than a chunk can have");
    Bytes out(size);
    decode(encoded, out.span());
    return out;
  }

  std::uint64_t max_decoded_size(ByteView encoded) const override {
    if (encoded.size() < BLOSC_MIN_HEADER_LENGTH) return 0;
    return std::min<std::uint64_t>(header_number(encoded, 4), encoded.size() * kMostBytesPerByte);
  }

  BloscSettings settings_;
};

// v3 has names; v2 has numcodecs' numbers, -1 being its "auto".
int parse_shuffle(const Json* value, const ChunkSpec& spec) {
  if (value == nullptr) return spec.dtype.item_size == 1 ? BLOSC_BITSHUFFLE : BLOSC_SHUFFLE;
  if (const std::int64_t* number = value->as_int(); number && *number >= -1 && *number <= 2) {
    return *number >= 0 ? static_cast<int>(*number) : parse_shuffle(nullptr, spec);
  }
  if (const std::string* name = value->as_string()) {
    for (std::size_t i = 0; i < kShuffles.size(); ++i) {
      if (*name == kShuffles[i]) return static_cast<int>(i);
    }
  }
  fail(ErrorCode::invalid_argument,
       "\"shuffle\" must be noshuffle, shuffle or bitshuffle, not " + write_json(*value, 0));
}

}  // namespace

AnyCodec make_blosc_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"cname", "clevel", "shuffle", "typesize", "blocksize"});
  BloscSettings settings;
  settings.cname = config.text("cname").value_or(settings.cname);
  settings.clevel = static_cast<int>(config.integer("clevel", 0, 9).value_or(settings.clevel));
  settings.shuffle = parse_shuffle(config.find("shuffle"), spec);
  const auto item_size = static_cast<std::int64_t>(std::max<std::size_t>(1, spec.dtype.item_size));
  const auto typesize = config.integer("typesize", 1, 0x7fffffff).value_or(item_size);
  // As c-blosc itself does with elements that are too long to shuffle.
  settings.typesize =
      typesize > static_cast<std::int64_t>(kMaxTypesize) ? 1 : static_cast<std::size_t>(typesize);
  settings.blocksize =
      static_cast<std::size_t>(config.integer("blocksize", 0, 0x7fffffff).value_or(0));
  if (blosc_compname_to_compcode(settings.cname.c_str()) < 0) {
    fail(ErrorCode::unsupported, "this build has no compressor \"" + settings.cname +
                                     "\"; it has " + blosc_list_compressors());
  }
  return std::make_unique<BloscCodec>(std::move(settings));
}

}  // namespace zarrloom
