// The inner loops of statistics: over a run (elements of one output, one after another) and over
// rows (elements of many outputs side by side). Vectors of 16 bytes are what every target has; what
// is added in which lane is fixed, so that sums are the same on all machines.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace zarrloom::kernels {

template <typename T>
struct Vector {
  typedef T type __attribute__((vector_size(16)));
  typedef decltype(type{} < type{}) mask;
  static constexpr std::size_t kLanes = 16 / sizeof(T);

  static type load(const T* from) {
    type value;
    std::memcpy(&value, from, 16);
    return value;
  }
  static type all(T value) {
    type result;
    for (std::size_t lane = 0; lane < kLanes; ++lane) result[lane] = value;
    return result;
  }
};

template <typename T>
constexpr bool is_nan(T value) {
  if constexpr (std::floating_point<T>) {
    return value != value;
  } else {
    return false;
  }
}

// What any element is at most, or at least.
template <typename T>
constexpr T highest() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? Limits::infinity() : Limits::max();
}
template <typename T>
constexpr T lowest() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
}

// Of the elements that are not NaN; min > max if there are none.
template <typename T>
struct Extremes {
  T min = highest<T>();
  T max = lowest<T>();
  bool has_nan = false;

  void take(T value) {
    if (value < min) min = value;
    if (value > max) max = value;
    has_nan = has_nan || is_nan(value);
  }
};

template <typename T>
Extremes<T> extremes_of(const T* x, std::size_t n) {
  using V = Vector<T>;
  constexpr std::size_t kStreams = 4;
  Extremes<T> all;
  if (n < kStreams * V::kLanes) {
    for (std::size_t i = 0; i < n; ++i) all.take(x[i]);
    return all;
  }
  typename V::type low[kStreams], high[kStreams];
  typename V::mask nan = {};
  for (auto& v : low) v = V::all(highest<T>());
  for (auto& v : high) v = V::all(lowest<T>());
  std::size_t i = 0;
  for (; i + kStreams * V::kLanes <= n; i += kStreams * V::kLanes) {
    for (std::size_t s = 0; s < kStreams; ++s) {
      const auto v = V::load(x + i + s * V::kLanes);
      low[s] = v < low[s] ? v : low[s];
      high[s] = v > high[s] ? v : high[s];
      if constexpr (std::floating_point<T>) nan |= v != v;
    }
  }
  for (std::size_t s = 0; s < kStreams; ++s) {
    for (std::size_t lane = 0; lane < V::kLanes; ++lane) {
      all.min = low[s][lane] < all.min ? low[s][lane] : all.min;
      all.max = high[s][lane] > all.max ? high[s][lane] : all.max;
    }
  }
  for (std::size_t lane = 0; lane < V::kLanes; ++lane) all.has_nan |= nan[lane] != 0;
  for (; i < n; ++i) all.take(x[i]);
  return all;
}

// Sixteen lanes of doubles, added up as a tree.
class LaneSum {
 public:
  static constexpr std::size_t kLanes = 16;

  template <bool Skip, typename T, typename Term>
  static double of(const T* x, std::size_t n, const Term& term) {
    double lanes[kLanes] = {};
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        lanes[lane] += term_of<Skip>(x[i + lane], term);
      }
    }
    for (std::size_t lane = 0; i < n; ++i, ++lane) lanes[lane] += term_of<Skip>(x[i], term);
    for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
      for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
    }
    return lanes[0];
  }

 private:
  template <bool Skip, typename T, typename Term>
  static double term_of(T value, const Term& term) {
    if constexpr (Skip) {
      return is_nan(value) ? 0.0 : term(static_cast<double>(value));
    } else {
      return term(static_cast<double>(value));
    }
  }
};

template <bool Skip, typename T>
double float_sum(const T* x, std::size_t n) {
  return LaneSum::of<Skip>(x, n, [](double value) { return value; });
}

template <bool Skip, typename T>
double squares_about(double mean, const T* x, std::size_t n) {
  return LaneSum::of<Skip>(x, n, [mean](double value) { return (value - mean) * (value - mean); });
}

template <std::floating_point T>
std::int64_t count_numbers(const T* x, std::size_t n) {
  std::int64_t nan = 0;
  for (std::size_t i = 0; i < n; ++i) nan += x[i] != x[i];
  return static_cast<std::int64_t>(n) - nan;
}

// Exact, of at most 2^15 elements.
template <std::integral T>
__int128 integer_sum(const T* x, std::size_t n) {
  if constexpr (sizeof(T) <= 2) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += x[i];
    return sum;
  } else if constexpr (sizeof(T) == 4) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += x[i];
    return sum;
  } else {
    // Halves apart; signed numbers as if the lowest was 0, which is subtracted again.
    constexpr std::uint64_t kBias = std::signed_integral<T> ? std::uint64_t{1} << 63 : 0;
    std::uint64_t low = 0, high = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint64_t value = static_cast<std::uint64_t>(x[i]) ^ kBias;
      low += value & 0xffffffffu;
      high += value >> 32;
    }
    const auto biased = (static_cast<__int128>(high) << 32) + low;
    return biased - static_cast<__int128>(kBias) * static_cast<__int128>(n);
  }
}

// best[j] = the smaller (or greater) one of best[j] and x[j]. NaN wins, or with Skip never does.
template <bool Smallest, bool Skip, typename T>
void best_of_rows(const T* x, std::size_t n, T* best) {
  for (std::size_t j = 0; j < n; ++j) {
    const T value = x[j], old = best[j];
    bool takes = Smallest ? value < old : value > old;
    if constexpr (std::floating_point<T> && !Skip) takes |= value != value;
    best[j] = takes ? value : old;
  }
}

// As wide as T.
template <typename T>
using Flag = std::conditional_t<
    sizeof(T) == 1, std::int8_t,
    std::conditional_t<sizeof(T) == 2, std::int16_t,
                       std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>>>;

// takes ? a : b without a branch, which could not be foreseen.
template <typename T>
T choose(bool takes, T a, T b) {
  using Bits = Flag<T>;
  const auto mask = static_cast<Bits>(-static_cast<Bits>(takes));
  const auto bits = (std::bit_cast<Bits>(a) & mask) | (std::bit_cast<Bits>(b) & ~mask);
  return std::bit_cast<T>(static_cast<Bits>(bits));
}

// As above where NaN wins; taken[j] says (0 or not) if x[j] was taken. With `always` each is.
template <bool Smallest, typename T>
void best_of_rows(const T* x, std::size_t n, T* best, Flag<T> always, Flag<T>* taken) {
  for (std::size_t j = 0; j < n; ++j) {
    const T value = x[j], old = best[j];
    bool takes = Smallest ? value < old : value > old;
    if constexpr (std::floating_point<T>) takes |= (value != value) & (old == old);
    taken[j] = static_cast<Flag<T>>(takes) | always;
  }
  for (std::size_t j = 0; j < n; ++j) best[j] = taken[j] != 0 ? x[j] : best[j];
}

// squares[j] += the square of what x[j] is away from means[j].
template <bool Skip, typename T>
void add_squares(const double* means, const T* x, std::size_t n, double* squares) {
  for (std::size_t j = 0; j < n; ++j) {
    const double delta = static_cast<double>(x[j]) - means[j];
    const double square = delta * delta;
    squares[j] += Skip && is_nan(x[j]) ? 0.0 : square;
  }
}

}  // namespace zarrloom::kernels
