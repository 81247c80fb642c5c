// An array's metadata, in one form for both formats.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "zarrloom/base/dtype.h"
#include "zarrloom/base/json.h"
#include "zarrloom/codecs/codec.h"
#include "zarrloom/pipeline/dataset.h"

namespace zarrloom {

// One element in native byte order; of a type of variable size the bytes of one.
using FillValue = std::vector<std::byte>;

// The members that only format 2 has; kept so that metadata is written back as it was.
struct V2Members {
  bool big_endian = false;  // of the dtype string
  char order = 'C';         // 'C' or 'F'
  Json compressor;          // null or the object
  Json filters;             // null or a list
  bool null_fill = false;   // "fill_value": null, read as zero
};

struct ArrayMetadata {
  int zarr_format = 3;
  Dims shape;
  Dims chunk_shape;  // of stored objects: of the largest, if they differ
  // Chunk grid "rectilinear", of the same objects; absent: "regular".
  std::optional<ChunkGrid> rectilinear;
  DataType dtype;
  FillValue fill_value;
  ChunkKeyEncoding key_encoding;
  std::vector<CodecConfig> codecs;  // as a format 3 chain, for both formats
  Json attributes = Json::Object{};
  // Format 3: absent, or a name or null for each dimension.
  std::optional<std::vector<std::optional<std::string>>> dimension_names;
  V2Members v2;
  // Format 3: the member as it was read, since a type may have two spellings. Null: not read yet.
  Json data_type;
  Json extra = Json::Object{};  // unknown members that need not be understood, written back
  std::shared_ptr<const Extensions> extensions = nullptr;  // that it was parsed with

  ChunkGrid chunk_grid() const { return rectilinear ? *rectilinear : ChunkGrid(chunk_shape); }
};

// Format 3, "zarr.json" (core specification, "Array metadata"). Throws corrupt_metadata, or
// unsupported for a valid extension that is not known and must be understood, or
// invalid_argument if a codec's configuration is wrong. The codec chain is bound once as a check.
ArrayMetadata parse_v3_metadata(const Json& document,
                                std::shared_ptr<const Extensions> extensions = nullptr);
Json write_v3_metadata(const ArrayMetadata& metadata);

// Format 2, ".zarray" and ".zattrs" (null if there is none).
ArrayMetadata parse_v2_metadata(const Json& zarray, const Json& zattrs,
                                std::shared_ptr<const Extensions> extensions = nullptr);
Json write_v2_metadata(const ArrayMetadata& metadata);  // ".zarray"; attributes go to ".zattrs"

// ---- Fill values (array/fill_value.cpp) ----

// Zero, or no bytes.
FillValue zero_fill_value(const DataType& dtype);

// Format 3: numbers, true/false, "NaN", "Infinity", "-Infinity", hex bit patterns "0x7fc00001",
// pairs of them for complex, byte lists for r*, "NaT" or integers for datetime. Exact for 64 bits;
// throws corrupt_metadata if the value is out of range or of another kind.
FillValue parse_v3_fill_value(const Json& value, const DataType& dtype);
Json write_v3_fill_value(const FillValue& value, const DataType& dtype);  // bits are kept

// Of a structured type, as an object with a value for each field (data type "struct").
Json write_fields_fill_value(const FillValue& value, const DataType& dtype);

// Format 2: as above without hex; base64 for raw and bytes; null is zero.
FillValue parse_v2_fill_value(const Json& value, const DataType& dtype);
Json write_v2_fill_value(const FillValue& value, const DataType& dtype);

// ---- New arrays (array/create.cpp) ----

struct CreateOptions {
  int zarr_format = 3;
  Dims shape;
  DataType dtype;
  std::optional<Dims> chunk_shape;  // absent: guess_chunk_shape
  // Format 3: chunks are stored together in shards of this shape, a multiple of the chunk's.
  std::optional<Dims> shard_shape;
  // Format 3: chunks of sizes of their own, instead of chunk_shape; beside a chunk_shape shards are
  // cut like this, instead of by shard_shape. Of the array's shape.
  std::optional<ChunkGrid> rectilinear;
  std::optional<FillValue> fill_value;  // absent: zero
  bool big_endian = false;              // stored byte order where no serializer says otherwise
  char order = 'C';                     // 'F': a transpose codec in format 3, "order" in format 2
  // Format 3 names ("zstd"), each list complete. Format 2 takes one compressor and the same names.
  std::vector<CodecConfig> filters;       // array -> array; format 2 takes byte codecs too
  std::optional<CodecConfig> serializer;  // array -> bytes; absent: bytes
  std::optional<std::vector<CodecConfig>> compressors;  // bytes -> bytes; absent: zstd level 0
  std::optional<ChunkKeyEncoding> key_encoding;  // absent: default "/", or v2 "." in format 2
  Json attributes = Json::Object{};
  std::optional<std::vector<std::optional<std::string>>> dimension_names;
  std::shared_ptr<const Extensions> extensions = nullptr;  // Array::create: null: the runtime's
};

// With the runtime's extensions, if they have none.
CreateOptions with_extensions(CreateOptions options, const Runtime& runtime);

// Throws invalid_argument where the options make no array.
ArrayMetadata make_metadata(const CreateOptions& options);

// Chunks of about 1 MiB (up to 64 MiB for arrays of terabytes), halving the longest sides first.
Dims guess_chunk_shape(const Dims& shape, std::size_t item_size);

}  // namespace zarrloom
