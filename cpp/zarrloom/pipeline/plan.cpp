#include "zarrloom/pipeline/plan.h"

#include "zarrloom/base/error.h"

namespace zarrloom {

Plan::Plan(const Dims& array_shape, const ChunkGrid& grid, const Selection& selection)
    : array_shape_(array_shape), grid_(grid), selection_(selection) {
  const std::size_t rank = array_shape.size();
  for (std::size_t d = 0; !grid.is_regular() && d < rank; ++d) {
    const SliceOf slice{selection.start[d], selection.step[d], selection.count[d]};
    stretches_.push_back(stretches_of(slice, grid[d], array_shape[d]));
  }
  for (std::size_t d = 0; d < rank; ++d) tasks_.push_back(along(d).task_count());
  task_count_ = checked_product(tasks_, "number of chunks in the selection");
}

SlicePlan Plan::along(std::size_t d) const {
  return {{selection_.start[d], selection_.step[d], selection_.count[d]},
          grid_[d],
          array_shape_[d],
          stretches_.empty() ? nullptr : &stretches_[d]};
}

ChunkTask Plan::task(std::int64_t i) const {
  const std::size_t rank = tasks_.size();
  ChunkTask task;
  task.chunk = task.start = task.count = task.out_start = Dims::filled(rank, 0);
  task.step = selection_.step;
  task.covers_chunk = true;
  for (std::size_t d = rank; d-- > 0;) {
    const SlicePlan dim = along(d);
    const SlicePart slice = dim.part(i % tasks_[d]);
    i /= tasks_[d];
    const ChunkAxis axis = grid_[d];
    const std::int64_t origin = axis.origin(slice.chunk);
    task.chunk[d] = slice.chunk;
    task.start[d] = dim.start() + slice.first * dim.step() - origin;
    task.count[d] = slice.count;
    task.out_start[d] = slice.first;
    if (slice.count == 1) task.step[d] = 1;
    const std::int64_t extent = std::min(axis.size(slice.chunk), array_shape_[d] - origin);
    task.covers_chunk = task.covers_chunk && slice.count == extent;
  }
  return task;
}

std::optional<std::int64_t> Plan::find(const Dims& chunk) const {
  std::int64_t number = 0;
  for (std::size_t d = 0; d < tasks_.size(); ++d) {
    const auto i = along(d).find(chunk[d]);
    if (!i) return std::nullopt;
    number = number * tasks_[d] + *i;
  }
  return number;
}

Selection Plan::place(const ChunkTask& task) const {
  Selection place{task.start, task.step, task.count};
  for (std::size_t d = 0; d < tasks_.size(); ++d) place.start[d] += grid_[d].origin(task.chunk[d]);
  return place;
}

std::vector<Selection> partition(const Dims& array_shape, const ChunkGrid& grid, std::int64_t n,
                                 std::int64_t axis) {
  const auto rank = static_cast<std::int64_t>(array_shape.size());
  if (n < 1) fail(ErrorCode::invalid_argument, "an array is parted into at least one part");
  if (axis < 0 || axis >= rank) {
    fail(ErrorCode::invalid_argument, "there is no axis " + std::to_string(axis) +
                                          " in an array of " + std::to_string(rank) +
                                          " dimensions");
  }
  const auto d = static_cast<std::size_t>(axis);
  const std::int64_t extent = array_shape[d];
  const ChunkAxis along = grid[d];
  const std::int64_t chunks = along.count(extent);
  const std::int64_t parts = std::min(n, chunks);
  std::vector<Selection> boxes;
  for (std::int64_t i = 0; i < parts; ++i) {
    // The first chunks % parts of them have one more.
    const std::int64_t first = i * (chunks / parts) + std::min(i, chunks % parts);
    const std::int64_t size = chunks / parts + (i < chunks % parts ? 1 : 0);
    Selection box = Selection::all(array_shape);
    const std::int64_t last = first + size - 1;
    box.start[d] = along.origin(first);
    box.count[d] = along.origin(last) + along.size_within(last, extent) - box.start[d];
    boxes.push_back(box);
  }
  return boxes;
}

Dims chunk_from_number(std::int64_t number, const Dims& grid) {
  if (number < 0 || static_cast<unsigned __int128>(number) >= wide_product(grid)) {
    fail(ErrorCode::selection, "there is no chunk number " + std::to_string(number) +
                                   " in a grid of " + to_string(grid) + " chunks");
  }
  Dims chunk = Dims::filled(grid.size(), 0);
  for (std::size_t d = grid.size(); d-- > 0;) {
    chunk[d] = number % grid[d];
    number /= grid[d];
  }
  return chunk;
}

std::int64_t chunk_number(const Dims& chunk, const Dims& grid) {
  std::int64_t number = 0;
  for (std::size_t d = 0; d < grid.size(); ++d) number = number * grid[d] + chunk[d];
  return number;
}

ChunkTask whole_chunk(const Dims& chunk, const ChunkGrid& grid) {
  const Dims zeros = Dims::filled(chunk.size(), 0);
  return {chunk, zeros, Dims::filled(chunk.size(), 1), grid.shape_of(chunk), zeros, true};
}

Selection chunk_selection(const Dims& chunk, const Dims& array_shape, const ChunkGrid& grid) {
  const Dims counts = grid_shape(array_shape, grid);
  bool inside = chunk.size() == counts.size();
  for (std::size_t d = 0; inside && d < counts.size(); ++d) {
    inside = chunk[d] >= 0 && chunk[d] < counts[d];
  }
  if (!inside) {
    fail(ErrorCode::selection, "there is no chunk " + to_string(chunk) + " in a grid of " +
                                   to_string(counts) + " chunks");
  }
  Dims start, count;
  for (std::size_t d = 0; d < counts.size(); ++d) {
    start.push_back(grid[d].origin(chunk[d]));
    count.push_back(grid[d].size_within(chunk[d], array_shape[d]));
  }
  return Selection::box(start, count);
}

}  // namespace zarrloom
