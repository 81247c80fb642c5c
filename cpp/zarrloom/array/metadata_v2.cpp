// ".zarray" (v2 specification, "Arrays"), translated to a format 3 codec chain.
#include <algorithm>
#include <array>

#include "zarrloom/array/document.h"
#include "zarrloom/array/metadata.h"
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

constexpr std::array<std::string_view, 9> kMembers{
    "zarr_format", "shape",      "chunks",
    "dtype",       "compressor", "fill_value",
    "order",       "filters",    "dimension_separator"};

const std::string& codec_id(const Json& codec, const char* where) {
  const Json* id = codec.find("id");
  if (id == nullptr || id->as_string() == nullptr) {
    fail_member(where, "null or an object with an id", codec);
  }
  return *id->as_string();
}

void read_dtype(const Json& value, ArrayMetadata& metadata) {
  V2DataType parsed = dtype_from_v2_json(value);
  metadata.dtype = std::move(parsed.dtype);
  metadata.v2.big_endian = parsed.big_endian;
}

void read_order(const Json& value, ArrayMetadata& metadata) {
  if (value != Json("C") && value != Json("F")) fail_member("order", "\"C\" or \"F\"", value);
  metadata.v2.order = value.as_string()->front();
}

// A filter that is skipped gives wrong elements without an error, so none is.
void read_filters(const Json* value, ArrayMetadata& metadata) {
  if (value == nullptr || value->is_null()) return;
  const Json::Array* list = value->as_array();
  if (list == nullptr) fail_member("filters", "null or a list", *value);
  metadata.v2.filters = *value;
  if (list->empty()) return;
  fail(ErrorCode::unsupported, "filter \"" + codec_id(list->front(), "each filter") +
                                   "\" is not supported; no filters of format 2 are");
}

ChunkKeyEncoding read_separator(const Json* value) {
  if (value == nullptr) return {true, '.'};
  // Anything else could lead a key out of the array.
  if (*value != Json("/") && *value != Json(".")) {
    fail_member("dimension_separator", "\"/\" or \".\"", *value);
  }
  return {true, value->as_string()->front()};
}

CodecConfig transposed_order(std::size_t rank) {
  Json::Array order;
  for (std::size_t d = rank; d-- > 0;) order.emplace_back(static_cast<std::int64_t>(d));
  return {"transpose", Json::Object{{"order", std::move(order)}}};
}

CodecConfig bytes_codec(const ArrayMetadata& metadata) {
  if (metadata.dtype.swap_size() == 1) return {"bytes", Json::Object{}};
  return {"bytes", Json::Object{{"endian", metadata.v2.big_endian ? "big" : "little"}}};
}

// numcodecs takes levels outside the limits of format 3, and means these by them.
void limit_level(CodecConfig& codec) {
  const Json* level = codec.configuration.find("level");
  const std::int64_t* number = level == nullptr ? nullptr : level->as_int();
  if (number == nullptr) return;
  if (codec.name == "gzip" && *number == -1) codec.configuration.set("level", 6);
  if (codec.name == "zstd" && *number > 22) codec.configuration.set("level", 22);
}

CodecConfig compressor_codec(const Json& compressor) {
  const std::string& id = codec_id(compressor, "compressor");
  CodecConfig codec{std::string(find_v2_codec(id).name), compressor};
  codec.configuration.erase("id");
  limit_level(codec);
  return codec;
}

void read_codecs(const Json& compressor, ArrayMetadata& metadata) {
  metadata.v2.compressor = compressor;
  // In one dimension both orders are the same.
  if (metadata.v2.order == 'F' && metadata.shape.size() > 1) {
    metadata.codecs.push_back(transposed_order(metadata.shape.size()));
  }
  metadata.codecs.push_back(bytes_codec(metadata));
  if (!compressor.is_null()) metadata.codecs.push_back(compressor_codec(compressor));
}

void read_unknown_members(const Json& zarray, ArrayMetadata& metadata) {
  for (const auto& [name, value] : *zarray.as_object()) {
    if (std::find(kMembers.begin(), kMembers.end(), name) == kMembers.end()) {
      metadata.extra.set(name, value);
    }
  }
}

}  // namespace

ArrayMetadata parse_v2_metadata(const Json& zarray, const Json& zattrs) {
  if (zarray.as_object() == nullptr) fail_member("array metadata", "an object", zarray);
  const Json& format = required_member(zarray, "zarr_format");
  if (format != Json(2)) fail_member("zarr_format", "2", format);
  ArrayMetadata metadata;
  metadata.zarr_format = 2;
  metadata.shape = read_dims(required_member(zarray, "shape"), "shape");
  metadata.chunk_shape = read_dims(required_member(zarray, "chunks"), "chunks");
  check_chunk_shape(metadata.shape, metadata.chunk_shape, "chunks");
  read_dtype(required_member(zarray, "dtype"), metadata);
  const Json& fill_value = required_member(zarray, "fill_value");
  metadata.v2.null_fill = fill_value.is_null();
  metadata.fill_value = parse_v2_fill_value(fill_value, metadata.dtype);
  read_order(required_member(zarray, "order"), metadata);
  read_filters(zarray.find("filters"), metadata);
  metadata.key_encoding = read_separator(zarray.find("dimension_separator"));
  read_codecs(required_member(zarray, "compressor"), metadata);
  if (!zattrs.is_null()) {
    if (zattrs.as_object() == nullptr) fail_member(".zattrs", "an object", zattrs);
    metadata.attributes = zattrs;
  }
  read_unknown_members(zarray, metadata);
  bind_codecs(metadata);
  return metadata;
}

Json write_v2_metadata(const ArrayMetadata& metadata) {
  const V2Members& v2 = metadata.v2;
  Json document = Json::Object{
      {"zarr_format", 2},
      {"shape", write_dims(metadata.shape)},
      {"chunks", write_dims(metadata.chunk_shape)},
      {"dtype", dtype_to_v2_json(metadata.dtype, v2.big_endian)},
      {"compressor", v2.compressor},
      {"fill_value",
       v2.null_fill ? Json() : write_v2_fill_value(metadata.fill_value, metadata.dtype)},
      {"order", std::string(1, v2.order)},
      {"filters", v2.filters},
      {"dimension_separator", std::string(1, metadata.key_encoding.separator)}};
  for (const auto& [name, value] : *metadata.extra.as_object()) document.set(name, value);
  return document;
}

}  // namespace zarrloom
