#include "zarrloom/base/histogram.h"

#include <algorithm>
#include <cmath>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

bool are_even(const std::vector<double>& edges) {
  const auto bins = static_cast<double>(edges.size() - 1);
  const double width = (edges.back() - edges.front()) / bins;
  if (!(width > 0) || !std::isfinite(width) || !std::isfinite(1 / width)) return false;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const double expected = edges.front() + static_cast<double>(i) * width;
    if (std::abs(edges[i] - expected) > width / 4) return false;
  }
  return true;
}

}  // namespace

Bins::Bins(std::vector<double> edges) : edges_(std::move(edges)) {
  const auto falls = [](double a, double b) { return !(a <= b); };
  if (edges_.size() < 2 ||
      std::adjacent_find(edges_.begin(), edges_.end(), falls) != edges_.end()) {
    fail(ErrorCode::invalid_argument,
         "the edges of a histogram are at least two ascending numbers, without NaN");
  }
  even_ = are_even(edges_);
  if (even_) scale_ = static_cast<double>(size()) / (edges_.back() - edges_.front());
}

std::size_t Bins::find_any(double value) const {
  const auto above = std::upper_bound(edges_.begin(), edges_.end(), value);
  const auto bin = static_cast<std::size_t>(above - edges_.begin()) - 1;
  return std::min(bin, size() - 1);
}

}  // namespace zarrloom
