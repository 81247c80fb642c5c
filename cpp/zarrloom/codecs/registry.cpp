#include "zarrloom/codecs/registry.h"

#include <algorithm>
#include <array>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

constexpr std::string_view kZstdSamples =
    R"([{}, {"level": 3, "checksum": true}, {"level": -5, "checksum": false}])";
constexpr std::string_view kGzipSamples = R"([{"level": 0}, {"level": 1}, {"level": 9}])";
constexpr std::string_view kBloscSamples =
    R"([{"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": 4, "blocksize": 0},
        {"cname": "lz4hc", "clevel": 1, "shuffle": "noshuffle"},
        {"cname": "blosclz", "clevel": 9, "shuffle": "bitshuffle"},
        {"cname": "zlib", "clevel": 3, "shuffle": "shuffle", "blocksize": 4096},
        {"cname": "zstd", "clevel": 1, "shuffle": "bitshuffle", "typesize": 8},
        {"cname": "zstd", "clevel": 0, "shuffle": -1}])";

constexpr std::string_view kShardingSamples =
    R"([{"chunk_shape": [], "index_location": "end",
         "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]},
        {"chunk_shape": [], "index_codecs": [{"name": "bytes", "configuration": {"endian": "big"}},
                                             "crc32c"],
         "codecs": [{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "zstd"}]}])";

constexpr std::array<CodecRow, 12> kTable{{
    {"bytes", "", make_bytes_codec, R"([{"endian": "little"}, {"endian": "big"}])"},
    {"transpose", "", make_transpose_codec, R"([{"order": "F"}, {"order": "C"}])"},
    {"sharding_indexed", "", make_sharding_codec, kShardingSamples},
    {"zstd", "zstd", make_zstd_codec, kZstdSamples},
    {"gzip", "gzip", make_gzip_codec, kGzipSamples},
    {"blosc", "blosc", make_blosc_codec, kBloscSamples},
    {"crc32c", "", make_crc32c_codec, "[{}]"},
    {"numcodecs.zlib", "zlib", make_zlib_codec, R"([{}, {"level": -1}, {"level": 9}])"},
    {"numcodecs.lz4", "lz4", make_lz4_codec, R"([{}, {"acceleration": 10}])"},
    // The same codecs by the names under which numcodecs registers them for format 3.
    {"numcodecs.zstd", "", make_zstd_codec, kZstdSamples},
    {"numcodecs.gzip", "", make_gzip_codec, kGzipSamples},
    {"numcodecs.blosc", "", make_blosc_codec, kBloscSamples},
}};

template <typename NameOf>
const CodecRow& find_row(std::string_view name, NameOf name_of) {
  const auto row = std::find_if(kTable.begin(), kTable.end(),
                                [&](const CodecRow& r) { return name_of(r) == name; });
  if (row != kTable.end() && !name.empty()) return *row;
  std::string known;
  for (const CodecRow& r : kTable) {
    if (name_of(r).empty()) continue;
    known += (known.empty() ? "" : ", ") + std::string(name_of(r));
  }
  fail(ErrorCode::unsupported,
       "codec \"" + std::string(name) + "\" is not known; known are " + known);
}

}  // namespace

std::span<const CodecRow> codec_table() { return kTable; }

const CodecRow& find_codec(std::string_view name) {
  return find_row(name, [](const CodecRow& row) { return row.name; });
}

const CodecRow& find_v2_codec(std::string_view id) {
  return find_row(id, [](const CodecRow& row) { return row.v2_id; });
}

std::vector<std::string> codec_names() {
  std::vector<std::string> names;
  for (const CodecRow& row : kTable) names.emplace_back(row.name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace zarrloom
