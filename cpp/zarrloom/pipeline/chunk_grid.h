// How an array is cut into chunks: the one place that knows where a chunk begins and ends. In each
// dimension evenly (chunk grid "regular"), or at edges of its own ("rectilinear").
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <vector>

#include "zarrloom/base/dims.h"

namespace zarrloom {

// Neighbouring chunks of one size, along one dimension.
struct ChunkRun {
  std::int64_t chunk;   // index of the first
  std::int64_t origin;  // its first element
  std::int64_t size;    // of each
  std::int64_t count;

  std::int64_t end() const { return origin + size * count; }
};

// One or more, without gaps, no two neighbours of one size.
using ChunkRuns = std::vector<ChunkRun>;

// One dimension of a grid, borrowed from it. Positions and chunks must lie inside its edges.
class ChunkAxis {
 public:
  ChunkAxis(std::int64_t largest, const ChunkRuns* runs) : largest_(largest), runs_(runs) {}

  // The chunk that an element lies in.
  std::int64_t chunk_at(std::int64_t position) const {
    return runs_ == nullptr ? position / largest_ : find_chunk(position);
  }
  std::int64_t origin(std::int64_t chunk) const {
    return runs_ == nullptr ? chunk * largest_ : find_origin(chunk);
  }
  std::int64_t size(std::int64_t chunk) const {
    return runs_ == nullptr ? largest_ : run_of(chunk).size;
  }
  // Of the part of a chunk that lies inside the array.
  std::int64_t size_within(std::int64_t chunk, std::int64_t extent) const {
    return std::min(size(chunk), extent - origin(chunk));
  }
  // Chunks that an extent takes up.
  std::int64_t count(std::int64_t extent) const {
    return extent == 0 ? 0 : chunk_at(extent - 1) + 1;
  }

  std::int64_t largest() const { return largest_; }
  const ChunkRuns* runs() const { return runs_; }  // null: evenly, without an end

 private:
  std::int64_t find_chunk(std::int64_t position) const;
  std::int64_t find_origin(std::int64_t chunk) const;
  const ChunkRun& run_of(std::int64_t chunk) const;

  std::int64_t largest_;
  const ChunkRuns* runs_;
};

// Cheap to copy; immutable.
class ChunkGrid {
 public:
  ChunkGrid() = default;
  // A chunk shape is a grid: all chunks have it.
  ChunkGrid(const Dims& chunk_shape) : largest_(chunk_shape) {}  // NOLINT: implicit as meant
  ChunkGrid(std::initializer_list<std::int64_t> chunk_shape) : largest_(chunk_shape) {}
  // A size for each dimension that is cut evenly, runs for each that is not. Throws
  // invalid_argument if sizes are below 1 or add up to more than 2^63 - 1.
  ChunkGrid(const Dims& sizes, std::vector<std::optional<ChunkRuns>> runs);

  std::size_t rank() const { return largest_.size(); }
  ChunkAxis operator[](std::size_t d) const { return {largest_[d], runs_of(d)}; }

  // Whether every chunk has one shape. A rectilinear grid may be that, too.
  bool is_regular() const { return !runs_; }
  // The largest extent of a chunk in each dimension; the shape of all chunks of a regular grid.
  const Dims& largest() const { return largest_; }
  Dims shape_of(const Dims& chunk) const;   // whole, as it is encoded
  Dims origin_of(const Dims& chunk) const;  // its first element

  // Different sizes in a dimension; one for a dimension that is cut evenly.
  std::vector<std::int64_t> distinct_sizes(std::size_t d) const;

  // The same with a chunk more wherever the edges end before the shape does: as large as what is
  // missing, which is zarr-python's rule (the specification has none), up to a multiple of `unit`.
  ChunkGrid grown_to(const Dims& shape, const Dims& unit) const;

  friend bool operator==(const ChunkGrid& a, const ChunkGrid& b);

 private:
  using Axes = std::vector<std::optional<ChunkRuns>>;

  const ChunkRuns* runs_of(std::size_t d) const {
    return runs_ && (*runs_)[d] ? &*(*runs_)[d] : nullptr;
  }

  Dims largest_;
  std::shared_ptr<const Axes> runs_;  // null: no dimension has any
};

// Adds chunks to the end of runs. Throws invalid_argument as the grid does.
void add_chunks(ChunkRuns& runs, std::int64_t size, std::int64_t count);

// Chunks in each dimension that lie in the array; 0 where its extent is 0.
Dims grid_shape(const Dims& array_shape, const ChunkGrid& grid);

}  // namespace zarrloom
