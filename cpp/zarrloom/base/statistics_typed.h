// Statistics of elements of one of C++'s own number types.
#pragma once

#include <array>

#include "zarrloom/base/array_view.h"
#include "zarrloom/base/error.h"
#include "zarrloom/base/histogram.h"
#include "zarrloom/base/statistics.h"
#include "zarrloom/base/statistics_extreme.h"
#include "zarrloom/base/statistics_moments.h"

namespace zarrloom {

// Dimensions of a block, neighbours of one kind merged.
struct BlockGroup {
  std::int64_t extent;
  bool reduced;
  std::int64_t data_stride;    // elements
  std::int64_t output_stride;  // outputs; 0 if reduced
  std::int64_t place_stride;   // places among the reduced dimensions; 0 if kept
};

// Outermost first. At least one.
std::vector<BlockGroup> block_groups(const BlockShape& shape);

// Where a piece of a block begins.
struct BlockPoint {
  std::int64_t data = 0;
  std::int64_t output = 0;
  std::int64_t place = 0;
};

// Calls work(point) for all of the first `depth` groups, in C order.
template <typename Work>
void for_each_point(const std::vector<BlockGroup>& groups, std::size_t depth, const Work& work,
                    const BlockPoint& at = {}, std::size_t d = 0) {
  if (d == depth) return work(at);
  const BlockGroup& g = groups[d];
  for (std::int64_t i = 0; i < g.extent; ++i) {
    const BlockPoint next{at.data + i * g.data_stride, at.output + i * g.output_stride,
                          at.place + i * g.place_stride};
    for_each_point(groups, depth, work, next, d + 1);
  }
}

template <typename T>
class TypedStatistics final : public Statistics {
 public:
  static constexpr bool kFloating = std::floating_point<T>;
  using Sum = typename SumTable<T>::Sum;

  TypedStatistics(const StatisticsOptions& options, const BlockShape& shape)
      : options_(options),
        skip_(options.skipna && kFloating),
        most_elements_(shape.most_elements()),
        min_(options.wants(Statistic::min), options.wants(Statistic::argmin), skip_),
        max_(options.wants(Statistic::max), options.wants(Statistic::argmax), skip_),
        moments_(skip_, options.wants(Statistic::sum) || options.wants(Statistic::mean),
                 options.wants(Statistic::variance), most_elements_),
        tile_(skip_, true, options.wants(Statistic::variance), most_elements_) {
    TypedStatistics::clear(shape);
  }

  void clear(const BlockShape& shape) override {
    outputs_ = size(shape.outputs());
    elements_ = 0;
    min_.clear(outputs_);
    max_.clear(outputs_);
    moments_.clear(outputs_);
    if (options_.wants(Statistic::histogram)) binned_.assign(options_.bins->size(), 0);
  }

  void add(const BlockShape& shape, ByteView data) override {
    elements_ = shape.elements();
    const auto* const x = reinterpret_cast<const T*>(data.data());
    const std::vector<BlockGroup> groups = block_groups(shape);
    if (groups.back().reduced) {
      add_runs(groups, x);
    } else {
      add_tiles(groups, x);
    }
    if (options_.wants(Statistic::argmin)) translate_places(shape, min_);
    if (options_.wants(Statistic::argmax)) translate_places(shape, max_);
  }

  void add_repeated(const BlockShape& shape, ByteView item) override {
    elements_ = shape.elements();
    T value;
    std::memcpy(&value, item.data(), sizeof(T));
    if (elements_ == 0 || (skip_ && kernels::is_nan(value))) return;
    const std::int64_t place = shape.place(0);
    if (min_.wanted()) min_.take_all(value, place);
    if (max_.wanted()) max_.take_all(value, place);
    Moments<Sum> part{elements_, Sum::times(value, elements_), 0};
    if constexpr (kFloating) {
      if (!std::isfinite(value)) part.squares = std::numeric_limits<double>::quiet_NaN();
    }
    for (std::size_t o = 0; o < outputs_ && moments_.wanted(); ++o) moments_.add(o, 0, part);
    if (const auto bin = find_bin(value)) binned_[*bin] += elements_;
  }

  void merge(const Statistics& other) override {
    const auto& later = static_cast<const TypedStatistics&>(other);
    if (min_.wanted()) min_.merge(later.min_);
    if (max_.wanted()) max_.merge(later.max_);
    moments_.merge(0, later.moments_, elements_, later.elements_);
    elements_ += later.elements_;
    for (std::size_t b = 0; b < binned_.size(); ++b) binned_[b] += later.binned_[b];
  }

  void write(Statistic statistic, MutableBytes out) const override {
    switch (statistic) {
      case Statistic::min:
        return put_all<T>(out, [this](std::size_t o) { return or_nan(o, min_.values()[o]); });
      case Statistic::max:
        return put_all<T>(out, [this](std::size_t o) { return or_nan(o, max_.values()[o]); });
      case Statistic::argmin:
        return put_places(statistic, min_.places(), out);
      case Statistic::argmax:
        return put_places(statistic, max_.places(), out);
      case Statistic::count:
        return put_all<std::int64_t>(out, [this](std::size_t o) { return count(o); });
      case Statistic::sum:
        return put_sums(out);
      case Statistic::mean:
        return put_all<double>(out, [this](std::size_t o) { return mean(o); });
      case Statistic::variance:
        return put_all<double>(out, [this](std::size_t o) { return variance(o); });
      case Statistic::histogram:
        std::memcpy(out.data(), binned_.data(), out.size());
    }
  }

 private:
  // Small enough that what one pass reads the next still finds in the nearest cache.
  static constexpr std::int64_t kRun = kFloating && sizeof(T) == 8 ? 512 : 2048;
  static constexpr std::int64_t kTile = 512;

  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

  // From places in the block to places in the whole.
  template <typename Extreme>
  static void translate_places(const BlockShape& shape, Extreme& extreme) {
    const std::int64_t first = shape.place(0);
    if (shape.is_line()) {
      const std::int64_t step = shape.elements() > 1 ? shape.place(1) - first : 0;
      extreme.translate_places([=](std::int64_t local) { return first + local * step; });
    } else {
      extreme.translate_places([&shape](std::int64_t local) { return shape.place(local); });
    }
  }

  // ---- Elements of one output that lie one after another ----

  void add_runs(const std::vector<BlockGroup>& groups, const T* x) {
    const std::int64_t n = groups.back().extent;
    for_each_point(groups, groups.size() - 1, [&](const BlockPoint& at) {
      for (std::int64_t i = 0; i < n; i += kRun) {
        add_run(x + at.data + i, size(std::min(kRun, n - i)), size(at.output), at.place + i);
      }
    });
  }

  void add_run(const T* x, std::size_t n, std::size_t output, std::int64_t place) {
    if (min_.wanted() || max_.wanted()) {
      const kernels::Extremes<T> extremes = kernels::extremes_of(x, n);
      if (min_.wanted()) min_.take_run(output, extremes, x, n, place);
      if (max_.wanted()) max_.take_run(output, extremes, x, n, place);
    }
    if (moments_.wanted()) moments_.add(output, place, run_moments(x, n));
    for (std::size_t i = 0; i < n && !binned_.empty(); ++i) {
      if (const auto bin = find_bin(x[i])) ++binned_[*bin];
    }
  }

  Moments<Sum> run_moments(const T* x, std::size_t n) const {
    Moments<Sum> part;
    part.count = static_cast<std::int64_t>(n);
    if constexpr (kFloating) {
      if (skip_) part.count = kernels::count_numbers(x, n);
      const bool skip = part.count != static_cast<std::int64_t>(n);
      part.sum.sum = skip ? kernels::float_sum<true>(x, n) : kernels::float_sum<false>(x, n);
      if (moments_.has_squares()) {
        part.squares = skip ? kernels::squares_about<true>(mean_of(part), x, n)
                            : kernels::squares_about<false>(mean_of(part), x, n);
      }
    } else {
      part.sum.sum = kernels::integer_sum(x, n);
      if (moments_.has_squares()) part.squares = kernels::squares_about<false>(mean_of(part), x, n);
    }
    return part;
  }

  // ---- Rows of elements of many outputs ----

  struct Rows {
    const T* x;
    std::int64_t stride;  // elements from one row to the next
    std::int64_t rows;
    std::size_t width;
    std::size_t output;
    std::int64_t place;
  };

  void add_tiles(const std::vector<BlockGroup>& groups, const T* x) {
    const std::int64_t width = groups.back().extent;
    const bool has_rows = groups.size() > 1;  // else each output has one element
    const std::int64_t rows = has_rows ? groups[groups.size() - 2].extent : 1;
    for_each_point(groups, groups.size() - (has_rows ? 2 : 1), [&](const BlockPoint& at) {
      for (std::int64_t j = 0; j < width; j += kTile) {
        add_tile({x + at.data + j, width, rows, size(std::min(kTile, width - j)),
                  size(at.output + j), at.place});
      }
    });
  }

  void add_tile(const Rows& tile) {
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      const T* const row = tile.x + r * tile.stride;
      if (min_.wanted()) min_.take_row(tile.output, row, tile.width, tile.place + r);
      if (max_.wanted()) max_.take_row(tile.output, row, tile.width, tile.place + r);
    }
    if (!moments_.wanted()) return;
    if (moments_.has_squares()) return add_tile_moments(tile);
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      moments_.add_row(tile.output, tile.x + r * tile.stride, tile.width);
    }
  }

  // In two passes: the mean of each output first. They are merged like those of other blocks.
  void add_tile_moments(const Rows& tile) {
    MomentTable<T>& part = tile_;
    part.clear(tile.width);
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      part.add_row(0, tile.x + r * tile.stride, tile.width);
    }
    std::array<double, kTile> means;
    for (std::size_t j = 0; j < tile.width; ++j) {
      means[j] = part.near_sum(j) / static_cast<double>(skip_ ? part.count(j) : tile.rows);
    }
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      part.add_squares(means.data(), tile.x + r * tile.stride);
    }
    moments_.merge(tile.output, part, tile.place, tile.rows);
  }

  static double mean_of(const Moments<Sum>& part) {
    return part.sum.value() / static_cast<double>(part.count);
  }

  std::optional<std::size_t> find_bin(T value) const {
    return binned_.empty() ? std::nullopt : options_.bins->find(static_cast<double>(value));
  }

  // ---- Results ----

  std::int64_t count(std::size_t o) const {
    return moments_.has_counts() ? moments_.count(o) : elements_;
  }

  T or_nan(std::size_t o, T value) const {
    if constexpr (kFloating) {
      if (count(o) == 0) return std::numeric_limits<T>::quiet_NaN();
    }
    return value;
  }

  double mean(std::size_t o) const {
    return moments_.sum(o).value() / static_cast<double>(count(o));
  }

  // numpy's: no divisor below 0, and without NaN none of 0 either.
  double variance(std::size_t o) const {
    const double divisor = static_cast<double>(count(o)) - options_.ddof;
    if (divisor <= 0 && skip_) return std::numeric_limits<double>::quiet_NaN();
    return moments_.squares(o) / std::max(divisor, 0.0);
  }

  template <typename Item, typename Get>
  void put_all(MutableBytes out, const Get& get) const {
    for (std::size_t o = 0; o < outputs_; ++o) {
      const Item item = get(o);
      std::memcpy(out.data() + o * sizeof(Item), &item, sizeof(Item));
    }
  }

  void put_sums(MutableBytes out) const {
    if constexpr (kFloating) {
      put_all<double>(out, [this](std::size_t o) { return moments_.sum(o).value(); });
    } else {
      put_all<__int128>(out, [this](std::size_t o) { return moments_.sum(o).sum; });
    }
  }

  void put_places(Statistic statistic, std::span<const std::int64_t> places,
                  MutableBytes out) const {
    put_all<std::int64_t>(out, [&](std::size_t o) {
      if (places[o] >= 0) return places[o];
      fail(ErrorCode::invalid_argument,
           std::string(statistic_name(statistic)) + ": there are only NaN, so that none is the " +
               (statistic == Statistic::argmin ? "least" : "greatest"));
    });
  }

  const StatisticsOptions& options_;
  bool skip_;
  std::int64_t most_elements_;  // of each output, when all blocks are merged
  std::size_t outputs_ = 0;
  std::int64_t elements_ = 0;  // of each output so far, NaN included
  Extreme<T, true> min_;
  Extreme<T, false> max_;
  MomentTable<T> moments_;
  MomentTable<T> tile_;               // of one tile, while its squares are made
  std::vector<std::int64_t> binned_;  // empty: no histogram
};

}  // namespace zarrloom
