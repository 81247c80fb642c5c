// Structured data types, as format 2 spells them: a list of [name, type] or [name, type, shape].
#include "zarrloom/base/dtype.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

// numpy's own limit is an int; nobody has an element of that size.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;

[[noreturn]] void fail_field(const Json& field) {
  fail(ErrorCode::corrupt_metadata,
       "a field must be [name, type] or [name, type, shape], not " + write_json(field, 0));
}

Dims field_shape(const Json& value, const Json& field) {
  if (const std::int64_t* extent = value.as_int(); extent != nullptr && *extent > 0) {
    return {*extent};
  }
  if (value.as_array() == nullptr) fail_field(field);
  Dims shape;
  for (const Json& item : *value.as_array()) {
    if (item.as_int() == nullptr || *item.as_int() < 1) fail_field(field);
    shape.push_back(*item.as_int());
  }
  return shape;
}

Field read_field(const Json& value) {
  const Json::Array* parts = value.as_array();
  if (parts == nullptr || parts->size() < 2 || parts->size() > 3) fail_field(value);
  // A pair of title and name is numpy's too; the name is what counts.
  const Json& given = (*parts)[0];
  if (given.as_string() == nullptr) fail_field(value);
  V2DataType type = dtype_from_v2_json((*parts)[1]);
  Field field{*given.as_string(), std::move(type.dtype), type.big_endian, {}};
  if (parts->size() == 3) field.shape = field_shape((*parts)[2], value);
  return field;
}

}  // namespace

V2DataType dtype_from_v2_json(const Json& value) {
  if (value.as_string() != nullptr) return dtype_from_v2(*value.as_string());
  const Json::Array* list = value.as_array();
  if (list == nullptr || list->empty()) {
    fail(ErrorCode::corrupt_metadata,
         "dtype must be a string or a list of fields, not " + write_json(value, 0));
  }
  DataType dtype{Kind::structured, 0, "", 1, {}};
  for (const Json& item : *list) {
    Field field = read_field(item);
    for (const Field& other : dtype.fields) {
      if (!field.name.empty() && other.name == field.name) {
        fail(ErrorCode::corrupt_metadata, "two fields have the name \"" + field.name + "\"");
      }
    }
    dtype.item_size += field.size();
    if (dtype.item_size > static_cast<std::size_t>(kMostBytes)) {
      fail(ErrorCode::unsupported, "an element of this data type has more than 2^30 bytes");
    }
    dtype.fields.push_back(std::move(field));
  }
  return {std::move(dtype), false};
}

Json dtype_to_v2_json(const DataType& dtype, bool big_endian) {
  if (dtype.kind != Kind::structured) return dtype_to_v2(dtype, big_endian);
  Json::Array list;
  for (const Field& field : dtype.fields) {
    Json::Array parts{field.name, dtype_to_v2_json(field.dtype, field.big_endian)};
    if (!field.shape.empty()) {
      Json::Array shape;
      for (const std::int64_t extent : field.shape) shape.emplace_back(extent);
      parts.emplace_back(std::move(shape));
    }
    list.emplace_back(std::move(parts));
  }
  return list;
}

}  // namespace zarrloom
