// "zarr.json" of arrays (v3 core specification, "Array metadata").
#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>

#include "zarrloom/array/document.h"
#include "zarrloom/array/metadata.h"
#include "zarrloom/array/rectilinear.h"
#include "zarrloom/base/base64.h"
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/extensions.h"

namespace zarrloom {
namespace {

constexpr std::array<std::string_view, 11> kMembers{
    "zarr_format",         "node_type",  "shape",  "data_type",  "chunk_grid",
    "chunk_key_encoding",  "fill_value", "codecs", "attributes", "dimension_names",
    "storage_transformers"};

constexpr std::array<std::string_view, 14> kCoreTypes{
    "bool",   "int8",   "int16",   "int32",   "int64",   "uint8",     "uint16",
    "uint32", "uint64", "float16", "float32", "float64", "complex64", "complex128"};

constexpr std::string_view kRawBytes = "raw_bytes";  // zarr-python's spelling of r*
constexpr std::string_view kNulBytes = "null_terminated_bytes";
constexpr std::string_view kDatetime = "numpy.datetime64";
constexpr std::string_view kUtf32 = "fixed_length_utf32";
constexpr std::string_view kStructured = "structured";  // zarr-python's name and form...
constexpr std::string_view kStruct = "struct";          // ...and the registered one
constexpr std::string_view kString = "string";
constexpr std::string_view kVariableBytes = "variable_length_bytes";  // zarr-python's name...
constexpr std::string_view kBytes = "bytes";                          // ...and the registered one
constexpr std::string_view kTimedelta = "numpy.timedelta64";

void check_members(const Json& object, std::string_view where,
                   std::initializer_list<std::string_view> known) {
  for (const Json::Member& member : *object.as_object()) {
    if (std::find(known.begin(), known.end(), member.first) != known.end()) continue;
    fail(ErrorCode::corrupt_metadata,
         std::string(where) + " has a member \"" + member.first + "\" that is not known");
  }
}

// "name", or {"name": ..., "configuration": ...}: how every extension point is written.
CodecConfig read_extension(const Json& value, std::string_view where) {
  if (const std::string* name = value.as_string()) return {*name, Json::Object{}};
  const Json* name = value.find("name");
  if (name == nullptr || name->as_string() == nullptr) {
    fail_member(where, "a name or an object with a name", value);
  }
  check_members(value, where, {"name", "configuration", "must_understand"});
  const Json* must = value.find("must_understand");
  if (must != nullptr && must->as_bool() == nullptr) {
    fail_member(std::string(where) + ".must_understand", "true or false", *must);
  }
  CodecConfig extension{*name->as_string()};
  if (const Json* configuration = value.find("configuration")) {
    if (configuration->as_object() == nullptr) {
      fail_member(std::string(where) + ".configuration", "an object", *configuration);
    }
    extension.configuration = *configuration;
  }
  return extension;
}

Json write_extension(std::string_view name, Json configuration) {
  Json::Object object{{"name", name}};
  if (!configuration.as_object()->empty()) {
    object.emplace_back("configuration", std::move(configuration));
  }
  return object;
}

// ---- data_type ----

[[noreturn]] void fail_unknown_type(const std::string& name) {
  std::string known;
  for (std::string_view type : kCoreTypes) known += std::string(type) + ", ";
  for (std::string_view type : extension_type_names()) known += std::string(type) + ", ";
  for (std::string_view type : {kRawBytes, kNulBytes, kUtf32, kString, kBytes, kVariableBytes,
                                kStructured, kStruct, kDatetime, kTimedelta}) {
    known += std::string(type) + ", ";
  }
  fail(ErrorCode::unsupported,
       "data_type \"" + name + "\" is not known; known are " + known + "r<bits>");
}

std::int64_t positive_member(const Json& configuration, std::string_view name) {
  const Json& value = required_member(configuration, name);
  const std::int64_t* number = value.as_int();
  if (number == nullptr || *number < 1) {
    fail_member("data_type: " + std::string(name), "an integer above 0", value);
  }
  return *number;
}

DataType sized_type(char letter, std::int64_t bytes) {
  return dtype_from_numpy_name(letter + std::to_string(bytes));
}

// "r24": the number of bits.
DataType raw_type(const std::string& name) {
  std::int64_t bits = 0;
  const char* last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data() + 1, last, bits);
  if (error != std::errc{} || end != last) fail_unknown_type(name);
  if (bits < 8 || bits % 8 != 0) {
    fail(ErrorCode::corrupt_metadata, "data_type " + name + " is not a whole number of bytes");
  }
  return sized_type('V', bits / 8);
}

DataType time_type(const CodecConfig& type, const std::string& numpy_name) {
  check_members(type.configuration, "data_type", {"unit", "scale_factor"});
  const Json& unit = required_member(type.configuration, "unit");
  const std::string* name = unit.as_string();
  // Digits would become part of the scale in numpy's spelling.
  if (name == nullptr || name->find_first_of("0123456789") != std::string::npos) {
    fail_member("data_type: unit", "a unit of time", unit);
  }
  const std::int64_t scale = positive_member(type.configuration, "scale_factor");
  if (*name == "generic" && scale == 1) return dtype_from_numpy_name(numpy_name);
  const std::string prefix = scale == 1 ? "" : std::to_string(scale);
  return dtype_from_numpy_name(numpy_name + "[" + prefix + *name + "]");
}

DataType read_data_type(const Json& value, const Extensions* extensions);

// A field of "structured" is [name, type], one of "struct" an object.
Field read_field(const Json& value, bool as_object, const Extensions* extensions) {
  const Json::Array* pair = value.as_array();
  const Json* name = as_object ? value.find("name") : nullptr;
  const Json* type = as_object ? value.find("data_type") : nullptr;
  if (!as_object && pair != nullptr && pair->size() == 2) {
    name = &(*pair)[0];
    type = &(*pair)[1];
  }
  if (name == nullptr || type == nullptr || name->as_string() == nullptr) {
    fail_member("data_type: a field", "a name and a data type", value);
  }
  return {*name->as_string(), read_data_type(*type, extensions), false, {}};
}

DataType structured_type(const CodecConfig& type, const Extensions* extensions) {
  check_members(type.configuration, "data_type", {"fields"});
  const Json& list = required_member(type.configuration, "fields");
  if (list.as_array() == nullptr || list.as_array()->empty()) {
    fail_member("data_type: fields", "a list of fields", list);
  }
  DataType dtype{Kind::structured, 0, "", 1, {}};
  for (const Json& item : *list.as_array()) {
    dtype.fields.push_back(read_field(item, type.name == kStruct, extensions));
    dtype.item_size += dtype.fields.back().size();
  }
  // By way of format 2's form, which checks names and size.
  return dtype_from_v2_json(dtype_to_v2_json(dtype, false)).dtype;
}

DataType read_data_type(const Json& value, const Extensions* extensions) {
  const CodecConfig type = read_extension(value, "data_type");
  if (type.name == kDatetime) return time_type(type, "datetime64");
  if (type.name == kTimedelta) return time_type(type, "timedelta64");
  if (type.name == kRawBytes || type.name == kNulBytes) {
    check_members(type.configuration, "data_type", {"length_bytes"});
    return sized_type(type.name == kRawBytes ? 'V' : 'S',
                      positive_member(type.configuration, "length_bytes"));
  }
  if (type.name == kUtf32) {
    check_members(type.configuration, "data_type", {"length_bytes"});
    const std::int64_t bytes = positive_member(type.configuration, "length_bytes");
    if (bytes % 4 != 0) {
      fail(ErrorCode::corrupt_metadata, "data_type fixed_length_utf32 of " + std::to_string(bytes) +
                                            " bytes is not a whole number of characters");
    }
    return sized_type('U', bytes / 4);
  }
  if (type.name == kStructured || type.name == kStruct) return structured_type(type, extensions);
  if (type.name == kString || type.name == kBytes || type.name == kVariableBytes) {
    check_members(type.configuration, "data_type", {});
    return dtype_from_numpy_name(type.name == kString ? kString : kVariableBytes);
  }
  const bool is_core =
      std::find(kCoreTypes.begin(), kCoreTypes.end(), type.name) != kCoreTypes.end();
  if (!is_core && extensions != nullptr && find_extension_type(type.name) == nullptr) {
    if (auto found = extensions->find_data_type(type.name, type.configuration)) {
      return extension_dtype(std::move(found));
    }
  }
  const bool is_named = is_core || find_extension_type(type.name) != nullptr;
  if (!is_named && !type.name.starts_with('r')) fail_unknown_type(type.name);
  DataType dtype = is_named ? dtype_from_numpy_name(type.name) : raw_type(type.name);
  check_members(type.configuration, "data_type", {});
  return dtype;
}

Json write_data_type(const DataType& dtype);

// As zarr-python writes it. Format 3 has one byte order for all fields, and no fields of arrays.
Json write_structured(const DataType& dtype) {
  Json::Array fields;
  for (const Field& field : dtype.fields) {
    const bool swapped = field.big_endian && field.dtype.swap_size() > 1;
    if (field.name.empty() || !field.shape.empty() || swapped) {
      fail(ErrorCode::unsupported,
           "format 3 has no structured types with padding, fields of arrays or big-endian fields");
    }
    fields.push_back(Json::Array{field.name, write_data_type(field.dtype)});
  }
  return write_extension(kStructured, Json::Object{{"fields", std::move(fields)}});
}

Json write_data_type(const DataType& dtype) {
  const auto size = static_cast<std::int64_t>(dtype.item_size);
  switch (dtype.kind) {
    case Kind::raw:
      return "r" + std::to_string(8 * size);
    case Kind::fixed_bytes:
      return write_extension(kNulBytes, Json::Object{{"length_bytes", size}});
    case Kind::unicode:
      return write_extension(kUtf32, Json::Object{{"length_bytes", size}});
    case Kind::structured:
      return write_structured(dtype);
    case Kind::numbers:
      fail(ErrorCode::unsupported, "format 3 has no arrays of variable length as elements");
    case Kind::datetime:
    case Kind::timedelta:
      return write_extension(dtype.kind == Kind::datetime ? kDatetime : kTimedelta,
                             Json::Object{{"unit", dtype.unit.empty() ? "generic" : dtype.unit},
                                          {"scale_factor", dtype.unit_scale}});
    case Kind::extension:
      if (!dtype.extension->configuration.as_object()->empty()) {
        return write_extension(dtype.extension->name, dtype.extension->configuration);
      }
      return dtype.extension->name;
    default:
      return dtype.numpy_name();
  }
}

// ---- chunk_grid, chunk_key_encoding, codecs ----

void read_chunk_grid(const Json& value, ArrayMetadata& metadata) {
  const CodecConfig grid = read_extension(value, "chunk_grid");
  if (grid.name == "rectilinear") {
    check_members(grid.configuration, "chunk_grid", {"kind", "chunk_shapes"});
    metadata.rectilinear = parse_rectilinear(grid.configuration, metadata.shape);
    metadata.chunk_shape = metadata.rectilinear->largest();
    return;
  }
  if (grid.name != "regular") {
    fail(ErrorCode::unsupported,
         "chunk_grid \"" + grid.name + "\" is not known; known are regular, rectilinear");
  }
  check_members(grid.configuration, "chunk_grid", {"chunk_shape"});
  metadata.chunk_shape =
      read_dims(required_member(grid.configuration, "chunk_shape"), "chunk_shape");
  check_chunk_shape(metadata.shape, metadata.chunk_shape, "chunk_shape");
}

Json write_chunk_grid(const ArrayMetadata& metadata) {
  if (metadata.rectilinear) {
    return write_extension("rectilinear", write_rectilinear(*metadata.rectilinear));
  }
  return write_extension("regular",
                         Json::Object{{"chunk_shape", write_dims(metadata.chunk_shape)}});
}

ChunkKeyEncoding read_key_encoding(const Json& value) {
  const CodecConfig encoding = read_extension(value, "chunk_key_encoding");
  if (encoding.name != "default" && encoding.name != "v2") {
    fail(ErrorCode::unsupported,
         "chunk_key_encoding \"" + encoding.name + "\" is not known; known are default, v2");
  }
  check_members(encoding.configuration, "chunk_key_encoding", {"separator"});
  const bool v2_style = encoding.name == "v2";
  const Json* separator = encoding.configuration.find("separator");
  if (separator == nullptr) return {v2_style, v2_style ? '.' : '/'};
  // Anything else could lead a key out of the array.
  if (*separator != Json("/") && *separator != Json(".")) {
    fail_member("chunk_key_encoding: separator", "\"/\" or \".\"", *separator);
  }
  return {v2_style, separator->as_string()->front()};
}

std::vector<CodecConfig> read_codecs(const Json& value) {
  const Json::Array* list = value.as_array();
  if (list == nullptr) fail_member("codecs", "a list", value);
  std::vector<CodecConfig> codecs;
  for (const Json& item : *list) codecs.push_back(read_extension(item, "codecs"));
  return codecs;
}

// ---- Optional members ----

void read_dimension_names(const Json& document, ArrayMetadata& metadata) {
  const Json* value = document.find("dimension_names");
  if (value == nullptr || value->is_null()) return;  // zarr-python has written null
  const Json::Array* list = value->as_array();
  if (list == nullptr || list->size() != metadata.shape.size()) {
    fail_member("dimension_names", "a list with an entry for each dimension", *value);
  }
  metadata.dimension_names.emplace();
  for (const Json& name : *list) {
    if (name.is_null()) {
      metadata.dimension_names->push_back(std::nullopt);
    } else if (name.as_string() != nullptr) {
      metadata.dimension_names->push_back(*name.as_string());
    } else {
      fail_member("dimension_names", "a list of strings and null", *value);
    }
  }
}

void check_storage_transformers(const Json& document) {
  const Json* value = document.find("storage_transformers");
  if (value == nullptr) return;
  const Json::Array* list = value->as_array();
  if (list == nullptr) fail_member("storage_transformers", "a list", *value);
  if (list->empty()) return;
  fail(ErrorCode::unsupported, "storage transformer \"" +
                                   read_extension(list->front(), "storage_transformers").name +
                                   "\" is not known; none are");
}

void read_unknown_members(const Json& document, ArrayMetadata& metadata) {
  for (const auto& [name, value] : *document.as_object()) {
    if (std::find(kMembers.begin(), kMembers.end(), name) != kMembers.end()) continue;
    // Written beside arrays too by some versions of zarr-python; it says nothing.
    if (name == "consolidated_metadata" && value.is_null()) continue;
    if (!need_not_understand(value)) {
      fail(ErrorCode::unsupported, "the member \"" + name +
                                       "\" is not known, and does not say that it need not be "
                                       "understood");
    }
    metadata.extra.set(name, value);
  }
}

void check_header(const Json& document) {
  if (document.as_object() == nullptr) fail_member("array metadata", "an object", document);
  const Json& format = required_member(document, "zarr_format");
  if (format != Json(3)) fail_member("zarr_format", "3", format);
  const Json& type = required_member(document, "node_type");
  if (type == Json("group")) {
    fail(ErrorCode::invalid_argument, "this is a group, not an array");
  }
  if (type != Json("array")) fail_member("node_type", "\"array\"", type);
}

// Some data types have a fill value of a form of their own.
Json write_fill_value(const Json& data_type, const ArrayMetadata& metadata) {
  const Json* name = data_type.find("name");
  if (name != nullptr && *name == Json(kRawBytes)) return base64_encode(metadata.fill_value);
  if (name != nullptr && *name == Json(kStruct)) {
    return write_fields_fill_value(metadata.fill_value, metadata.dtype);
  }
  return write_v3_fill_value(metadata.fill_value, metadata.dtype);
}

Json write_dimension_names(const ArrayMetadata& metadata) {
  Json::Array names;
  for (const std::optional<std::string>& name : *metadata.dimension_names) {
    names.push_back(name ? Json(*name) : Json());
  }
  return names;
}

}  // namespace

ArrayMetadata parse_v3_metadata(const Json& document,
                                std::shared_ptr<const Extensions> extensions) {
  check_header(document);
  ArrayMetadata metadata;
  metadata.zarr_format = 3;
  metadata.extensions = std::move(extensions);
  metadata.shape = read_dims(required_member(document, "shape"), "shape");
  metadata.data_type = required_member(document, "data_type");
  metadata.dtype = read_data_type(metadata.data_type, metadata.extensions.get());
  read_chunk_grid(required_member(document, "chunk_grid"), metadata);
  metadata.key_encoding = read_key_encoding(required_member(document, "chunk_key_encoding"));
  metadata.fill_value =
      parse_v3_fill_value(required_member(document, "fill_value"), metadata.dtype);
  metadata.codecs = read_codecs(required_member(document, "codecs"));
  if (const Json* attributes = document.find("attributes")) {
    if (attributes->as_object() == nullptr) fail_member("attributes", "an object", *attributes);
    metadata.attributes = *attributes;
  }
  read_dimension_names(document, metadata);
  check_storage_transformers(document);
  read_unknown_members(document, metadata);
  bind_codecs(metadata);
  return metadata;
}

Json write_v3_metadata(const ArrayMetadata& metadata) {
  const Json data_type =
      metadata.data_type.is_null() ? write_data_type(metadata.dtype) : metadata.data_type;
  const ChunkKeyEncoding& keys = metadata.key_encoding;
  Json::Array codecs;
  for (const CodecConfig& codec : metadata.codecs) codecs.push_back(codec.to_json());
  Json document =
      Json::Object{{"zarr_format", 3},
                   {"node_type", "array"},
                   {"shape", write_dims(metadata.shape)},
                   {"data_type", data_type},
                   {"chunk_grid", write_chunk_grid(metadata)},
                   {"chunk_key_encoding",
                    write_extension(keys.v2_style ? "v2" : "default",
                                    Json::Object{{"separator", std::string(1, keys.separator)}})},
                   {"fill_value", write_fill_value(data_type, metadata)},
                   {"codecs", std::move(codecs)},
                   {"attributes", metadata.attributes}};
  if (metadata.dimension_names) {
    document.set("dimension_names", write_dimension_names(metadata));
  }
  for (const auto& [name, value] : *metadata.extra.as_object()) document.set(name, value);
  return document;
}

}  // namespace zarrloom
