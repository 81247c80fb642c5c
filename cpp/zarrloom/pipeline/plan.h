// Which chunks a selection touches, and which part of each. Arithmetic only: a plan over a billion
// chunks costs nothing to make, task(i) is computed when asked.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "zarrloom/pipeline/chunk_grid.h"
#include "zarrloom/pipeline/selection.h"
#include "zarrloom/pipeline/slice_plan.h"

namespace zarrloom {

struct ChunkTask {
  Dims chunk;  // grid index
  Dims start;  // first element, counted from the chunk's origin
  Dims step;
  Dims count;
  Dims out_start;     // where that part lies in the selection's own array
  bool covers_chunk;  // every element of the chunk that is inside the array is selected
};

class Plan {
 public:
  // The selection must be valid for the shape.
  Plan(const Dims& array_shape, const ChunkGrid& grid, const Selection& selection);

  std::int64_t task_count() const { return task_count_; }
  const Dims& tasks() const { return tasks_; }  // touched chunks in each dimension
  ChunkTask task(std::int64_t i) const;         // C order over the touched chunks
  // The number of a chunk's task; nullopt if the selection does not touch it.
  std::optional<std::int64_t> find(const Dims& chunk) const;
  // The elements of the array that a task stands for.
  Selection place(const ChunkTask& task) const;

 private:
  SlicePlan along(std::size_t d) const;

  Dims array_shape_;
  ChunkGrid grid_;
  Selection selection_;
  Dims tasks_;
  std::vector<SliceStretches> stretches_;  // of each dimension; none where all are cut evenly
  std::int64_t task_count_ = 1;
};

// C-order numbering of the grid. Throws selection if outside.
Dims chunk_from_number(std::int64_t number, const Dims& grid);
std::int64_t chunk_number(const Dims& chunk, const Dims& grid);  // of a chunk inside it

// The task of a whole chunk, what of it lies outside the array included. It must be inside the
// grid.
ChunkTask whole_chunk(const Dims& chunk, const ChunkGrid& grid);

// At most n boxes of whole chunks, as even as whole chunks allow, that make up the array: cut along
// one axis. Throws invalid_argument.
std::vector<Selection> partition(const Dims& array_shape, const ChunkGrid& grid, std::int64_t n,
                                 std::int64_t axis);

// The part of the array that a chunk holds, clipped at the array's edge. Throws selection if the
// chunk is outside the grid.
Selection chunk_selection(const Dims& chunk, const Dims& array_shape, const ChunkGrid& grid);

}  // namespace zarrloom
