// The one table of codecs.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "zarrloom/codecs/codec.h"

namespace zarrloom {

struct CodecRow {
  std::string_view name;   // in format 3
  std::string_view v2_id;  // numcodecs id in format 2, "" if it does not exist there
  // Throws invalid_argument for a bad configuration and unsupported for one that this build lacks.
  // Takes both the v3 configuration and the members of a v2 object other than "id".
  AnyCodec (*make)(const Json& configuration, const ChunkSpec& spec);
  // Configurations (JSON, a list of objects) that the conformance suite runs. A "chunk_shape" in
  // one is replaced by what fits the chunk.
  std::string_view samples;
};

std::span<const CodecRow> codec_table();

// Throws unsupported, naming the codec and listing what is known.
const CodecRow& find_codec(std::string_view name);
const CodecRow& find_v2_codec(std::string_view id);

// Of codecs that no extension may bring back either, because they run code or need objects.
bool is_refused_for_good(std::string_view name);

// "numcodecs.zlib" and so on: every name, sorted, for messages and for Python.
std::vector<std::string> codec_names();

// The factories, one in each codec's file. ArrayToArray: transpose. ArrayToBytes: packbits, bytes,
// vlen_*, sharding. ArrayTransform: delta to scale_offset, categorize.
AnyCodec make_transpose_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_delta_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_astype_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_quantize_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_bitround_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_fixedscaleoffset_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_numcodecs_packbits_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_cast_value_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_scale_offset_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_packbits_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_bytes_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_vlen_utf8_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_vlen_bytes_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_vlen_array_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_categorize_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_sharding_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_zstd_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_gzip_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_zlib_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_lz4_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_blosc_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_bz2_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_lzma_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_shuffle_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_base64_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_crc32c_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_numcodecs_crc32c_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_crc32_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_adler32_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_fletcher32_codec(const Json& configuration, const ChunkSpec& spec);
AnyCodec make_jenkins_codec(const Json& configuration, const ChunkSpec& spec);

}  // namespace zarrloom
