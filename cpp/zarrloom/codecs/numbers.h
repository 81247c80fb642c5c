// Numbers in memory that need not be aligned, and what numpy does with them. Private to the codecs.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "zarrloom/base/bytes.h"
#include "zarrloom/base/dtype.h"
#include "zarrloom/base/error.h"

namespace zarrloom {

// numpy's bool: a byte that is 0 or 1, and any other counts as 1.
struct Bool {
  std::uint8_t byte;
};

// IEEE binary16.
struct Half {
  std::uint16_t bits;
};

float to_float(Half half);    // exact
Half to_half(double number);  // to the nearest, ties to even

inline DataType number_type(Kind kind, std::size_t size) { return {kind, size, "", 1, {}}; }

template <typename T>
struct Tag {
  using Type = T;
};

// Calls f(Tag<T>) for the C++ type of the elements: Bool, Half, float, double or an integer. Dates
// and durations are int64. Throws unsupported for all others.
template <typename F>
auto visit_number(const DataType& dtype, const F& f) {
  const auto sized = [&]<typename T1, typename T2, typename T4, typename T8>(Tag<T1>, Tag<T2>,
                                                                             Tag<T4>, Tag<T8>) {
    return dtype.item_size == 1   ? f(Tag<T1>{})
           : dtype.item_size == 2 ? f(Tag<T2>{})
           : dtype.item_size == 4 ? f(Tag<T4>{})
                                  : f(Tag<T8>{});
  };
  switch (dtype.kind) {
    case Kind::boolean:
      return f(Tag<Bool>{});
    case Kind::signed_integer:
    case Kind::datetime:
    case Kind::timedelta:
      return sized(Tag<std::int8_t>{}, Tag<std::int16_t>{}, Tag<std::int32_t>{},
                   Tag<std::int64_t>{});
    case Kind::unsigned_integer:
      return sized(Tag<std::uint8_t>{}, Tag<std::uint16_t>{}, Tag<std::uint32_t>{},
                   Tag<std::uint64_t>{});
    case Kind::floating:
      if (dtype.item_size == 2) return f(Tag<Half>{});
      return dtype.item_size == 4 ? f(Tag<float>{}) : f(Tag<double>{});
    default:
      fail(ErrorCode::unsupported, "elements of type " + dtype.numpy_name() + " are no numbers");
  }
}

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <typename T>
void store(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

// out[i] = f(in[i]).
template <typename From, typename To, typename F>
void map_elements(ByteView in, MutableBytes out, const F& f) {
  const std::size_t count = in.size() / sizeof(From);
  const std::byte* from = in.data();
  std::byte* to = out.data();
  for (std::size_t i = 0; i < count; ++i) {
    store<To>(to + i * sizeof(To), f(load<From>(from + i * sizeof(From))));
  }
}

// The value of a float as an integer: cut, and modulo 2^64. What is no number, or far too large,
// gives what x86 gives; numpy leaves it open.
inline std::uint64_t cut_to_integer(double value) {
  if (value >= -0x1p63 && value < 0x1p63) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
  }
  if (value >= 0x1p63 && value < 0x1p64) return static_cast<std::uint64_t>(value);
  return std::uint64_t{1} << 63;
}

// numpy's astype. Between integers modulo the size of the target.
template <typename To, typename From>
To convert(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::is_same_v<From, Bool>) {
    return convert<To>(static_cast<std::uint8_t>(value.byte != 0));
  } else if constexpr (std::is_same_v<From, Half>) {
    return convert<To>(to_float(value));
  } else if constexpr (std::is_same_v<To, Bool>) {
    return Bool{static_cast<std::uint8_t>(value != From{})};
  } else if constexpr (std::is_same_v<To, Half>) {
    // numpy takes integers by way of float32.
    if constexpr (std::is_integral_v<From>) return to_half(static_cast<float>(value));
    return to_half(static_cast<double>(value));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return static_cast<To>(cut_to_integer(value));
  } else {
    return static_cast<To>(value);
  }
}

// The same for whole arrays.
void convert_elements(const DataType& from, const DataType& to, ByteView in, MutableBytes out);

// numpy's result_type, where at least one of both is a float.
DataType promoted(const DataType& a, const DataType& b);

// a - b, a + b and so on in the type itself: integers wrap around, Half rounds after each
// operation.
template <typename T, typename F>
T computed(T a, T b, const F& f) {
  if constexpr (std::is_same_v<T, Half>) {
    return to_half(f(to_float(a), to_float(b)));
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(f(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
  } else {
    return f(a, b);
  }
}

// numpy's rint: to the nearest, ties to even. Integers stay.
template <typename T>
T rounded(T value) {
  if constexpr (std::is_same_v<T, Half>) {
    return to_half(std::nearbyint(to_float(value)));
  } else if constexpr (std::is_floating_point_v<T>) {
    return std::nearbyint(value);
  } else {
    return value;
  }
}

}  // namespace zarrloom
