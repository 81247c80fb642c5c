#include "zarrloom/pipeline/plan.h"

#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/slice_plan.h"

namespace zarrloom {
namespace {

SlicePlan slice_plan(const Selection& s, const Dims& array_shape, const Dims& chunk_shape,
                     std::size_t d) {
  return {s.start[d], s.step[d], s.count[d], chunk_shape[d], array_shape[d]};
}

}  // namespace

Plan::Plan(const Dims& array_shape, const Dims& chunk_shape, const Selection& selection)
    : array_shape_(array_shape), chunk_shape_(chunk_shape), selection_(selection) {
  for (std::size_t d = 0; d < array_shape.size(); ++d) {
    tasks_.push_back(slice_plan(selection, array_shape, chunk_shape, d).task_count());
  }
  task_count_ = checked_product(tasks_, "number of chunks in the selection");
}

ChunkTask Plan::task(std::int64_t i) const {
  const std::size_t rank = tasks_.size();
  ChunkTask task;
  task.chunk = task.start = task.count = task.out_start = Dims::filled(rank, 0);
  task.step = selection_.step;
  task.covers_chunk = true;
  for (std::size_t d = rank; d-- > 0;) {
    const SlicePlan dim = slice_plan(selection_, array_shape_, chunk_shape_, d);
    const SlicePlan::Part slice = dim.part(i % tasks_[d]);
    i /= tasks_[d];
    const std::int64_t origin = slice.chunk * chunk_shape_[d];
    task.chunk[d] = slice.chunk;
    task.start[d] = dim.start + slice.first * dim.step - origin;
    task.count[d] = slice.count;
    task.out_start[d] = slice.first;
    if (slice.count == 1) task.step[d] = 1;
    const std::int64_t extent = std::min(chunk_shape_[d], array_shape_[d] - origin);
    task.covers_chunk = task.covers_chunk && slice.count == extent;
  }
  return task;
}

std::optional<std::int64_t> Plan::find(const Dims& chunk) const {
  std::int64_t number = 0;
  for (std::size_t d = 0; d < tasks_.size(); ++d) {
    const auto i = slice_plan(selection_, array_shape_, chunk_shape_, d).find(chunk[d]);
    if (!i) return std::nullopt;
    number = number * tasks_[d] + *i;
  }
  return number;
}

Selection Plan::place(const ChunkTask& task) const {
  Selection place{task.start, task.step, task.count};
  for (std::size_t d = 0; d < tasks_.size(); ++d) place.start[d] += task.chunk[d] * chunk_shape_[d];
  return place;
}

std::vector<Selection> partition(const Dims& array_shape, const Dims& chunk_shape, std::int64_t n,
                                 std::int64_t axis) {
  const auto rank = static_cast<std::int64_t>(array_shape.size());
  if (n < 1) fail(ErrorCode::invalid_argument, "an array is parted into at least one part");
  if (axis < 0 || axis >= rank) {
    fail(ErrorCode::invalid_argument, "there is no axis " + std::to_string(axis) +
                                          " in an array of " + std::to_string(rank) +
                                          " dimensions");
  }
  const auto d = static_cast<std::size_t>(axis);
  const std::int64_t chunks = grid_shape(array_shape, chunk_shape)[d];
  const std::int64_t parts = std::min(n, chunks);
  std::vector<Selection> boxes;
  for (std::int64_t i = 0; i < parts; ++i) {
    // The first chunks % parts of them have one more.
    const std::int64_t first = i * (chunks / parts) + std::min(i, chunks % parts);
    const std::int64_t size = chunks / parts + (i < chunks % parts ? 1 : 0);
    Selection box = Selection::all(array_shape);
    box.start[d] = first * chunk_shape[d];
    box.count[d] = std::min(size * chunk_shape[d], array_shape[d] - box.start[d]);
    boxes.push_back(box);
  }
  return boxes;
}

Dims grid_shape(const Dims& array_shape, const Dims& chunk_shape) {
  Dims grid;
  for (std::size_t d = 0; d < array_shape.size(); ++d) {
    grid.push_back(array_shape[d] == 0 ? 0 : (array_shape[d] - 1) / chunk_shape[d] + 1);
  }
  return grid;
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

ChunkTask whole_chunk(const Dims& chunk, const Dims& chunk_shape) {
  const Dims zeros = Dims::filled(chunk.size(), 0);
  return {chunk, zeros, Dims::filled(chunk.size(), 1), chunk_shape, zeros, true};
}

Selection chunk_selection(const Dims& chunk, const Dims& array_shape, const Dims& chunk_shape) {
  const Dims grid = grid_shape(array_shape, chunk_shape);
  bool inside = chunk.size() == grid.size();
  for (std::size_t d = 0; inside && d < grid.size(); ++d) {
    inside = chunk[d] >= 0 && chunk[d] < grid[d];
  }
  if (!inside) {
    fail(ErrorCode::selection,
         "there is no chunk " + to_string(chunk) + " in a grid of " + to_string(grid) + " chunks");
  }
  Dims start, count;
  for (std::size_t d = 0; d < grid.size(); ++d) {
    start.push_back(chunk[d] * chunk_shape[d]);
    count.push_back(std::min(chunk_shape[d], array_shape[d] - start[d]));
  }
  return Selection::box(start, count);
}

}  // namespace zarrloom
