#include "zarrloom/base/dtype.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "zarrloom/base/error.h"
#include "zarrloom/base/variable.h"

namespace zarrloom {
namespace {

constexpr std::size_t kUtf32 = 4;  // bytes of a character

struct Named {
  std::string_view name;
  char v2;
  Kind kind;
  std::size_t item_size;
};

constexpr std::array<Named, 14> kNamed{{
    {"bool", 'b', Kind::boolean, 1},
    {"int8", 'i', Kind::signed_integer, 1},
    {"int16", 'i', Kind::signed_integer, 2},
    {"int32", 'i', Kind::signed_integer, 4},
    {"int64", 'i', Kind::signed_integer, 8},
    {"uint8", 'u', Kind::unsigned_integer, 1},
    {"uint16", 'u', Kind::unsigned_integer, 2},
    {"uint32", 'u', Kind::unsigned_integer, 4},
    {"uint64", 'u', Kind::unsigned_integer, 8},
    {"float16", 'f', Kind::floating, 2},
    {"float32", 'f', Kind::floating, 4},
    {"float64", 'f', Kind::floating, 8},
    {"complex64", 'c', Kind::complex, 8},
    {"complex128", 'c', Kind::complex, 16},
}};

constexpr std::string_view kText = "string";
constexpr std::string_view kBlob = "variable_length_bytes";
constexpr std::string_view kNumbers = "variable_length_array";

constexpr std::array<std::string_view, 14> kUnits{"Y",  "M",  "W",  "D",  "h",  "m",  "s",
                                                  "ms", "us", "μs", "ns", "ps", "fs", "as"};

[[noreturn]] void fail_unknown(std::string_view text) {
  std::string known;
  for (const Named& row : kNamed) known += std::string(row.name) + ", ";
  for (const std::string_view name : extension_type_names()) known += std::string(name) + ", ";
  fail(ErrorCode::unsupported,
       "data type \"" + std::string(text) + "\" is not known; known are " + known +
           "V<bytes>, S<bytes>, U<characters>, datetime64[<unit>], "
           "timedelta64[<unit>], lists of fields, string, variable_length_bytes "
           "and variable_length_array[<type>]");
}

std::optional<std::int64_t> parse_positive(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

// "[10us]" or nothing, which is the generic unit.
bool parse_unit(std::string_view text, DataType& dtype) {
  if (text.empty()) return true;
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return false;
  text = text.substr(1, text.size() - 2);
  if (text == "generic") return true;
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == std::string_view::npos) return false;
  if (digits > 0) {
    const auto scale = parse_positive(text.substr(0, digits));
    if (!scale || *scale > std::numeric_limits<std::int32_t>::max()) return false;
    dtype.unit_scale = *scale;
  }
  dtype.unit = text.substr(digits);
  if (dtype.unit == "μs") dtype.unit = "us";
  for (std::string_view unit : kUnits) {
    if (dtype.unit == unit) return true;
  }
  return false;
}

std::string unit_text(const DataType& dtype) {
  if (dtype.unit.empty()) return "";
  const std::string scale = dtype.unit_scale == 1 ? "" : std::to_string(dtype.unit_scale);
  return "[" + scale + dtype.unit + "]";
}

std::optional<DataType> time_type(std::string_view text, std::string_view prefix, Kind kind) {
  if (!text.starts_with(prefix)) return std::nullopt;
  DataType dtype{kind, 8, "", 1, {}};
  if (!parse_unit(text.substr(prefix.size()), dtype)) return std::nullopt;
  return dtype;
}

std::optional<DataType> sized_type(std::string_view text, char letter, Kind kind) {
  if (text.empty() || text[0] != letter) return std::nullopt;
  const auto size = parse_positive(text.substr(1));
  if (!size || *size > (std::int64_t{1} << 28)) return std::nullopt;
  const std::size_t unit = kind == Kind::unicode ? kUtf32 : 1;
  return DataType{kind, unit * static_cast<std::size_t>(*size), "", 1, {}};
}

DataType variable_type(Kind kind) { return {kind, sizeof(VarItem), "", 1, {}}; }

// "variable_length_array[<i4]"
std::optional<DataType> numbers_type(std::string_view text) {
  if (!text.starts_with(kNumbers)) return std::nullopt;
  text.remove_prefix(kNumbers.size());
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return std::nullopt;
  V2DataType element = dtype_from_v2(text.substr(1, text.size() - 2));
  DataType dtype = variable_type(Kind::numbers);
  dtype.fields.push_back({"", std::move(element.dtype), element.big_endian, {}});
  return dtype;
}

// Appends: for "V" + a temporary string GCC 12 warns of an overlap that cannot be (-Wrestrict).
std::string sized_name(char letter, std::size_t size) {
  std::string name(1, letter);
  name += std::to_string(size);
  return name;
}

}  // namespace

std::size_t DataType::swap_size() const {
  switch (kind) {
    case Kind::boolean:
    case Kind::raw:
    case Kind::fixed_bytes:
      return 1;
    case Kind::structured:
    case Kind::text:
    case Kind::blob:
    case Kind::numbers:
      return 1;
    case Kind::unicode:
      return kUtf32;
    case Kind::complex:
      return item_size / 2;
    case Kind::extension:
      return extension->swap_size;
    default:
      return item_size;
  }
}

bool DataType::is_variable() const {
  return kind == Kind::text || kind == Kind::blob || kind == Kind::numbers;
}

std::string DataType::numpy_name() const {
  switch (kind) {
    case Kind::raw:
      return sized_name('V', item_size);
    case Kind::fixed_bytes:
      return sized_name('S', item_size);
    case Kind::unicode:
      return sized_name('U', item_size / kUtf32);
    case Kind::structured:
      return write_json(dtype_to_v2_json(*this, false), 0);
    case Kind::text:
      return std::string(kText);
    case Kind::blob:
      return std::string(kBlob);
    case Kind::numbers:
      return std::string(kNumbers) + "[" +
             dtype_to_v2(fields.front().dtype, fields.front().big_endian) + "]";
    case Kind::datetime:
      return "datetime64" + unit_text(*this);
    case Kind::timedelta:
      return "timedelta64" + unit_text(*this);
    case Kind::extension:
      return extension->name;
    default:
      break;
  }
  for (const Named& row : kNamed) {
    if (row.kind == kind && row.item_size == item_size) return std::string(row.name);
  }
  fail(ErrorCode::internal, "a data type without a name");
}

DataType dtype_from_numpy_name(std::string_view name) {
  for (const Named& row : kNamed) {
    if (row.name == name) return {row.kind, row.item_size, "", 1, {}};
  }
  if (auto type = find_extension_type(name)) return extension_dtype(std::move(type));
  if (auto dtype = time_type(name, "datetime64", Kind::datetime)) return *dtype;
  if (auto dtype = time_type(name, "timedelta64", Kind::timedelta)) return *dtype;
  if (auto dtype = sized_type(name, 'V', Kind::raw)) return *dtype;
  if (auto dtype = sized_type(name, 'S', Kind::fixed_bytes)) return *dtype;
  if (auto dtype = sized_type(name, 'U', Kind::unicode)) return *dtype;
  if (name == kText) return variable_type(Kind::text);
  if (name == kBlob) return variable_type(Kind::blob);
  if (auto dtype = numbers_type(name)) return *dtype;
  if (name.starts_with('[')) return dtype_from_v2_json(parse_json(name)).dtype;
  fail_unknown(name);
}

V2DataType dtype_from_v2(std::string_view text) {
  // As TensorStore writes them: without a byte order, which is little.
  if (auto type = find_extension_type(text)) return {extension_dtype(std::move(type)), false};
  if (text.size() < 2 || std::string_view("<>|").find(text[0]) == std::string_view::npos) {
    fail_unknown(text);
  }
  const bool big = text[0] == '>';
  const std::string_view rest = text.substr(1);
  for (const Named& row : kNamed) {
    if (rest == row.v2 + std::to_string(row.item_size)) {
      return {{row.kind, row.item_size, "", 1, {}}, big && row.item_size > 1};
    }
  }
  if (auto dtype = time_type(rest, "M8", Kind::datetime)) return {*dtype, big};
  if (auto dtype = time_type(rest, "m8", Kind::timedelta)) return {*dtype, big};
  if (auto dtype = sized_type(rest, 'V', Kind::raw)) return {*dtype, false};
  if (auto dtype = sized_type(rest, 'S', Kind::fixed_bytes)) return {*dtype, false};
  if (auto dtype = sized_type(rest, 'U', Kind::unicode)) return {*dtype, big};
  fail_unknown(text);
}

std::string dtype_to_v2(const DataType& dtype, bool big_endian) {
  const std::string order = dtype.swap_size() == 1 ? "|" : big_endian ? ">" : "<";
  switch (dtype.kind) {
    case Kind::raw:
      return order + "V" + std::to_string(dtype.item_size);
    case Kind::fixed_bytes:
      return order + "S" + std::to_string(dtype.item_size);
    case Kind::unicode:
      return order + "U" + std::to_string(dtype.item_size / kUtf32);
    case Kind::text:
    case Kind::blob:
    case Kind::numbers:
      return "|O";  // what it holds is told by a filter
    case Kind::datetime:
      return order + "M8" + unit_text(dtype);
    case Kind::timedelta:
      return order + "m8" + unit_text(dtype);
    case Kind::extension:
      return dtype.extension->name;
    default:
      break;
  }
  for (const Named& row : kNamed) {
    if (row.kind == dtype.kind && row.item_size == dtype.item_size) {
      return order + row.v2 + std::to_string(row.item_size);
    }
  }
  fail(ErrorCode::internal, "a data type without a name");
}

bool operator==(const DataType& a, const DataType& b) {
  return a.kind == b.kind && a.item_size == b.item_size && a.unit == b.unit &&
         a.unit_scale == b.unit_scale && a.fields == b.fields &&
         (a.kind != Kind::extension || a.extension->name == b.extension->name);
}

std::size_t Field::size() const {
  return static_cast<std::size_t>(checked_product(shape, "shape of a field")) * dtype.item_size;
}

}  // namespace zarrloom
