// What statistics are accumulated in: one extreme, and the moments, each for many outputs.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "zarrloom/base/statistics_kernels.h"

namespace zarrloom {

// The smallest or the greatest elements, and where they are first, if that is asked.
template <typename T, bool Smallest>
class Extreme {
 public:
  Extreme(bool wanted, bool wants_place, bool skip, std::size_t outputs)
      : skip_(skip), places_(wants_place) {
    if (wanted || wants_place) value_.assign(outputs, worst());
    if (wants_place) place_.assign(outputs, -1);
  }

  bool wanted() const { return !value_.empty(); }
  std::span<const T> values() const { return value_; }
  std::span<const std::int64_t> places() const { return place_; }

  // A block of elements of one output, whose extremes are known.
  void take_run(std::size_t output, const kernels::Extremes<T>& known, const T* x, std::size_t n,
                std::int64_t place) {
    if (known.has_nan && !skip_) {
      if (kernels::is_nan(value_[output])) return;
      value_[output] = std::numeric_limits<T>::quiet_NaN();
      if (places_) place_[output] = place + first(x, n, [](T v) { return kernels::is_nan(v); });
      return;
    }
    if (known.min > known.max) return;  // nothing but NaN
    const T best = Smallest ? known.min : known.max;
    if (!takes(value_[output], places_ ? place_[output] : 0, best)) return;
    value_[output] = best;
    if (places_) place_[output] = place + first(x, n, [best](T v) { return v == best; });
  }

  // One element for each of n outputs, all at the same place.
  void take_row(std::size_t output, const T* x, std::size_t n, std::int64_t place) {
    if (places_) {
      for (std::size_t j = 0; j < n; ++j) take_one(output + j, x[j], place);
    } else if (skip_) {
      kernels::best_of_rows<Smallest, true>(x, n, value_.data() + output);
    } else {
      kernels::best_of_rows<Smallest, false>(x, n, value_.data() + output);
    }
  }

  void take_all(T value, std::int64_t place) {
    for (std::size_t o = 0; o < value_.size(); ++o) take_one(o, value, place);
  }

  template <typename Translate>
  void translate_places(const Translate& translate) {
    for (std::int64_t& place : place_) {
      if (place >= 0) place = translate(place);
    }
  }

  void merge(const Extreme& other) {
    if (!places_) return take_row(0, other.value_.data(), value_.size(), 0);
    for (std::size_t o = 0; o < value_.size(); ++o) merge_one(o, other.value_[o], other.place_[o]);
  }

 private:
  static constexpr T worst() { return Smallest ? kernels::highest<T>() : kernels::lowest<T>(); }
  static bool better(T a, T b) { return Smallest ? a < b : a > b; }

  // `value` is no NaN. The first element is taken even if it is the worst that there is.
  static bool takes(T old, std::int64_t old_place, T value) {
    return better(value, old) || old_place < 0;
  }

  template <typename Test>
  static std::int64_t first(const T* x, std::size_t n, const Test& test) {
    std::size_t i = 0;
    while (i + 1 < n && !test(x[i])) ++i;
    return static_cast<std::int64_t>(i);
  }

  void take_one(std::size_t o, T value, std::int64_t place) {
    const bool nan = kernels::is_nan(value);
    if (nan ? skip_ || kernels::is_nan(value_[o]) : !takes(value_[o], old_place(o), value)) return;
    value_[o] = value;
    if (places_) place_[o] = place;
  }

  void merge_one(std::size_t o, T value, std::int64_t place) {
    if (place < 0) return;
    const bool nan = kernels::is_nan(value);
    const bool equal = nan ? kernels::is_nan(value_[o]) : value == value_[o];
    if (equal && place_[o] >= 0) {
      place_[o] = std::min(place, place_[o]);
    } else {
      take_one(o, value, place);
    }
  }

  std::int64_t old_place(std::size_t o) const { return places_ ? place_[o] : 0; }

  bool skip_;
  bool places_;
  std::vector<T> value_;             // empty: not asked for
  std::vector<std::int64_t> place_;  // empty: not asked for; -1: nothing yet
};

// A sum of doubles and what rounding took from it (Knuth's two-sum).
struct FloatSum {
  double sum = 0;
  double rest = 0;

  void add(double value) {
    const double total = sum + value;
    const double part = total - sum;
    rest += (sum - (total - part)) + (value - part);
    sum = total;
  }
  void add(const FloatSum& other) {
    add(other.sum);
    rest += other.rest;
  }
  // With infinity or NaN in it, the rest means nothing.
  double value() const { return std::isfinite(sum) ? sum + rest : sum; }
  static FloatSum times(double value, std::int64_t n) {
    const auto count = static_cast<double>(n);
    return {value * count, std::fma(value, count, -(value * count))};
  }
};

struct IntegerSum {
  __int128 sum = 0;

  void add(const IntegerSum& other) { sum += other.sum; }
  double value() const { return static_cast<double>(sum); }
  template <typename T>
  static IntegerSum times(T value, std::int64_t n) {
    return {static_cast<__int128>(value) * n};
  }
};

// Count, sum and the sum of squares about the mean of some elements of one output.
template <typename Sum>
struct Moments {
  std::int64_t count = 0;
  Sum sum;
  double squares = 0;

  double mean() const { return sum.value() / static_cast<double>(count); }
};

// The moments of many outputs; only what is asked for takes memory.
template <typename Sum>
class MomentTable {
 public:
  MomentTable(bool with_counts, bool with_sums, bool with_squares, std::size_t outputs) {
    if (with_counts || with_squares) count_.assign(outputs, 0);
    if (with_sums || with_squares) sum_.assign(outputs, Sum());
    if (with_squares) squares_.assign(outputs, 0.0);
  }

  bool has_counts() const { return !count_.empty(); }
  bool has_sums() const { return !sum_.empty(); }
  bool has_squares() const { return !squares_.empty(); }
  std::size_t outputs() const { return std::max(count_.size(), sum_.size()); }
  std::int64_t count(std::size_t o) const { return count_[o]; }
  double sum(std::size_t o) const { return sum_[o].value(); }
  const Sum& exact_sum(std::size_t o) const { return sum_[o]; }
  double squares(std::size_t o) const { return squares_[o]; }

  // Squares are combined as Chan, Golub and LeVeque do: stable, whatever the sizes of the parts.
  void add(std::size_t o, const Moments<Sum>& part) {
    if (has_squares() && part.count > 0) {
      squares_[o] += part.squares;
      if (count_[o] > 0) {
        const auto a = static_cast<double>(count_[o]);
        const auto b = static_cast<double>(part.count);
        const double delta = part.mean() - sum_[o].value() / a;
        squares_[o] += delta * delta * (a * b / (a + b));
      }
    }
    if (has_counts()) count_[o] += part.count;
    if (has_sums()) sum_[o].add(part.sum);
  }

  void merge(const MomentTable& other) {
    for (std::size_t o = 0; o < outputs(); ++o) {
      add(o, {other.has_counts() ? other.count_[o] : 0, other.has_sums() ? other.sum_[o] : Sum(),
              other.has_squares() ? other.squares_[o] : 0.0});
    }
  }

 private:
  // Each empty if it is not asked for.
  std::vector<std::int64_t> count_;
  std::vector<Sum> sum_;
  std::vector<double> squares_;
};

}  // namespace zarrloom
