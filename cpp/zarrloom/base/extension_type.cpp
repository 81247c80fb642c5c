// The small number types of machine learning, as zarr-extensions registers them. In memory an
// element of less than a byte has a byte, whose upper bits are zero when it is made here and mean
// nothing otherwise: so it is with the Python package ml_dtypes.
#include "zarrloom/base/extension_type.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "zarrloom/base/base64.h"
#include "zarrloom/base/dtype.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

using Element = std::vector<std::byte>;

[[noreturn]] void fail_fill(const std::string& name, const Json& value, const std::string& why) {
  fail(ErrorCode::corrupt_metadata,
       "fill_value " + write_json(value, 0) + " of type " + name + ": " + why);
}

Element element_of(std::uint32_t bits, std::size_t size) {
  Element element(size);
  if (size == 1) {
    element[0] = static_cast<std::byte>(bits);
  } else {
    const auto two = static_cast<std::uint16_t>(bits);
    std::memcpy(element.data(), &two, 2);
  }
  return element;
}

std::uint32_t bits_of(ByteView element) {
  if (element.size() == 1) return std::to_integer<std::uint32_t>(element[0]);
  std::uint16_t two = 0;
  std::memcpy(&two, element.data(), 2);
  return two;
}

// ---- Integers ----

struct SmallInteger {
  std::string_view name;
  int bits;
  bool is_signed;
};

constexpr SmallInteger kIntegers[] = {
    {"int4", 4, true}, {"uint4", 4, false}, {"int2", 2, true}, {"uint2", 2, false}};

ExtensionType integer_type(const SmallInteger& row) {
  ExtensionType type{.name = std::string(row.name), .packed_bits = row.bits};
  type.parse_fill = [row](const Json& value, int) {
    const std::int64_t* number = value.as_int();
    const std::int64_t low = row.is_signed ? -(std::int64_t{1} << (row.bits - 1)) : 0;
    const std::int64_t high = low + (std::int64_t{1} << row.bits) - 1;
    if (number == nullptr || *number < low || *number > high) {
      fail_fill(
          std::string(row.name), value,
          "an integer from " + std::to_string(low) + " to " + std::to_string(high) + " is needed");
    }
    return element_of(static_cast<std::uint32_t>(*number) & ((1u << row.bits) - 1), 1);
  };
  type.write_fill = [row](ByteView element, int) -> Json {
    const auto bits = static_cast<std::int64_t>(bits_of(element) & ((1u << row.bits) - 1));
    const bool negative = row.is_signed && (bits >> (row.bits - 1)) != 0;
    return negative ? bits - (std::int64_t{1} << row.bits) : bits;
  };
  return type;
}

// ---- Floating point ----

constexpr std::uint32_t kNone = ~std::uint32_t{0};

struct SmallFloat {
  std::string_view name;
  int exponent_bits;
  int mantissa_bits;
  int bias;
  std::uint32_t infinity;  // bits; kNone: the type has no such value
  std::uint32_t nan;       // of the one that is written "NaN"
  std::uint32_t largest;   // finite
  bool is_signed = true;
  bool unsigned_zero = false;  // what would be -0 is the NaN

  int bits() const { return exponent_bits + mantissa_bits + (is_signed ? 1 : 0); }
  std::uint32_t mask() const { return (1u << bits()) - 1; }
  std::uint32_t sign() const { return is_signed ? 1u << (bits() - 1) : 0; }
  std::size_t item_size() const { return bits() > 8 ? 2 : 1; }
  // float8_e8m0fnu has neither zero nor subnormal numbers: a step less at the low end.
  int least_exponent() const { return mantissa_bits == 0 ? -bias : 1 - bias; }
};

constexpr SmallFloat kFloats[] = {
    {"bfloat16", 8, 7, 127, 0x7f80, 0x7fc0, 0x7f7f},
    {"float8_e3m4", 3, 4, 3, 0x70, 0x78, 0x6f},
    {"float8_e4m3", 4, 3, 7, 0x78, 0x7c, 0x77},
    {"float8_e4m3b11fnuz", 4, 3, 11, kNone, 0x80, 0x7f, true, true},
    {"float8_e4m3fn", 4, 3, 7, kNone, 0x7f, 0x7e},
    {"float8_e4m3fnuz", 4, 3, 8, kNone, 0x80, 0x7f, true, true},
    {"float8_e5m2", 5, 2, 15, 0x7c, 0x7e, 0x7b},
    {"float8_e5m2fnuz", 5, 2, 16, kNone, 0x80, 0x7f, true, true},
    {"float8_e8m0fnu", 8, 0, 127, kNone, 0xff, 0xfe, false},
    {"float6_e2m3fn", 2, 3, 1, kNone, kNone, 0x1f},
    {"float6_e3m2fn", 3, 2, 3, kNone, kNone, 0x1f},
    {"float4_e2m1fn", 2, 1, 1, kNone, kNone, 0x7},
};

// Of a finite number.
double float_value(const SmallFloat& f, std::uint32_t bits) {
  const auto exponent = static_cast<int>((bits & ~f.sign()) >> f.mantissa_bits);
  const std::uint32_t mantissa = bits & ((1u << f.mantissa_bits) - 1);
  const bool normal = exponent > 0 || f.mantissa_bits == 0;
  const double steps = normal ? (1u << f.mantissa_bits) + mantissa : mantissa;
  const int scale = (normal ? exponent - f.bias : 1 - f.bias) - f.mantissa_bits;
  const double magnitude = std::ldexp(steps, scale);
  return (bits & f.sign()) != 0 ? -magnitude : magnitude;
}

// To the nearest, ties to even; nullopt for what is too large or has a sign that the type lacks.
std::optional<std::uint32_t> float_bits(const SmallFloat& f, double value) {
  const double magnitude = std::fabs(value);
  if (std::signbit(value) && !f.is_signed) return std::nullopt;
  // TensorStore writes 0.0 for the lowest bits of a type that has no zero.
  if (magnitude == 0) return std::signbit(value) && !f.unsigned_zero ? f.sign() : 0;
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  exponent = std::max(exponent - 1, f.least_exponent());
  const double steps = std::nearbyint(std::ldexp(magnitude, f.mantissa_bits - exponent));
  // A step more than there is carries into the exponent, as it should.
  const double code = std::ldexp(exponent + f.bias - 1, f.mantissa_bits) + steps;
  if (code > f.largest) return std::nullopt;
  const auto bits = static_cast<std::uint32_t>(std::max(code, 0.0));
  if (bits == 0 && f.unsigned_zero) return 0;
  return bits | (std::signbit(value) ? f.sign() : 0);
}

std::optional<double> number_of(const Json& value) {
  if (const std::int64_t* i = value.as_int()) return static_cast<double>(*i);
  if (const std::uint64_t* u = value.as_uint()) return static_cast<double>(*u);
  if (const double* d = value.as_double()) return *d;
  return std::nullopt;
}

std::uint32_t named_float(const SmallFloat& f, const Json& value, int zarr_format) {
  const std::string& text = *value.as_string();
  const std::string name(f.name);
  const auto or_none = [&](std::uint32_t bits) {
    if (bits == kNone) fail_fill(name, value, "the type has no such value");
    return bits;
  };
  if (text == "NaN") return or_none(f.nan);
  if (text == "Infinity") return or_none(f.infinity);
  if (text == "-Infinity") return or_none(f.infinity) | f.sign();
  std::uint32_t bits = 0;
  const char* last = text.data() + text.size();
  const auto digits = static_cast<std::size_t>((f.bits() + 3) / 4);
  const bool is_hex = zarr_format == 3 && text.starts_with("0x") &&
                      (text.size() == 2 + digits || text.size() == 2 + 2 * f.item_size());
  if (is_hex) {
    const auto [end, error] = std::from_chars(text.data() + 2, last, bits, 16);
    if (error == std::errc{} && end == last && bits <= f.mask()) return bits;
  }
  fail_fill(name, value,
            "a number, \"NaN\", \"Infinity\", \"-Infinity\" or, in format 3, all hex digits of "
            "its bits is needed");
}

bool is_nan(const SmallFloat& f, std::uint32_t bits) {
  const std::uint32_t magnitude = bits & ~f.sign();
  if (f.nan == kNone) return false;
  if (f.unsigned_zero) return bits == f.nan;
  return magnitude > f.largest && magnitude != f.infinity;
}

// TensorStore, which alone has this type in format 2, takes it for opaque bytes there.
bool has_base64(const SmallFloat& f, int zarr_format) {
  return zarr_format == 2 && f.name == "float4_e2m1fn";
}

Element parse_float(const SmallFloat& f, const Json& value, int zarr_format) {
  if (value.as_string() != nullptr) {
    if (has_base64(f, zarr_format)) {
      const auto bytes = base64_decode(*value.as_string());
      if (bytes && bytes->size() == 1) return *bytes;
    }
    return element_of(named_float(f, value, zarr_format), f.item_size());
  }
  const std::optional<double> number = number_of(value);
  const std::string name(f.name);
  if (!number) fail_fill(name, value, "a number is needed");
  if (!std::isfinite(*number)) {
    const std::uint32_t bits = std::isnan(*number) ? f.nan : f.infinity;
    if (bits == kNone) fail_fill(name, value, "the type has no such value");
    return element_of(bits | (*number < 0 ? f.sign() : 0), f.item_size());
  }
  const std::optional<std::uint32_t> bits = float_bits(f, *number);
  if (!bits) fail_fill(name, value, "out of range");
  return element_of(*bits, f.item_size());
}

Json write_float(const SmallFloat& f, ByteView element, int zarr_format) {
  if (has_base64(f, zarr_format)) return base64_encode(element);
  const std::uint32_t bits = bits_of(element) & f.mask();
  if (bits == f.infinity) return "Infinity";
  if (f.infinity != kNone && bits == (f.infinity | f.sign())) return "-Infinity";
  if (!is_nan(f, bits)) return float_value(f, bits);
  // Format 2 has no way to write another NaN.
  if (bits == f.nan || zarr_format == 2) return "NaN";
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text = "0x";
  for (std::size_t digit = 2 * f.item_size(); digit-- > 0;) text += kHex[bits >> (4 * digit) & 15];
  return text;
}

ExtensionType float_type(const SmallFloat& row) {
  ExtensionType type{
      .name = std::string(row.name), .item_size = row.item_size(), .swap_size = row.item_size()};
  if (row.bits() != 8) type.packed_bits = row.bits();  // as the codec's specification lists them
  if (row.name == "bfloat16") type.mantissa_bits = row.mantissa_bits;
  type.parse_fill = [&row](const Json& value, int format) {
    return parse_float(row, value, format);
  };
  type.write_fill = [&row](ByteView element, int format) {
    return write_float(row, element, format);
  };
  return type;
}

const std::vector<std::shared_ptr<const ExtensionType>>& built_in() {
  static const auto types = [] {
    std::vector<std::shared_ptr<const ExtensionType>> made;
    for (const SmallFloat& row : kFloats) {
      made.push_back(std::make_shared<const ExtensionType>(float_type(row)));
    }
    for (const SmallInteger& row : kIntegers) {
      made.push_back(std::make_shared<const ExtensionType>(integer_type(row)));
    }
    return made;
  }();
  return types;
}

}  // namespace

std::shared_ptr<const ExtensionType> find_extension_type(std::string_view name) {
  for (const auto& type : built_in()) {
    if (type->name == name) return type;
  }
  return nullptr;
}

std::vector<std::string_view> extension_type_names() {
  std::vector<std::string_view> names;
  for (const auto& type : built_in()) names.emplace_back(type->name);
  return names;
}

DataType extension_dtype(std::shared_ptr<const ExtensionType> type) {
  const std::size_t size = type->item_size;
  const std::size_t swap = type->swap_size;
  const auto bits = static_cast<std::size_t>(std::max(type->packed_bits, type->mantissa_bits));
  const bool has_bits = bits > 0;
  if (type->name.empty() || size == 0 || swap == 0 || size % swap != 0 || !type->parse_fill ||
      !type->write_fill || bits > 8 * size || (has_bits && size != std::bit_floor(size)) ||
      (has_bits && size > 8)) {
    fail(ErrorCode::invalid_argument,
         "data type \"" + type->name +
             "\" needs a name, an item size that its swap size divides, functions for the fill "
             "value, and no more bits than an element of 1, 2, 4 or 8 bytes has");
  }
  DataType dtype{Kind::extension, size, "", 1, {}};
  dtype.extension = std::move(type);
  return dtype;
}

}  // namespace zarrloom
