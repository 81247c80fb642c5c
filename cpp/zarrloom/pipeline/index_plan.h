// Which chunks a selection by lists touches, and what it wants of each: the lists are sorted into
// chunks once, each chunk's part is computed when asked.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "zarrloom/base/array_view.h"
#include "zarrloom/pipeline/index_selection.h"
#include "zarrloom/pipeline/plan.h"
#include "zarrloom/pipeline/slice_plan.h"

namespace zarrloom {

// What is wanted of one chunk: coordinates count from the chunk's origin, places are those of the
// selection's memory.
struct IndexTask {
  Dims chunk;
  std::vector<IndexAxis> axes;
  bool covers_chunk = false;  // every element of the chunk that is inside the array, surely
};

class IndexPlan {
 public:
  // The selection must be resolved for the shape.
  IndexPlan(const Dims& array_shape, const ChunkGrid& grid, const IndexSelection& selection);

  std::int64_t task_count() const { return task_count_; }
  IndexTask task(std::int64_t i) const;
  Dims chunk(std::int64_t i) const;  // of that task, without the rest of it
  // The number of a chunk's task; nullopt if the selection does not touch it.
  std::optional<std::int64_t> find(const Dims& chunk) const;

 private:
  // An axis by chunks.
  struct Axis {
    IndexAxis given;                   // without the points, once they are sorted
    std::vector<std::int64_t> ids;     // of the chunks that points lie in, ascending
    std::vector<std::size_t> firsts;   // where each chunk's points begin; one more at the end
    std::vector<std::int64_t> points;  // by chunk, in the given order within one
    std::vector<std::int64_t> places;
    SliceStretches stretches;  // of a slice, where its dimension is not cut evenly
  };

  Axis by_chunks(const IndexAxis& axis) const;
  SlicePlan slices(const Axis& axis) const;
  std::int64_t parts(const Axis& axis) const;
  std::int64_t id_of(const Axis& axis, const std::int64_t* position) const;
  void place_points(const Axis& axis, std::int64_t part, Dims& chunk) const;
  void take_slice(const Axis& axis, std::int64_t part, IndexTask& task) const;
  void take_points(const Axis& axis, std::int64_t part, IndexTask& task) const;
  bool covers(const IndexAxis& part, const Dims& chunk) const;

  const Dims array_shape_;
  const ChunkGrid grid_;
  const Dims counts_;  // chunks of the grid
  std::vector<Axis> axes_;
  std::int64_t task_count_ = 1;
};

// ---- Doing it ----

// The smallest box of the chunk that holds what is wanted; slices keep their steps.
ChunkTask box_of(const IndexTask& task, std::size_t rank);

// Where that box lies in the selection's memory, if it lies there as a box.
std::optional<ArrayView> place_of_box(const IndexTask& task, const ArrayView& out,
                                      std::size_t rank);

// Copies what is wanted out of the box of box_of.
void gather(const IndexTask& task, const ChunkTask& box, const ConstArrayView& elements,
            const ArrayView& out);
// Copies what is selected into the whole chunk. Of elements that are selected twice the later one
// stays.
void scatter(const IndexTask& task, const ConstArrayView& from, const ArrayView& chunk);

}  // namespace zarrloom
