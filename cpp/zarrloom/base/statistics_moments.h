// Counts, sums and sums of squares of many outputs.
#pragma once

#include <type_traits>

#include "zarrloom/base/statistics_kernels.h"
#include "zarrloom/base/statistics_table.h"

namespace zarrloom {

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
  // With infinity or NaN in it, the rest means nothing.
  double value() const { return std::isfinite(sum) ? sum + rest : sum; }
  static FloatSum times(double value, std::int64_t n) {
    const auto count = static_cast<double>(n);
    return {value * count, std::fma(value, count, -(value * count))};
  }
};

struct IntegerSum {
  __int128 sum = 0;

  double value() const { return static_cast<double>(sum); }
  template <typename T>
  static IntegerSum times(T value, std::int64_t n) {
    return {static_cast<__int128>(value) * n};
  }
};

// Sums of many outputs. Of doubles with their rests; of floats without, for a double has 29 bits to
// spare. Of integers in 128 bits, or in 64 where all that may come fits.
template <typename T>
class SumTable {
 public:
  static constexpr bool kFloating = std::floating_point<T>;
  static constexpr bool kRests = kFloating && sizeof(T) == 8;
  using Sum = std::conditional_t<kFloating, FloatSum, IntegerSum>;

  explicit SumTable(std::int64_t most_elements)
      : narrow_(!kFloating && sizeof(T) <= 4 && most_elements < std::int64_t{1} << 31) {}

  void clear(std::size_t outputs) {
    size_ = outputs;
    if (narrow_) {
      narrow_sum_.assign(outputs, 0);
    } else {
      sum_.assign(outputs, 0);
    }
    if constexpr (kRests) rest_.assign(outputs, 0);
  }

  Sum get(std::size_t o) const {
    if constexpr (kRests) {
      return {sum_[o], rest_[o]};
    } else if constexpr (kFloating) {
      return {sum_[o]};
    } else {
      return {narrow_ ? narrow_sum_[o] : sum_[o]};
    }
  }
  void add(std::size_t o, const Sum& part) {
    if constexpr (kRests) {
      FloatSum sum = get(o);
      sum.add(part.sum);
      sum_[o] = sum.sum;
      rest_[o] = sum.rest + part.rest;
    } else if constexpr (kFloating) {
      sum_[o] += part.value();
    } else if (narrow_) {
      narrow_sum_[o] += static_cast<std::int64_t>(part.sum);
    } else {
      sum_[o] += part.sum;
    }
  }
  // One element for each of n outputs.
  template <bool Skip>
  void add_row(std::size_t output, const T* x, std::size_t n) {
    if constexpr (kRests) {
      add_compensated<Skip>(sum_.data() + output, rest_.data() + output, x, n);
    } else if (narrow_) {
      add_plain<Skip>(narrow_sum_.data() + output, x, n);
    } else {
      add_plain<Skip>(sum_.data() + output, x, n);
    }
  }
  void merge(std::size_t output, const SumTable& other) {
    if constexpr (kFloating && !kRests) {
      add_plain<false>(sum_.data() + output, other.sum_.data(), other.size_);
    } else {
      for (std::size_t j = 0; j < other.size_; ++j) add(output + j, other.get(j));
    }
  }
  // As a double; NaN where infinity is in it.
  double near(std::size_t o) const {
    if constexpr (kRests) {
      return sum_[o] + rest_[o];
    } else if constexpr (kFloating) {
      return sum_[o];
    } else {
      return get(o).value();
    }
  }

 private:
  using Wide = std::conditional_t<kFloating, double, __int128>;

  template <bool Skip, typename Total, typename From>
  static void add_plain(Total* sums, const From* x, std::size_t n) {
    for (std::size_t j = 0; j < n; ++j) {
      sums[j] += Skip && kernels::is_nan(x[j]) ? Total{0} : static_cast<Total>(x[j]);
    }
  }

  template <bool Skip>
  static void add_compensated(double* sums, double* rests, const T* x, std::size_t n) {
    for (std::size_t j = 0; j < n; ++j) {
      FloatSum sum{sums[j], rests[j]};
      sum.add(Skip && kernels::is_nan(x[j]) ? 0.0 : x[j]);
      sums[j] = sum.sum;
      rests[j] = sum.rest;
    }
  }

  bool narrow_;
  std::size_t size_ = 0;
  // Each empty where it is not needed.
  Table<Wide> sum_;
  Table<std::int64_t> narrow_sum_;
  Table<double> rest_;
};

// Count, sum and the sum of squares about the mean of some elements of one output.
template <typename Sum>
struct Moments {
  std::int64_t count = 0;
  Sum sum;
  double squares = 0;
};

// How two parts' sums of squares are combined (Chan, Golub and LeVeque): stable, whatever the sizes
// of the parts.
struct SquaresRule {
  SquaresRule(std::int64_t count_a, std::int64_t count_b) {
    const auto a = static_cast<double>(count_a), b = static_cast<double>(count_b);
    if (count_a > 0) per_a = 1 / a;
    if (count_b > 0) per_b = 1 / b;
    if (count_a > 0 && count_b > 0) weight = a * b / (a + b);
  }
  double between(double sum_a, double sum_b) const {
    const double delta = sum_b * per_b - sum_a * per_a;
    return delta * delta * weight;
  }

  double per_a = 0, per_b = 0, weight = 0;
};

// The moments of many outputs; only what is asked for takes memory. Where NaN counts like other
// elements all outputs have one count, which the caller knows.
template <typename T>
class MomentTable {
 public:
  using Sum = typename SumTable<T>::Sum;

  MomentTable(bool skip, bool with_sums, bool with_squares, std::int64_t most_elements)
      : has_counts_(skip),
        has_sums_(with_sums || with_squares),
        has_squares_(with_squares),
        sums_(most_elements) {}

  void clear(std::size_t outputs) {
    if (has_counts_) count_.assign(outputs, 0);
    if (has_sums_) sums_.clear(outputs);
    if (has_squares_) squares_.assign(outputs, 0);
  }

  bool wanted() const { return has_counts_ || has_sums_; }
  bool has_counts() const { return has_counts_; }
  bool has_squares() const { return has_squares_; }
  std::int64_t count(std::size_t o) const { return count_[o]; }
  Sum sum(std::size_t o) const { return sums_.get(o); }
  double near_sum(std::size_t o) const { return sums_.near(o); }
  double squares(std::size_t o) const { return squares_[o]; }

  // `before`: elements that the output has already, where all have the same.
  void add(std::size_t o, std::int64_t before, const Moments<Sum>& part) {
    if (has_counts_) {
      before = count_[o];
      count_[o] += part.count;
      if (part.count == 0) return;
    }
    if (has_squares_) {
      const SquaresRule rule(before, part.count);
      squares_[o] += part.squares + rule.between(sums_.get(o).value(), part.sum.value());
    }
    if (has_sums_) sums_.add(o, part.sum);
  }

  // One element for each of n outputs; squares come by add_squares.
  void add_row(std::size_t output, const T* x, std::size_t n) {
    if (!has_counts_) return sums_.template add_row<false>(output, x, n);
    for (std::size_t j = 0; j < n; ++j) count_[output + j] += !kernels::is_nan(x[j]);
    if (has_sums_) sums_.template add_row<true>(output, x, n);
  }

  // The same elements again, now that means are known.
  void add_squares(const double* means, const T* x) {
    has_counts_ ? kernels::add_squares<true>(means, x, squares_.size(), squares_.data())
                : kernels::add_squares<false>(means, x, squares_.size(), squares_.data());
  }

  // Later elements of as many outputs as `other` has, from `output` on; `before` and `count` are
  // what each has here and there.
  void merge(std::size_t output, const MomentTable& other, std::int64_t before,
             std::int64_t count) {
    if (has_squares_) merge_squares(output, other, SquaresRule(before, count));
    for (std::size_t j = 0; j < other.count_.size(); ++j) count_[output + j] += other.count_[j];
    sums_.merge(output, other.sums_);
  }

 private:
  void merge_squares(std::size_t output, const MomentTable& other, const SquaresRule& rule) {
    double* const squares = squares_.data() + output;
    if (has_counts_) {
      for (std::size_t j = 0; j < other.squares_.size(); ++j) {
        const SquaresRule own(count_[output + j], other.count_[j]);
        squares[j] += other.squares_[j] + own.between(sums_.near(output + j), other.sums_.near(j));
      }
      return;
    }
    for (std::size_t j = 0; j < other.squares_.size(); ++j) {
      squares[j] += other.squares_[j] + rule.between(sums_.near(output + j), other.sums_.near(j));
    }
  }

  bool has_counts_;
  bool has_sums_;
  bool has_squares_;
  // Each empty if it is not asked for.
  Table<std::int64_t> count_;
  SumTable<T> sums_;
  Table<double> squares_;
};

}  // namespace zarrloom
