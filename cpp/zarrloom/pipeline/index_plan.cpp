#include "zarrloom/pipeline/index_plan.h"

#include <algorithm>
#include <numeric>

namespace zarrloom {
namespace {

// Sorts the numbers 0, 1, ... by ids, which are in [0, limit), keeping the order of equal ones.
std::vector<std::size_t> sorted_by(const std::vector<std::int64_t>& ids, std::int64_t limit) {
  std::vector<std::size_t> order(ids.size());
  const auto n = static_cast<std::int64_t>(ids.size());
  if (std::is_sorted(ids.begin(), ids.end()) || limit / 4 > n) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return ids[a] < ids[b]; });
    return order;
  }
  // Few chunks for many points: by counting them.
  std::vector<std::size_t> next(static_cast<std::size_t>(limit) + 1, 0);
  for (const std::int64_t id : ids) ++next[static_cast<std::size_t>(id) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  for (std::size_t i = 0; i < ids.size(); ++i) order[next[static_cast<std::size_t>(ids[i])]++] = i;
  return order;
}

// Points in one dimension that follow one another evenly, in memory too, are a slice.
bool is_even(const std::int64_t* values, std::size_t count) {
  const std::int64_t step = values[1] - values[0];
  if (step == 0) return false;
  for (std::size_t i = 2; i < count; ++i) {
    if (values[i] - values[i - 1] != step) return false;
  }
  return true;
}

bool as_slice(IndexAxis& axis) {
  const std::size_t count = axis.points.size();
  if (axis.dims.size() != 1) return false;
  std::int64_t step = 1, place_step = 1;
  if (count > 1) {
    if (!is_even(axis.points.data(), count) || !is_even(axis.places.data(), count)) return false;
    step = axis.points[1] - axis.points[0];
    place_step = axis.places[1] - axis.places[0];
  }
  const bool descending = step < 0;
  axis.is_slice = true;
  axis.start = descending ? axis.points.back() : axis.points.front();
  axis.step = descending ? -step : step;
  axis.place = descending ? axis.places.back() : axis.places.front();
  axis.place_step = descending ? -place_step : place_step;
  axis.points.clear();
  axis.places.clear();
  return true;
}

}  // namespace

IndexPlan::IndexPlan(const Dims& array_shape, const ChunkGrid& grid,
                     const IndexSelection& selection)
    : array_shape_(array_shape), grid_(grid), counts_(grid_shape(array_shape, grid)) {
  Dims counts;
  for (const IndexAxis& axis : selection.axes) {
    axes_.push_back(by_chunks(axis));
    counts.push_back(parts(axes_.back()));
  }
  task_count_ = checked_product(counts, "number of chunks in the selection");
}

// The number of the chunk of a point, in a grid of the axis's dimensions alone.
std::int64_t IndexPlan::id_of(const Axis& axis, const std::int64_t* position) const {
  std::int64_t id = 0;
  for (std::size_t i = 0; i < axis.given.dims.size(); ++i) {
    const std::size_t d = axis.given.dims[i];
    id = id * counts_[d] + grid_[d].chunk_at(position[i]);
  }
  return id;
}

IndexPlan::Axis IndexPlan::by_chunks(const IndexAxis& given) const {
  Axis axis{given, {}, {}, {}, {}, {}};
  if (given.is_slice) {
    const std::size_t d = given.dims[0];
    axis.stretches =
        stretches_of({given.start, given.step, given.count}, grid_[d], array_shape_[d]);
    return axis;
  }
  const std::size_t k = given.dims.size();
  const auto count = static_cast<std::size_t>(given.count);
  Dims grid;
  for (const std::size_t d : given.dims) grid.push_back(counts_[d]);
  // Numbers that wrapped around would put two chunks into one.
  const std::int64_t limit = checked_product(grid, "number of chunks that points may lie in");
  std::vector<std::int64_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = id_of(axis, &given.points[i * k]);
  const std::vector<std::size_t> order = sorted_by(ids, limit);
  axis.points.reserve(count * k);
  axis.places.reserve(count);
  for (const std::size_t i : order) {
    if (axis.ids.empty() || axis.ids.back() != ids[i]) {
      axis.ids.push_back(ids[i]);
      axis.firsts.push_back(axis.places.size());
    }
    const auto point = given.points.begin() + static_cast<std::ptrdiff_t>(i * k);
    axis.points.insert(axis.points.end(), point, point + static_cast<std::ptrdiff_t>(k));
    axis.places.push_back(given.places.empty() ? static_cast<std::int64_t>(i) : given.places[i]);
  }
  axis.firsts.push_back(axis.places.size());
  axis.given.points.clear();
  axis.given.places.clear();
  return axis;
}

SlicePlan IndexPlan::slices(const Axis& axis) const {
  const std::size_t d = axis.given.dims[0];
  return {{axis.given.start, axis.given.step, axis.given.count},
          grid_[d],
          array_shape_[d],
          &axis.stretches};
}

std::int64_t IndexPlan::parts(const Axis& axis) const {
  return axis.given.is_slice ? slices(axis).task_count()
                             : static_cast<std::int64_t>(axis.ids.size());
}

IndexTask IndexPlan::task(std::int64_t i) const {
  IndexTask task;
  task.chunk = Dims::filled(array_shape_.size(), 0);
  task.axes.resize(axes_.size());
  task.covers_chunk = true;
  for (std::size_t a = axes_.size(); a-- > 0;) {
    const std::int64_t count = parts(axes_[a]);
    task.axes[a].dims = axes_[a].given.dims;
    if (axes_[a].given.is_slice) {
      take_slice(axes_[a], i % count, task);
    } else {
      take_points(axes_[a], i % count, task);
    }
    task.covers_chunk = task.covers_chunk && covers(task.axes[a], task.chunk);
    i /= count;
  }
  return task;
}

void IndexPlan::take_slice(const Axis& axis, std::int64_t part, IndexTask& task) const {
  const SlicePlan plan = slices(axis);
  const SlicePart slice = plan.part(part);
  const std::size_t d = axis.given.dims[0];
  IndexAxis& taken = task.axes[static_cast<std::size_t>(&axis - axes_.data())];
  task.chunk[d] = slice.chunk;
  taken.count = slice.count;
  taken.start = plan.start() + slice.first * plan.step() - grid_[d].origin(slice.chunk);
  taken.step = slice.count == 1 ? 1 : plan.step();
  taken.place = axis.given.place + slice.first * axis.given.place_step;
  taken.place_step = axis.given.place_step;
}

void IndexPlan::take_points(const Axis& axis, std::int64_t part, IndexTask& task) const {
  IndexAxis& taken = task.axes[static_cast<std::size_t>(&axis - axes_.data())];
  const auto at = static_cast<std::size_t>(part);
  const std::size_t k = taken.dims.size();
  place_points(axis, part, task.chunk);
  const std::size_t first = axis.firsts[at], end = axis.firsts[at + 1];
  const auto whole = [](const std::vector<std::int64_t>& list, std::size_t from, std::size_t to) {
    return std::vector<std::int64_t>(list.begin() + static_cast<std::ptrdiff_t>(from),
                                     list.begin() + static_cast<std::ptrdiff_t>(to));
  };
  taken.is_slice = false;
  taken.count = static_cast<std::int64_t>(end - first);
  taken.points = whole(axis.points, first * k, end * k);
  taken.places = whole(axis.places, first, end);
  for (std::size_t i = 0; i < k; ++i) {
    const std::int64_t origin = grid_[taken.dims[i]].origin(task.chunk[taken.dims[i]]);
    for (std::size_t p = i; p < taken.points.size(); p += k) taken.points[p] -= origin;
  }
  as_slice(taken);
}

void IndexPlan::place_points(const Axis& axis, std::int64_t part, Dims& chunk) const {
  std::int64_t id = axis.ids[static_cast<std::size_t>(part)];
  for (std::size_t i = axis.given.dims.size(); i-- > 0;) {
    const std::size_t d = axis.given.dims[i];
    chunk[d] = id % counts_[d];
    id /= counts_[d];
  }
}

Dims IndexPlan::chunk(std::int64_t i) const {
  Dims chunk = Dims::filled(array_shape_.size(), 0);
  for (std::size_t a = axes_.size(); a-- > 0;) {
    const std::int64_t count = parts(axes_[a]);
    if (axes_[a].given.is_slice) {
      chunk[axes_[a].given.dims[0]] = slices(axes_[a]).part(i % count).chunk;
    } else {
      place_points(axes_[a], i % count, chunk);
    }
    i /= count;
  }
  return chunk;
}

// Whether an axis alone would select all of the chunk along its dimensions.
bool IndexPlan::covers(const IndexAxis& part, const Dims& chunk) const {
  if (part.dims.size() != 1) return false;
  const std::size_t d = part.dims[0];
  const std::int64_t extent = grid_[d].size_within(chunk[d], array_shape_[d]);
  if (part.count < extent) return false;
  if (part.is_slice) return true;
  std::vector<bool> seen(static_cast<std::size_t>(extent), false);
  for (const std::int64_t point : part.points) seen[static_cast<std::size_t>(point)] = true;
  return std::find(seen.begin(), seen.end(), false) == seen.end();
}

std::optional<std::int64_t> IndexPlan::find(const Dims& chunk) const {
  std::int64_t number = 0;
  for (const Axis& axis : axes_) {
    std::int64_t part = 0;
    if (axis.given.is_slice) {
      const auto found = slices(axis).find(chunk[axis.given.dims[0]]);
      if (!found) return std::nullopt;
      part = *found;
    } else {
      std::int64_t id = 0;
      for (const std::size_t d : axis.given.dims) {
        if (chunk[d] >= counts_[d]) return std::nullopt;  // of a shard at the array's edge
        id = id * counts_[d] + chunk[d];
      }
      const auto found = std::lower_bound(axis.ids.begin(), axis.ids.end(), id);
      if (found == axis.ids.end() || *found != id) return std::nullopt;
      part = found - axis.ids.begin();
    }
    number = number * parts(axis) + part;
  }
  return number;
}

}  // namespace zarrloom
