// `cast_value` (v3 codec "cast_value"): the same values in another type, and an error where that
// cannot be. Unlike `astype` it says what becomes of values that the type does not hold.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/numbers.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/codecs/transform.h"

namespace zarrloom {
namespace {

enum class Rounding {
  nearest_even,
  towards_zero,
  towards_positive,
  towards_negative,
  nearest_away
};
enum class OutOfRange { error, clamp, wrap };

struct Rules {
  Rounding rounding;
  OutOfRange out_of_range;
  ErrorCode code;  // of values that cannot be cast
};

constexpr std::array<std::string_view, 5> kRoundings{
    "nearest-even", "towards-zero", "towards-positive", "towards-negative", "nearest-away"};
constexpr std::array<std::string_view, 3> kOutOfRange{"error", "clamp", "wrap"};

template <typename T>
constexpr bool kIsInteger = std::is_integral_v<T>;

// A float as a double, an integer as itself: what is exact.
template <typename T>
auto exact(T value) {
  if constexpr (std::is_same_v<T, Half>) {
    return static_cast<double>(to_float(value));
  } else if constexpr (std::is_same_v<T, float>) {
    return static_cast<double>(value);
  } else {
    return value;
  }
}

double round_to_integer(double value, Rounding rounding) {
  switch (rounding) {
    case Rounding::nearest_even:
      return std::nearbyint(value);
    case Rounding::towards_zero:
      return std::trunc(value);
    case Rounding::towards_positive:
      return std::ceil(value);
    case Rounding::towards_negative:
      return std::floor(value);
    case Rounding::nearest_away:
      return std::round(value);
  }
  return value;
}

[[noreturn]] void fail_value(const Rules& rules, const std::string& value, const char* why) {
  fail(rules.code, "the value " + value + " " + why);
}

// value modulo 2^bits, for a whole number.
template <typename To>
To wrapped(double value) {
  const double modulus = std::ldexp(1.0, 8 * static_cast<int>(sizeof(To)));
  double rest = std::fmod(value, modulus);
  if (rest < 0) rest += modulus;
  return static_cast<To>(cut_to_integer(rest));
}

template <typename To>
To to_integer(double value, const Rules& rules) {
  if (std::isnan(value)) fail_value(rules, "NaN", "is no integer");
  const double whole = round_to_integer(value, rules.rounding);
  constexpr int kBits = std::numeric_limits<To>::digits;
  const double above = std::ldexp(1.0, kBits);  // the first number beyond the type's largest
  const double lowest = std::is_signed_v<To> ? -above : 0.0;
  if (whole >= lowest && whole < above) return static_cast<To>(whole);
  if (rules.out_of_range == OutOfRange::clamp) {
    return whole < 0 ? std::numeric_limits<To>::min() : std::numeric_limits<To>::max();
  }
  if (rules.out_of_range == OutOfRange::wrap && std::isfinite(whole)) return wrapped<To>(whole);
  fail_value(rules, std::to_string(value), "is beyond the type's range");
}

template <typename To>
To to_float_type(double value, const Rules& rules) {
  const To cast = convert<To>(value);
  if (!std::isfinite(value) || std::isfinite(exact(cast))) return cast;
  if (rules.out_of_range != OutOfRange::clamp) {
    fail_value(rules, std::to_string(value), "is beyond the type's range");
  }
  const double most = sizeof(To) == 2 ? 65504.0 : std::numeric_limits<float>::max();
  return convert<To>(std::copysign(most, value));
}

template <typename To, typename From>
To cast(From from, const Rules& rules) {
  const auto value = exact(from);
  if constexpr (kIsInteger<To> && kIsInteger<From>) {
    if (std::in_range<To>(value)) return static_cast<To>(value);
    if (rules.out_of_range == OutOfRange::wrap) return static_cast<To>(value);
    if (rules.out_of_range == OutOfRange::clamp) {
      return value < From{0} ? std::numeric_limits<To>::min() : std::numeric_limits<To>::max();
    }
    fail_value(rules, std::to_string(value), "is beyond the type's range");
  } else if constexpr (kIsInteger<To>) {
    return to_integer<To>(value, rules);
  } else if constexpr (kIsInteger<From> && !std::is_same_v<To, Half>) {
    return static_cast<To>(value);  // no integer is too large, and this is the nearest
  } else {
    return to_float_type<To>(static_cast<double>(value), rules);
  }
}

// ---- scalar_map ----

template <typename T>
T read_scalar(const Json& json) {
  if constexpr (kIsInteger<T>) {
    const std::int64_t* number = json.as_int();
    if (number != nullptr && std::in_range<T>(*number)) return static_cast<T>(*number);
    const std::uint64_t* large = json.as_uint();
    if (large != nullptr && std::in_range<T>(*large)) return static_cast<T>(*large);
  } else {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (json == Json("NaN")) return convert<T>(std::numeric_limits<double>::quiet_NaN());
    if (json == Json("Infinity") || json == Json("+Infinity")) return convert<T>(kInfinity);
    if (json == Json("-Infinity")) return convert<T>(-kInfinity);
    if (const double* number = json.as_double()) return convert<T>(*number);
    if (const std::int64_t* number = json.as_int()) return convert<T>(static_cast<double>(*number));
  }
  fail(ErrorCode::invalid_argument,
       "\"scalar_map\": " + write_json(json, 0) + " is no value of the type that stands there");
}

template <typename From, typename To>
std::vector<std::pair<From, To>> read_map(const Json* entries) {
  std::vector<std::pair<From, To>> map;
  if (entries == nullptr || entries->is_null()) return map;
  const Json::Array* list = entries->as_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const Json::Array* pair = (*list)[i].as_array();
    if (pair == nullptr || pair->size() != 2) list = nullptr;
    if (list == nullptr) break;
    map.emplace_back(read_scalar<From>((*pair)[0]), read_scalar<To>((*pair)[1]));
  }
  if (list != nullptr) return map;
  fail(ErrorCode::invalid_argument, "\"scalar_map\" must hold lists of pairs");
}

template <typename T>
bool same_value(T a, T b) {
  if constexpr (kIsInteger<T>) {
    return a == b;
  } else {
    return exact(a) == exact(b) || (std::isnan(exact(a)) && std::isnan(exact(b)));
  }
}

template <typename From, typename To>
Kernel cast_kernel(const Rules& rules, const Json* entries) {
  return [rules, map = read_map<From, To>(entries)](ByteView in, MutableBytes out) {
    map_elements<From, To>(in, out, [&](From value) {
      for (const auto& [key, target] : map) {
        if (same_value(key, value)) return target;
      }
      return cast<To>(value, rules);
    });
  };
}

Kernel make_cast(const DataType& from, const DataType& to, const Rules& rules,
                 const Json* entries) {
  return visit_number(from, [&]<typename From>(Tag<From>) -> Kernel {
    return visit_number(to, [&]<typename To>(Tag<To>) -> Kernel {
      if constexpr (std::is_same_v<From, Bool> || std::is_same_v<To, Bool>) {
        fail(ErrorCode::internal, "a bool among the numbers");
      } else {
        return cast_kernel<From, To>(rules, entries);
      }
    });
  });
}

// ---- configuration ----

DataType read_data_type(const ConfigReader& config) {
  const Json* value = config.find("data_type");
  if (value == nullptr) fail(ErrorCode::invalid_argument, "\"data_type\" is missing");
  const Json* name = value->as_string() != nullptr ? value : value->find("name");
  if (name == nullptr || name->as_string() == nullptr) {
    fail(ErrorCode::invalid_argument,
         "\"data_type\" must be a data type, not " + write_json(*value, 0));
  }
  return dtype_from_numpy_name(*name->as_string());
}

void check_type(const DataType& dtype) {
  if (dtype.kind == Kind::floating || dtype.kind == Kind::signed_integer ||
      dtype.kind == Kind::unsigned_integer) {
    return;
  }
  fail(ErrorCode::unsupported, "elements of type " + dtype.numpy_name() + " are not cast");
}

template <typename Enum, std::size_t N>
Enum read_choice(const ConfigReader& config, const char* name,
                 const std::array<std::string_view, N>& names) {
  const std::optional<std::string> text = config.text(name);
  if (!text) return Enum{};
  const auto found = std::ranges::find(names, *text);
  if (found != names.end()) return static_cast<Enum>(found - names.begin());
  fail(ErrorCode::invalid_argument,
       "there is no \"" + std::string(name) + "\" of \"" + *text + "\"");
}

// True if `to` is a float that does not hold every value of `from`.
bool may_round(const DataType& from, const DataType& to) {
  if (to.kind != Kind::floating) return false;
  if (from.kind == Kind::floating) return from.item_size > to.item_size;
  return from.item_size >= to.item_size;
}

void check_rules(const Rules& rules, const DataType& decoded, const DataType& encoded) {
  if (rules.out_of_range == OutOfRange::wrap && encoded.kind == Kind::floating) {
    fail(ErrorCode::invalid_argument, "\"out_of_range\" \"wrap\" is for integers");
  }
  if (rules.rounding == Rounding::nearest_even) return;
  if (!may_round(decoded, encoded) && !may_round(encoded, decoded)) return;
  fail(ErrorCode::unsupported, "to floats values are rounded to the nearest, ties to even, only");
}

}  // namespace

AnyCodec make_cast_value_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"data_type", "rounding", "out_of_range", "scalar_map"});
  const DataType encoded = read_data_type(config);
  check_type(spec.dtype);
  check_type(encoded);
  Rules rules{read_choice<Rounding>(config, "rounding", kRoundings),
              read_choice<OutOfRange>(config, "out_of_range", kOutOfRange),
              ErrorCode::invalid_argument};
  check_rules(rules, spec.dtype, encoded);
  const Json* map = config.find("scalar_map");
  if (map != nullptr) static_cast<void>(ConfigReader(*map, {"encode", "decode"}));
  const auto entries = [&](const char* name) { return map == nullptr ? nullptr : map->find(name); };
  const Kernel forth = make_cast(spec.dtype, encoded, rules, entries("encode"));
  rules.code = ErrorCode::corrupt_data;
  const Kernel back = make_cast(encoded, spec.dtype, rules, entries("decode"));
  ChunkSpec out{spec.shape, encoded, std::vector<std::byte>(encoded.item_size)};
  if (spec.fill_value.size() == spec.dtype.item_size) forth(spec.fill_value, out.fill_value);
  Json told = Json::Object{};
  for (const char* name : {"data_type", "rounding", "out_of_range", "scalar_map"}) {
    if (const Json* value = config.find(name)) told.set(name, *value);
  }
  return make_transform(std::move(out), std::move(told), forth, back);
}

}  // namespace zarrloom
