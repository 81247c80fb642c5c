// ".zarray" (v2 specification, "Arrays"), translated to a format 3 codec chain.
#include <algorithm>
#include <array>

#include "zarrloom/array/document.h"
#include "zarrloom/array/metadata.h"
#include "zarrloom/array/v2_codecs.h"
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/extensions.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

constexpr std::array<std::string_view, 9> kMembers{
    "zarr_format", "shape",      "chunks",
    "dtype",       "compressor", "fill_value",
    "order",       "filters",    "dimension_separator"};

// What "|O" stands for is told by a filter.
DataType object_type(const Json* filters) {
  const Json::Array* list = filters == nullptr ? nullptr : filters->as_array();
  for (const Json& filter : list == nullptr ? Json::Array() : *list) {
    const Json* id = filter.find("id");
    if (id == nullptr || id->as_string() == nullptr) continue;
    find_v2_codec(*id->as_string());  // throws for what is not known, or not run
    if (*id == Json("vlen-utf8") || *id == Json("categorize"))
      return dtype_from_numpy_name("string");
    if (*id == Json("vlen-bytes")) return dtype_from_numpy_name("variable_length_bytes");
    if (*id != Json("vlen-array")) continue;
    const Json& items = required_member(filter, "dtype");
    if (items.as_string() == nullptr) fail_member("filters: dtype", "a data type", items);
    return dtype_from_numpy_name("variable_length_array[" + *items.as_string() + "]");
  }
  fail(ErrorCode::unsupported,
       "dtype is |O, but no filter (vlen-utf8, vlen-bytes, vlen-array, categorize) tells what the "
       "objects are");
}

void read_dtype(const Json& value, const Json* filters, ArrayMetadata& metadata) {
  if (value == Json("|O")) {
    metadata.dtype = object_type(filters);
    return;
  }
  const std::string* name = value.as_string();
  if (name != nullptr && metadata.extensions && find_extension_type(*name) == nullptr) {
    if (auto type = metadata.extensions->find_data_type(*name, Json::Object{})) {
      metadata.dtype = extension_dtype(std::move(type));
      return;
    }
  }
  V2DataType parsed = dtype_from_v2_json(value);
  metadata.dtype = std::move(parsed.dtype);
  metadata.v2.big_endian = parsed.big_endian;
}

void read_order(const Json& value, ArrayMetadata& metadata) {
  if (value != Json("C") && value != Json("F")) fail_member("order", "\"C\" or \"F\"", value);
  metadata.v2.order = value.as_string()->front();
}

void read_filters(const Json* value, ArrayMetadata& metadata) {
  if (value == nullptr || value->is_null()) return;
  if (value->as_array() == nullptr) fail_member("filters", "null or a list", *value);
  metadata.v2.filters = *value;
}

ChunkKeyEncoding read_separator(const Json* value) {
  if (value == nullptr) return {true, '.'};
  // Anything else could lead a key out of the array.
  if (*value != Json("/") && *value != Json(".")) {
    fail_member("dimension_separator", "\"/\" or \".\"", *value);
  }
  return {true, value->as_string()->front()};
}

void read_unknown_members(const Json& zarray, ArrayMetadata& metadata) {
  for (const auto& [name, value] : *zarray.as_object()) {
    if (std::find(kMembers.begin(), kMembers.end(), name) == kMembers.end()) {
      metadata.extra.set(name, value);
    }
  }
}

}  // namespace

ArrayMetadata parse_v2_metadata(const Json& zarray, const Json& zattrs,
                                std::shared_ptr<const Extensions> extensions) {
  if (zarray.as_object() == nullptr) fail_member("array metadata", "an object", zarray);
  const Json& format = required_member(zarray, "zarr_format");
  if (format != Json(2)) fail_member("zarr_format", "2", format);
  ArrayMetadata metadata;
  metadata.zarr_format = 2;
  metadata.extensions = std::move(extensions);
  metadata.shape = read_dims(required_member(zarray, "shape"), "shape");
  metadata.chunk_shape = read_dims(required_member(zarray, "chunks"), "chunks");
  check_chunk_shape(metadata.shape, metadata.chunk_shape, "chunks");
  read_dtype(required_member(zarray, "dtype"), zarray.find("filters"), metadata);
  const Json& fill_value = required_member(zarray, "fill_value");
  metadata.v2.null_fill = fill_value.is_null();
  metadata.fill_value = parse_v2_fill_value(fill_value, metadata.dtype);
  read_order(required_member(zarray, "order"), metadata);
  read_filters(zarray.find("filters"), metadata);
  metadata.key_encoding = read_separator(zarray.find("dimension_separator"));
  metadata.v2.compressor = required_member(zarray, "compressor");
  chain_v2_codecs(metadata);
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
