// The data types of array elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/base/dims.h"
#include "zarrloom/base/extension_type.h"
#include "zarrloom/base/json.h"

namespace zarrloom {

enum class Kind : std::uint8_t {
  boolean,
  signed_integer,
  unsigned_integer,
  floating,
  complex,
  raw,          // r* in v3, |V in v2: opaque bytes
  fixed_bytes,  // |S in v2: NUL-padded bytes
  unicode,      // <U in v2: NUL-padded UTF-32
  structured,   // fields one after another, each in the byte order in which it is stored
  datetime,     // int64 counts of `unit` since 1970-01-01; INT64_MIN is NaT
  timedelta,
  extension,  // bytes with a name, base/extension_type.h
  // Of variable size, in memory a VarItem (base/variable.h) each.
  text,     // UTF-8
  blob,     // any bytes
  numbers,  // the elements of a one-dimensional array of the type of `fields[0]`; format 2 only
};

// In memory elements are always in native byte order; the stored order is the `bytes` codec's.
struct Field;

struct DataType {
  Kind kind = Kind::unsigned_integer;
  std::size_t item_size = 1;    // bytes
  std::string unit;             // "ns", "D", ... ("" = generic); datetime and timedelta only
  std::int64_t unit_scale = 1;  // 10 in "10us"
  std::vector<Field> fields;    // structured; numbers: one, which tells their type and order
  std::shared_ptr<const ExtensionType> extension = nullptr;  // extension only, never null there

  friend bool operator==(const DataType& a, const DataType& b);

  // True if each element has a size of its own; item_size is that of a VarItem then.
  bool is_variable() const;

  // Bytes that change places when the byte order does: 1 where order means nothing, half an item
  // for complex numbers.
  std::size_t swap_size() const;

  // numpy's name without byte order, which is native: "bool", "int8", "float16", "V5", "S4", "U3",
  // "datetime64[ns]", "timedelta64[10us]", "bfloat16". Of structured types the JSON text of the v2
  // spelling. Of those of variable size: "string", "variable_length_bytes",
  // "variable_length_array[<i4]".
  std::string numpy_name() const;
};

// A named part of each element of a structured type.
struct Field {
  std::string name;  // "": padding
  DataType dtype;
  bool big_endian = false;
  Dims shape;  // of a field that is an array; no dimensions: one value

  std::size_t size() const;  // bytes
  friend bool operator==(const Field&, const Field&) = default;
};

// Parses numpy_name's form. Throws Error{unsupported} naming the type and what is known.
DataType dtype_from_numpy_name(std::string_view name);

// v2 spelling: "|b1", "<i4", ">f8", "|V5", "|S4", "<M8[ns]". The byte order is returned apart;
// "|" counts as little. Throws Error{unsupported} for an unknown one.
struct V2DataType {
  DataType dtype;
  bool big_endian = false;
};
V2DataType dtype_from_v2(std::string_view text);
std::string dtype_to_v2(const DataType& dtype, bool big_endian);  // not of structured types

// The same with structured types: a list of [name, type] or [name, type, shape].
V2DataType dtype_from_v2_json(const Json& value);
Json dtype_to_v2_json(const DataType& dtype, bool big_endian);

}  // namespace zarrloom
