// Fill values between JSON and bits (v3 core specification, "Fill value"; v2 specification,
// "Fill value encoding"). All arithmetic is on the bits, so that no NaN payload is lost to a
// conversion.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "zarrloom/array/metadata.h"
#include "zarrloom/base/base64.h"
#include "zarrloom/base/error.h"
#include "zarrloom/base/utf8.h"

namespace zarrloom {
namespace {

enum class Format { v2, v3 };

[[noreturn]] void fail_kind(const Json& value, const DataType& dtype, const char* wanted) {
  fail(ErrorCode::corrupt_metadata, "fill_value of type " + dtype.numpy_name() + " must be " +
                                        wanted + ", not " + write_json(value, 0));
}

[[noreturn]] void fail_range(const Json& value, const DataType& dtype) {
  fail(ErrorCode::corrupt_metadata,
       "fill_value " + write_json(value, 0) + " is out of range for " + dtype.numpy_name());
}

// The first `size` of eight bytes lie at the end on a big-endian machine.
constexpr std::size_t native_offset(std::size_t size) {
  return std::endian::native == std::endian::little ? 0 : 8 - size;
}

void append_bits(std::uint64_t bits, std::size_t size, FillValue& out) {
  std::byte raw[8];
  std::memcpy(raw, &bits, 8);
  out.insert(out.end(), raw + native_offset(size), raw + native_offset(size) + size);
}

std::uint64_t load_bits(const FillValue& value, std::size_t offset, std::size_t size) {
  std::byte raw[8] = {};
  std::memcpy(raw + native_offset(size), value.data() + offset, size);
  std::uint64_t bits = 0;
  std::memcpy(&bits, raw, 8);
  return bits;
}

// ---- Floating point ----

struct FloatLayout {
  int exponent_bits;
  int mantissa_bits;

  std::uint64_t infinity() const {
    return ((std::uint64_t{1} << exponent_bits) - 1) << mantissa_bits;
  }
  std::uint64_t canonical_nan() const {
    return infinity() | std::uint64_t{1} << (mantissa_bits - 1);
  }
  std::uint64_t sign() const { return std::uint64_t{1} << (exponent_bits + mantissa_bits); }
};

FloatLayout layout_of(std::size_t size) {
  return size == 2 ? FloatLayout{5, 10} : size == 4 ? FloatLayout{8, 23} : FloatLayout{11, 52};
}

// Rounds to nearest, ties to even. Infinity if it is too large.
std::uint64_t half_from_double(double value) {
  const std::uint64_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(value);
  if (magnitude == 0) return sign;
  if (magnitude >= 65536) return sign | 0x7c00;
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  exponent = std::max(exponent - 1, -14);  // below 2^-14 the steps stay the same
  // Steps of 2^(exponent - 10): up to 2048 of them, where 2048 carries into the exponent.
  const double steps = std::nearbyint(std::ldexp(magnitude, 10 - exponent));
  const auto exponent_bits = static_cast<std::uint64_t>(exponent + 14) << 10;
  return sign | (exponent_bits + static_cast<std::uint64_t>(steps));
}

double half_to_double(std::uint64_t bits) {
  const int exponent = static_cast<int>(bits >> 10 & 31);
  const auto mantissa = static_cast<double>(bits & 1023);
  const double magnitude = exponent == 0    ? std::ldexp(mantissa, -24)
                           : exponent == 31 ? std::numeric_limits<double>::infinity()
                                            : std::ldexp(1024 + mantissa, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

// A finite or infinite value; a NaN is never converted.
std::uint64_t float_bits(double value, std::size_t size) {
  if (size == 2) return half_from_double(value);
  if (size == 4) return std::bit_cast<std::uint32_t>(static_cast<float>(value));
  return std::bit_cast<std::uint64_t>(value);
}

double float_value(std::uint64_t bits, std::size_t size) {
  if (size == 2) return half_to_double(bits);
  if (size == 4) return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  return std::bit_cast<double>(bits);
}

std::optional<std::uint64_t> parse_hex(std::string_view text, std::size_t size) {
  if (text.size() != 2 + 2 * size || !text.starts_with("0x")) return std::nullopt;
  std::uint64_t bits = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + 2, last, bits, 16);
  if (error != std::errc{} || end != last) return std::nullopt;
  return bits;
}

std::uint64_t parse_named_float(const Json& value, std::size_t size, Format format,
                                const DataType& dtype) {
  const std::string& text = *value.as_string();
  const FloatLayout layout = layout_of(size);
  if (text == "NaN") return layout.canonical_nan();
  if (text == "Infinity") return layout.infinity();
  if (text == "-Infinity") return layout.infinity() | layout.sign();
  if (format == Format::v3) {
    if (const auto bits = parse_hex(text, size)) return *bits;
    fail_kind(value, dtype,
              "a number, \"NaN\", \"Infinity\", \"-Infinity\" or all hex digits of its bits");
  }
  fail_kind(value, dtype, "a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
}

std::optional<double> number_of(const Json& value) {
  if (const std::int64_t* i = value.as_int()) return static_cast<double>(*i);
  if (const std::uint64_t* u = value.as_uint()) return static_cast<double>(*u);
  if (const double* d = value.as_double()) return *d;
  return std::nullopt;
}

std::uint64_t parse_float(const Json& value, std::size_t size, Format format,
                          const DataType& dtype) {
  if (value.as_string() != nullptr) return parse_named_float(value, size, format, dtype);
  std::optional<double> number = number_of(value);
  if (const BigNumber* big = value.as_big()) {
    double parsed = 0;
    const char* last = big->digits.data() + big->digits.size();
    if (std::from_chars(big->digits.data(), last, parsed).ec != std::errc{}) {
      fail_range(value, dtype);
    }
    number = parsed;
  }
  if (!number) fail_kind(value, dtype, "a number");
  const FloatLayout layout = layout_of(size);
  if (std::isnan(*number)) return layout.canonical_nan();
  const std::uint64_t bits = float_bits(*number, size);
  const bool became_infinite = (bits & ~layout.sign()) == layout.infinity();
  if (became_infinite && !std::isinf(*number)) fail_range(value, dtype);
  return bits;
}

Json write_float(std::uint64_t bits, std::size_t size, Format format) {
  const FloatLayout layout = layout_of(size);
  const std::uint64_t magnitude = bits & ~layout.sign();
  if (magnitude == layout.infinity()) return magnitude == bits ? "Infinity" : "-Infinity";
  if (magnitude < layout.infinity()) return float_value(bits, size);
  // Format 2 has no way to write another NaN.
  if (bits == layout.canonical_nan() || format == Format::v2) return "NaN";
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text = "0x";
  for (std::size_t digit = 2 * size; digit-- > 0;) text += kHex[bits >> (4 * digit) & 15];
  return text;
}

// ---- The other kinds ----

__extension__ typedef __int128 Wide;

std::optional<Wide> whole_number(const Json& value, Format format) {
  if (const std::int64_t* i = value.as_int()) return *i;
  if (const std::uint64_t* u = value.as_uint()) return *u;
  // Old writers of format 2 wrote 0.0 for integers.
  const double* d = format == Format::v2 ? value.as_double() : nullptr;
  if (d == nullptr || std::trunc(*d) != *d || std::fabs(*d) > 0x1p64) return std::nullopt;
  return static_cast<Wide>(*d);
}

std::uint64_t parse_integer(const Json& value, Format format, const DataType& dtype) {
  if (value.as_big() != nullptr) fail_range(value, dtype);
  const std::optional<Wide> number = whole_number(value, format);
  if (!number) fail_kind(value, dtype, "an integer");
  const auto bits = static_cast<int>(8 * dtype.item_size);
  const bool is_signed = dtype.kind != Kind::unsigned_integer;
  const Wide low = is_signed ? -(Wide{1} << (bits - 1)) : 0;
  const Wide high = (Wide{1} << (is_signed ? bits - 1 : bits)) - 1;
  if (*number < low || *number > high) fail_range(value, dtype);
  return static_cast<std::uint64_t>(*number);
}

Json write_integer(std::uint64_t bits, const DataType& dtype) {
  if (dtype.kind == Kind::unsigned_integer) return bits;
  const auto unused = static_cast<int>(64 - 8 * dtype.item_size);
  return static_cast<std::int64_t>(bits << unused) >> unused;  // carries the sign up
}

std::uint64_t parse_bool(const Json& value, Format format, const DataType& dtype) {
  if (const bool* b = value.as_bool()) return *b ? 1 : 0;
  const std::int64_t* i = format == Format::v2 ? value.as_int() : nullptr;
  if (i == nullptr || *i < 0 || *i > 1) fail_kind(value, dtype, "true or false");
  return static_cast<std::uint64_t>(*i);
}

std::uint64_t parse_time(const Json& value, Format format, const DataType& dtype) {
  if (const std::string* text = value.as_string(); text != nullptr && *text == "NaT") {
    return std::uint64_t{1} << 63;
  }
  return parse_integer(value, format, dtype);
}

FillValue parse_byte_list(const Json& value, const DataType& dtype) {
  FillValue bytes;
  for (const Json& item : *value.as_array()) {
    const std::int64_t* byte = item.as_int();
    if (byte == nullptr || *byte < 0 || *byte > 255) {
      fail_kind(value, dtype, "a list of bytes from 0 to 255");
    }
    bytes.push_back(static_cast<std::byte>(*byte));
  }
  if (bytes.size() != dtype.item_size && !dtype.is_variable()) {
    fail_kind(value, dtype, ("a list of " + std::to_string(dtype.item_size) + " bytes").c_str());
  }
  return bytes;
}

// What is shorter than an item is padded with NULs: zarr-python cuts them off when it writes.
FillValue parse_bytes(const Json& value, Format format, const DataType& dtype) {
  if (format == Format::v3 && value.as_array() != nullptr) return parse_byte_list(value, dtype);
  if (const std::int64_t* zero = value.as_int(); format == Format::v2 && zero && *zero == 0) {
    return FillValue(dtype.item_size);
  }
  if (value.as_string() == nullptr) {
    fail_kind(value, dtype, format == Format::v3 ? "a list of bytes or base64" : "base64");
  }
  std::optional<std::vector<std::byte>> bytes = base64_decode(*value.as_string());
  if (!bytes) fail_kind(value, dtype, "base64");
  if (bytes->size() > dtype.item_size) fail_range(value, dtype);
  bytes->resize(dtype.item_size);
  return std::move(*bytes);
}

Json write_bytes(const FillValue& value, Format format, const DataType& dtype) {
  if (dtype.kind == Kind::raw && format == Format::v3) {
    Json::Array list;
    for (std::byte b : value) list.emplace_back(std::to_integer<int>(b));
    return list;
  }
  std::size_t size = value.size();
  while (dtype.kind == Kind::fixed_bytes && size > 0 && value[size - 1] == std::byte{0}) --size;
  return base64_encode(ByteView(value).first(size));
}

FillValue parse_unicode(const Json& value, Format format, const DataType& dtype) {
  if (const std::int64_t* zero = value.as_int(); format == Format::v2 && zero && *zero == 0) {
    return FillValue(dtype.item_size);
  }
  if (value.as_string() == nullptr) fail_kind(value, dtype, "a string");
  FillValue out;
  for (std::string_view rest = *value.as_string(); !rest.empty();) {
    append_bits(next_code_point(rest), 4, out);
  }
  if (out.size() > dtype.item_size) fail_range(value, dtype);
  out.resize(dtype.item_size);
  return out;
}

Json write_unicode(const FillValue& value) {
  std::string text;
  std::size_t end = value.size();
  while (end > 0 && load_bits(value, end - 4, 4) == 0) end -= 4;
  for (std::size_t at = 0; at < end; at += 4) {
    append_utf8(static_cast<char32_t>(load_bits(value, at, 4)), text);
  }
  return text;
}

FillValue parse_extension(const Json& value, Format format, const DataType& dtype) {
  FillValue out = dtype.extension->parse_fill(value, format == Format::v3 ? 3 : 2);
  if (out.size() == dtype.item_size) return out;
  fail(ErrorCode::invalid_argument, "data type " + dtype.numpy_name() + " made a fill value of " +
                                        std::to_string(out.size()) + " bytes");
}

// The bytes of one element of variable size.
FillValue parse_variable(const Json& value, Format format, const DataType& dtype) {
  if (const std::int64_t* zero = value.as_int(); format == Format::v2 && zero && *zero == 0)
    return {};
  if (dtype.kind == Kind::blob && format == Format::v3 && value.as_array() != nullptr) {
    return parse_byte_list(value, dtype);
  }
  const std::string* text = value.as_string();
  if (text == nullptr) fail_kind(value, dtype, dtype.kind == Kind::text ? "a string" : "base64");
  if (dtype.kind == Kind::text) {
    const ByteView bytes = as_byte_view(*text);
    return {bytes.begin(), bytes.end()};
  }
  std::optional<std::vector<std::byte>> bytes = base64_decode(*text);
  if (!bytes) fail_kind(value, dtype, "base64");
  return std::move(*bytes);
}

FillValue parse(const Json& value, Format format, const DataType& dtype);

// An object with a value for each field, as the data type "struct" has it.
FillValue parse_fields(const Json& value, const DataType& dtype) {
  FillValue out;
  for (const Field& field : dtype.fields) {
    const Json* part = value.find(field.name);
    if (part == nullptr) fail_kind(value, dtype, "an object with a value for each field");
    const FillValue bytes = parse(*part, Format::v3, field.dtype);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  if (value.as_object()->size() == dtype.fields.size()) return out;
  fail_kind(value, dtype, "an object with nothing but the fields");
}

FillValue parse(const Json& value, Format format, const DataType& dtype) {
  FillValue out;
  switch (dtype.kind) {
    case Kind::text:
    case Kind::blob:
    case Kind::numbers:
      return parse_variable(value, format, dtype);
    case Kind::unicode:
      return parse_unicode(value, format, dtype);
    case Kind::structured:
      if (format == Format::v3 && value.as_object() != nullptr) return parse_fields(value, dtype);
      return parse_bytes(value, format, dtype);
    case Kind::raw:
    case Kind::fixed_bytes:
      return parse_bytes(value, format, dtype);
    case Kind::complex: {
      const Json::Array* pair = value.as_array();
      if (pair == nullptr || pair->size() != 2) {
        fail_kind(value, dtype, "a list of the real and the imaginary part");
      }
      const std::size_t size = dtype.item_size / 2;
      for (const Json& part : *pair) append_bits(parse_float(part, size, format, dtype), size, out);
      return out;
    }
    case Kind::boolean:
      append_bits(parse_bool(value, format, dtype), 1, out);
      return out;
    case Kind::floating:
      append_bits(parse_float(value, dtype.item_size, format, dtype), dtype.item_size, out);
      return out;
    case Kind::signed_integer:
    case Kind::unsigned_integer:
      append_bits(parse_integer(value, format, dtype), dtype.item_size, out);
      return out;
    case Kind::datetime:
    case Kind::timedelta:
      append_bits(parse_time(value, format, dtype), dtype.item_size, out);
      return out;
    case Kind::extension:
      return parse_extension(value, format, dtype);
  }
  fail(ErrorCode::internal, "a data type of unknown kind");
}

Json write(const FillValue& value, Format format, const DataType& dtype) {
  if (value.size() != dtype.item_size && !dtype.is_variable()) {
    fail(ErrorCode::invalid_argument, "the fill value has " + std::to_string(value.size()) +
                                          " bytes, but an element of type " + dtype.numpy_name() +
                                          " has " + std::to_string(dtype.item_size));
  }
  const std::size_t size = dtype.item_size;
  switch (dtype.kind) {
    case Kind::text:
      return std::string(as_text(value));
    case Kind::blob:
    case Kind::numbers:
      return base64_encode(value);
    case Kind::unicode:
      return write_unicode(value);
    case Kind::raw:
    case Kind::structured:
    case Kind::fixed_bytes:
      return write_bytes(value, format, dtype);
    case Kind::complex:
      return Json::Array{write_float(load_bits(value, 0, size / 2), size / 2, format),
                         write_float(load_bits(value, size / 2, size / 2), size / 2, format)};
    case Kind::boolean:
      return value[0] != std::byte{0};
    case Kind::floating:
      return write_float(load_bits(value, 0, size), size, format);
    case Kind::extension:
      return dtype.extension->write_fill(value, format == Format::v3 ? 3 : 2);
    default:
      return write_integer(load_bits(value, 0, size), dtype);
  }
}

}  // namespace

FillValue zero_fill_value(const DataType& dtype) {
  return FillValue(dtype.is_variable() ? 0 : dtype.item_size);
}

FillValue parse_v3_fill_value(const Json& value, const DataType& dtype) {
  return parse(value, Format::v3, dtype);
}

Json write_fields_fill_value(const FillValue& value, const DataType& dtype) {
  Json object = Json::Object{};
  std::size_t offset = 0;
  for (const Field& field : dtype.fields) {
    const auto begin = value.begin() + static_cast<std::ptrdiff_t>(offset);
    const FillValue part(begin, begin + static_cast<std::ptrdiff_t>(field.size()));
    object.set(field.name, field.dtype.kind == Kind::structured
                               ? write_fields_fill_value(part, field.dtype)
                               : write(part, Format::v3, field.dtype));
    offset += field.size();
  }
  return object;
}

Json write_v3_fill_value(const FillValue& value, const DataType& dtype) {
  return write(value, Format::v3, dtype);
}

FillValue parse_v2_fill_value(const Json& value, const DataType& dtype) {
  if (value.is_null()) return zero_fill_value(dtype);
  return parse(value, Format::v2, dtype);
}

Json write_v2_fill_value(const FillValue& value, const DataType& dtype) {
  return write(value, Format::v2, dtype);
}

}  // namespace zarrloom
