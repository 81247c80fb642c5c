// Smallest or greatest elements of many outputs, and their places.
#pragma once

#include <algorithm>
#include <span>

#include "zarrloom/base/statistics_kernels.h"
#include "zarrloom/base/statistics_table.h"

namespace zarrloom {

// The smallest or the greatest elements, and where they are first, if that is asked.
template <typename T, bool Smallest>
class Extreme {
 public:
  Extreme(bool wanted, bool wants_place, bool skip)
      : wanted_(wanted || wants_place), skip_(skip), places_(wants_place) {}

  void clear(std::size_t outputs) {
    if (wanted_) value_.assign(outputs, worst());
    if (places_) place_.assign(outputs, -1);
  }

  bool wanted() const { return wanted_; }
  std::span<const T> values() const { return value_.span(); }
  std::span<const std::int64_t> places() const { return place_.span(); }

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

  // One element for each of n outputs, all at the same place: 0 if it is their first.
  void take_row(std::size_t output, const T* x, std::size_t n, std::int64_t place) {
    if (places_) {
      skip_ ? place_skipping(output, x, n, place) : place_row(output, x, n, place);
    } else if (skip_) {
      kernels::best_of_rows<Smallest, true>(x, n, value_.data() + output);
    } else {
      kernels::best_of_rows<Smallest, false>(x, n, value_.data() + output);
    }
  }

  // The only element of every output.
  void take_all(T value, std::int64_t place) {
    value_.assign(value_.size(), value);
    if (places_) place_.assign(place_.size(), place);
  }

  template <typename Translate>
  void translate_places(const Translate& translate) {
    for (std::int64_t& place : place_.span()) {
      if (place >= 0) place = translate(place);
    }
  }

  // Of equal ones the first place counts, whichever part it is in.
  void merge(const Extreme& other) {
    if (!places_) return take_row(0, other.value_.data(), value_.size(), 0);
    for (std::size_t o = 0; o < value_.size(); ++o) {
      const T a = value_[o], b = other.value_[o];
      const std::int64_t at_a = place_[o], at_b = other.place_[o];
      const bool nan_a = kernels::is_nan(a), nan_b = kernels::is_nan(b);
      const bool equal = (a == b) | (nan_a & nan_b);
      const bool wins = better(b, a) | (nan_b & !nan_a) | (equal & (at_b < at_a));
      const bool takes = (at_b >= 0) & ((at_a < 0) | wins);
      value_[o] = kernels::choose(takes, b, a);
      place_[o] = kernels::choose(takes, at_b, at_a);
    }
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

  // What is taken is found in one loop and placed in another: each then has numbers of one size.
  void place_row(std::size_t output, const T* x, std::size_t n, std::int64_t place) {
    constexpr std::size_t kStrip = 512;
    using Flag = kernels::Flag<T>;
    Flag taken[kStrip];
    for (std::size_t from = 0; from < n; from += kStrip) {
      const std::size_t count = std::min(kStrip, n - from);
      const auto first = static_cast<Flag>(place == 0 ? 1 : 0);  // is taken whatever it is
      kernels::best_of_rows<Smallest>(x + from, count, value_.data() + output + from, first, taken);
      std::int64_t* const places = place_.data() + output + from;
      for (std::size_t j = 0; j < count; ++j) places[j] = taken[j] != 0 ? place : places[j];
    }
  }

  void place_skipping(std::size_t output, const T* x, std::size_t n, std::int64_t place) {
    for (std::size_t o = output; o < output + n; ++o) {
      const T value = x[o - output];
      const bool takes = (better(value, value_[o]) | (place_[o] < 0)) & !kernels::is_nan(value);
      value_[o] = kernels::choose(takes, value, value_[o]);
      place_[o] = kernels::choose(takes, place, place_[o]);
    }
  }

  bool wanted_;
  bool skip_;
  bool places_;
  Table<T> value_;             // empty: not asked for
  Table<std::int64_t> place_;  // empty: not asked for; -1: nothing yet
};

}  // namespace zarrloom
