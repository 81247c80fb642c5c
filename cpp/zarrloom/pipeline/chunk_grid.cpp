#include "zarrloom/pipeline/chunk_grid.h"

#include <algorithm>
#include <limits>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

// The last run that begins at or before a chunk, or an element.
const ChunkRun& last_before(const ChunkRuns& runs, std::int64_t ChunkRun::* begin,
                            std::int64_t at) {
  const auto after = std::upper_bound(
      runs.begin(), runs.end(), at,
      [begin](std::int64_t value, const ChunkRun& run) { return value < run.*begin; });
  return *(after == runs.begin() ? after : std::prev(after));
}

bool same_runs(const ChunkRuns* a, const ChunkRuns* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return std::equal(
      a->begin(), a->end(), b->begin(), b->end(),
      [](const ChunkRun& x, const ChunkRun& y) { return x.size == y.size && x.count == y.count; });
}

}  // namespace

std::int64_t ChunkAxis::find_chunk(std::int64_t position) const {
  const ChunkRun& run = last_before(*runs_, &ChunkRun::origin, position);
  return run.chunk + (position - run.origin) / run.size;
}

std::int64_t ChunkAxis::find_origin(std::int64_t chunk) const {
  const ChunkRun& run = run_of(chunk);
  return run.origin + (chunk - run.chunk) * run.size;
}

const ChunkRun& ChunkAxis::run_of(std::int64_t chunk) const {
  return last_before(*runs_, &ChunkRun::chunk, chunk);
}

void add_chunks(ChunkRuns& runs, std::int64_t size, std::int64_t count) {
  if (size < 1 || count < 1) {
    fail(ErrorCode::invalid_argument, "chunks of size " + std::to_string(size) + ", " +
                                          std::to_string(count) +
                                          " of them: both must be 1 at least");
  }
  constexpr auto most = static_cast<__int128>(std::numeric_limits<std::int64_t>::max());
  const std::int64_t origin = runs.empty() ? 0 : runs.back().end();
  if (static_cast<__int128>(size) * count > most - origin) {
    fail(ErrorCode::invalid_argument, "the sizes of chunks add up to more than 64-bit numbers go");
  }
  if (!runs.empty() && runs.back().size == size) {
    runs.back().count += count;
  } else {
    const std::int64_t chunk = runs.empty() ? 0 : runs.back().chunk + runs.back().count;
    runs.push_back({chunk, origin, size, count});
  }
}

ChunkGrid::ChunkGrid(const Dims& sizes, std::vector<std::optional<ChunkRuns>> runs)
    : largest_(sizes) {
  bool any = false;
  for (std::size_t d = 0; d < largest_.size(); ++d) {
    if (!runs[d]) continue;
    any = true;
    largest_[d] =
        std::max_element(runs[d]->begin(), runs[d]->end(),
                         [](const ChunkRun& a, const ChunkRun& b) { return a.size < b.size; })
            ->size;
  }
  if (any) runs_ = std::make_shared<const Axes>(std::move(runs));
}

Dims ChunkGrid::shape_of(const Dims& chunk) const {
  Dims shape = largest_;
  if (is_regular()) return shape;
  for (std::size_t d = 0; d < shape.size(); ++d) shape[d] = (*this)[d].size(chunk[d]);
  return shape;
}

Dims ChunkGrid::origin_of(const Dims& chunk) const {
  Dims origin = chunk;
  for (std::size_t d = 0; d < origin.size(); ++d) origin[d] = (*this)[d].origin(chunk[d]);
  return origin;
}

std::vector<std::int64_t> ChunkGrid::distinct_sizes(std::size_t d) const {
  const ChunkRuns* runs = runs_of(d);
  if (runs == nullptr) return {largest_[d]};
  std::vector<std::int64_t> sizes;
  for (const ChunkRun& run : *runs) sizes.push_back(run.size);
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

ChunkGrid ChunkGrid::grown_to(const Dims& shape, const Dims& unit) const {
  if (is_regular()) return *this;
  Axes axes = *runs_;
  for (std::size_t d = 0; d < axes.size(); ++d) {
    if (!axes[d] || axes[d]->back().end() >= shape[d]) continue;
    const std::int64_t missing = shape[d] - axes[d]->back().end();
    const std::int64_t units = (missing - 1) / unit[d] + 1;
    add_chunks(*axes[d], checked_product({units, unit[d]}, "a chunk"), 1);
  }
  return {largest_, std::move(axes)};
}

bool operator==(const ChunkGrid& a, const ChunkGrid& b) {
  if (!(a.largest_ == b.largest_)) return false;
  for (std::size_t d = 0; d < a.rank(); ++d) {
    if (!same_runs(a.runs_of(d), b.runs_of(d))) return false;
  }
  return true;
}

Dims grid_shape(const Dims& array_shape, const ChunkGrid& grid) {
  Dims counts;
  for (std::size_t d = 0; d < array_shape.size(); ++d)
    counts.push_back(grid[d].count(array_shape[d]));
  return counts;
}

}  // namespace zarrloom
