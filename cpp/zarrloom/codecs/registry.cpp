#include "zarrloom/codecs/registry.h"

#include <algorithm>
#include <iterator>

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

constexpr std::string_view kLevelSamples = R"([{}, {"level": 9}])";
constexpr std::string_view kZlibSamples = R"([{}, {"level": -1}, {"level": 9}])";
constexpr std::string_view kLzmaSamples =
    R"([{"format": 1, "check": 1, "preset": 0}, {"format": 2, "preset": 0},
        {"format": 3, "filters": [{"id": 3, "dist": 4}, {"id": 33, "preset": 0}]}])";
constexpr std::string_view kAtEitherEnd = R"([{}, {"location": "start"}, {"location": "end"}])";

constexpr std::string_view kDeltaSamples =
    R"([{}, {"dtype": "<i4"}, {"dtype": "|u1", "astype": "<i8"}, {"dtype": "<i8", "astype": "<i8"},
        {"dtype": "|u1", "astype": "|i1"}, {"dtype": "|b1"}])";
constexpr std::string_view kAsTypeSamples =
    R"([{"encode_dtype": "<i8"}, {"encode_dtype": "<i2", "decode_dtype": "|i1"},
        {"encode_dtype": "|u1"}, {"encode_dtype": "<f4"}])";
constexpr std::string_view kQuantizeSamples =
    R"([{"digits": 3}, {"digits": 1, "dtype": "<f8", "astype": "<f4"}, {"digits": -1}])";
constexpr std::string_view kBitroundSamples = R"([{"keepbits": 5}, {"keepbits": 8}])";
constexpr std::string_view kScalingSamples =
    R"([{"offset": 2, "scale": 1}, {"offset": 0.0, "scale": 0.5, "dtype": "<i4", "astype": "<i8"}])";

constexpr CodecRow kTable[] = {
    {"bytes", "", make_bytes_codec, R"([{"endian": "little"}, {"endian": "big"}])"},
    {"transpose", "", make_transpose_codec, R"([{"order": "F"}, {"order": "C"}])"},
    {"sharding_indexed", "", make_sharding_codec, kShardingSamples},
    {"zstd", "zstd", make_zstd_codec, kZstdSamples},
    {"gzip", "gzip", make_gzip_codec, kGzipSamples},
    {"blosc", "blosc", make_blosc_codec, kBloscSamples},
    {"crc32c", "", make_crc32c_codec, "[{}]"},
    {"numcodecs.zlib", "zlib", make_zlib_codec, kZlibSamples},
    {"numcodecs.lz4", "lz4", make_lz4_codec, R"([{}, {"acceleration": 10}])"},
    {"numcodecs.bz2", "bz2", make_bz2_codec, kLevelSamples},
    {"numcodecs.lzma", "lzma", make_lzma_codec, kLzmaSamples},
    {"numcodecs.base64", "base64", make_base64_codec, "[{}]"},
    {"numcodecs.shuffle", "shuffle", make_shuffle_codec,
     R"([{"elementsize": 0}, {"elementsize": 4}, {"elementsize": 8}])"},
    {"numcodecs.crc32c", "crc32c", make_numcodecs_crc32c_codec, kAtEitherEnd},
    {"numcodecs.crc32", "crc32", make_crc32_codec, kAtEitherEnd},
    {"numcodecs.adler32", "adler32", make_adler32_codec, kAtEitherEnd},
    {"numcodecs.fletcher32", "fletcher32", make_fletcher32_codec, "[{}]"},
    {"numcodecs.jenkins_lookup3", "jenkins_lookup3", make_jenkins_codec,
     R"([{}, {"initval": 7, "prefix": [1, 255]}])"},
    {"numcodecs.delta", "delta", make_delta_codec, kDeltaSamples},
    {"numcodecs.astype", "astype", make_astype_codec, kAsTypeSamples},
    {"numcodecs.quantize", "quantize", make_quantize_codec, kQuantizeSamples},
    {"bitround", "bitround", make_bitround_codec, kBitroundSamples},
    {"numcodecs.fixedscaleoffset", "fixedscaleoffset", make_fixedscaleoffset_codec,
     kScalingSamples},
    {"numcodecs.packbits", "packbits", make_numcodecs_packbits_codec, "[{}]"},
    {"packbits", "", make_packbits_codec,
     R"([{}, {"padding_encoding": "first_byte"}, {"padding_encoding": "last_byte"}])"},
    {"scale_offset", "", make_scale_offset_codec, R"([{}, {"offset": 2}])"},
    {"cast_value", "", make_cast_value_codec,
     R"([{"data_type": "int64", "out_of_range": "wrap"}, {"data_type": "float64"}])"},
    {"vlen-utf8", "vlen-utf8", make_vlen_utf8_codec, "[{}]"},
    {"vlen-bytes", "vlen-bytes", make_vlen_bytes_codec, "[{}]"},
    {"numcodecs.vlen-array", "vlen-array", make_vlen_array_codec, "[{}]"},
    {"numcodecs.categorize", "categorize", make_categorize_codec,
     R"([{"labels": ["a", "b"]}, {"labels": [""], "astype": "<u2"}])"},
    // The same codecs by the names under which numcodecs registers them for format 3.
    {"numcodecs.zstd", "", make_zstd_codec, kZstdSamples},
    {"numcodecs.gzip", "", make_gzip_codec, kGzipSamples},
    {"numcodecs.blosc", "", make_blosc_codec, kBloscSamples},
    {"numcodecs.bitround", "", make_bitround_codec, kBitroundSamples},
    // What zarrs and others call them.
    {"zlib", "", make_zlib_codec, kZlibSamples},
    {"bz2", "", make_bz2_codec, kLevelSamples},
};

struct Refused {
  std::string_view name;  // without "numcodecs."
  std::string_view reason;
  bool for_good = false;  // also where an extension knows it
};

// Codecs that are known, but will not be run.
constexpr Refused kRefused[] = {
    {"pickle", "it executes code that the data brings", true},
    {"json2", "it stores Python objects, whose type no metadata tells", true},
    {"msgpack2", "it stores Python objects, whose type no metadata tells", true},
    {"zfpy", "the library zfp is in none of the package registries that zarrloom is built from"},
    {"zfp", "the library zfp is in none of the package registries that zarrloom is built from"},
    {"pcodec", "its library is written in Rust and has no C interface that is published"},
};

const Refused* find_refused(std::string_view name) {
  std::string_view id = name;
  if (id.starts_with("numcodecs.")) id.remove_prefix(std::string_view("numcodecs.").size());
  const auto found = std::ranges::find(kRefused, id, &Refused::name);
  return found == std::end(kRefused) ? nullptr : found;
}

void fail_refused(std::string_view name) {
  const Refused* refused = find_refused(name);
  if (refused == nullptr) return;
  fail(ErrorCode::unsupported,
       "codec \"" + std::string(name) + "\" is not supported: " + std::string(refused->reason));
}

template <typename NameOf>
const CodecRow& find_row(std::string_view name, NameOf name_of) {
  const auto row = std::ranges::find_if(
      kTable, [&](const CodecRow& r) { return !name.empty() && name_of(r) == name; });
  if (row != std::end(kTable)) return *row;
  fail_refused(name);
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

bool is_refused_for_good(std::string_view name) {
  const Refused* refused = find_refused(name);
  return refused != nullptr && refused->for_good;
}

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
