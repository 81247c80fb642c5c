// Which bin of a histogram an element falls into.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace zarrloom {

// Bins between ascending edges, closed below and open above, the last one closed on both sides, as
// numpy has them. NaN and what lies outside has no bin.
class Bins {
 public:
  explicit Bins(std::vector<double> edges);  // throws invalid_argument unless ascending

  std::size_t size() const { return edges_.size() - 1; }
  std::optional<std::size_t> find(double value) const {
    if (!(value >= edges_.front() && value <= edges_.back())) return std::nullopt;
    return even_ ? find_even(value) : find_any(value);
  }

 private:
  std::size_t find_any(double value) const;

  // A guess that is right or next to it, and the edges decide.
  std::size_t find_even(double value) const {
    const std::size_t last = size() - 1;
    auto bin = static_cast<std::size_t>((value - edges_.front()) * scale_);
    if (bin > last) bin = last;
    while (bin > 0 && value < edges_[bin]) --bin;
    while (bin < last && value >= edges_[bin + 1]) ++bin;
    return bin;
  }

  std::vector<double> edges_;
  double scale_ = 0;   // bins per unit, if they are even
  bool even_ = false;  // of one width, but for rounding
};

}  // namespace zarrloom
