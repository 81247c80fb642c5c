// JSON documents as values. Order of keys and every number are kept as they were read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace zarrloom {

// A number that fits neither 64-bit integers nor finite doubles exactly, as its digits.
struct BigNumber {
  std::string digits;
  friend bool operator==(const BigNumber&, const BigNumber&) = default;
};

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;  // in document order, keys unique

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool v) : value_(v) {}
  Json(int v) : value_(static_cast<std::int64_t>(v)) {}
  Json(std::int64_t v) : value_(v) {}
  Json(std::uint64_t v);  // kept as int64 where it fits
  Json(double v) : value_(v) {}
  Json(BigNumber v) : value_(std::move(v)) {}
  Json(const char* v) : value_(std::string(v)) {}
  Json(std::string_view v) : value_(std::string(v)) {}
  Json(std::string v) : value_(std::move(v)) {}
  Json(Array v) : value_(std::move(v)) {}
  Json(Object v) : value_(std::move(v)) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  // Pointers, null if the value is of another type.
  const bool* as_bool() const { return std::get_if<bool>(&value_); }
  const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&value_); }
  const std::uint64_t* as_uint() const { return std::get_if<std::uint64_t>(&value_); }  // > 2^63-1
  const double* as_double() const { return std::get_if<double>(&value_); }
  const BigNumber* as_big() const { return std::get_if<BigNumber>(&value_); }
  const std::string* as_string() const { return std::get_if<std::string>(&value_); }
  const Array* as_array() const { return std::get_if<Array>(&value_); }
  const Object* as_object() const { return std::get_if<Object>(&value_); }
  Array* as_array() { return std::get_if<Array>(&value_); }
  Object* as_object() { return std::get_if<Object>(&value_); }

  // The member of an object, null if absent or if this is no object.
  const Json* find(std::string_view key) const;
  // Sets or appends. This must be an object or null (then it becomes an object).
  void set(std::string_view key, Json value);
  // Removes a member if it is there.
  void erase(std::string_view key);

  // "null", "a boolean", "an integer", "a number", "a string", "an array", "an object".
  const char* type_name() const;

  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, BigNumber, std::string,
               Array, Object>
      value_;
};

struct JsonOptions {
  // Bare NaN, Infinity and -Infinity, which old writers of format 2 produced. They are read as
  // doubles.
  bool allow_nan = false;
};

inline constexpr int kJsonMaxDepth = 64;

// Throws Error{corrupt_metadata} with line and column for: bad JSON, bad UTF-8, a byte order mark,
// nesting deeper than kJsonMaxDepth, a key given twice, anything behind the value.
Json parse_json(std::string_view text, JsonOptions options = {});

// indent 0 = on one line. Doubles are written in the shortest form that reads back equal and keep a
// ".0"; a NaN or infinite double is written bare (only format 2 attributes can hold one). Throws
// invalid_argument for nesting that could not be read again.
std::string write_json(const Json& value, int indent = 2);

}  // namespace zarrloom
