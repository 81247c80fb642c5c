#include "zarrloom/pipeline/index_selection.h"

#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/selection.h"

namespace zarrloom {
namespace {

[[noreturn]] void fail_outside(std::int64_t given, std::size_t dim, std::int64_t extent) {
  fail(ErrorCode::selection, "index " + std::to_string(given) + " is out of bounds for axis " +
                                 std::to_string(dim) + " with size " + std::to_string(extent));
}

void resolve_points(IndexAxis& axis, const Dims& shape) {
  const std::size_t k = axis.dims.size();
  if (k == 0 || axis.points.size() != static_cast<std::size_t>(axis.count) * k) {
    fail(ErrorCode::invalid_argument, "a list of points lacks coordinates");
  }
  for (std::size_t i = 0; i < k; ++i) {
    const std::int64_t extent = shape[axis.dims[i]];
    for (std::size_t at = i; at < axis.points.size(); at += k) {
      std::int64_t& position = axis.points[at];
      const std::int64_t given = position;
      if (given < 0) position += extent;
      if (position < 0 || position >= extent) fail_outside(given, axis.dims[i], extent);
    }
  }
}

void check_slice(const IndexAxis& axis, const Dims& shape) {
  if (axis.dims.size() != 1) fail(ErrorCode::invalid_argument, "a slice is of one dimension");
  check_selection({{axis.start}, {axis.step}, {axis.count}}, {shape[axis.dims[0]]});
}

}  // namespace

IndexAxis IndexAxis::slice(std::size_t dim, std::int64_t start, std::int64_t step,
                           std::int64_t count) {
  IndexAxis axis;
  axis.dims = {dim};
  axis.start = start;
  axis.step = step;
  axis.count = count;
  return axis;
}

IndexAxis IndexAxis::listed(std::vector<std::size_t> dims, std::vector<std::int64_t> points) {
  IndexAxis axis;
  axis.is_slice = false;
  axis.count = dims.empty() ? 0 : static_cast<std::int64_t>(points.size() / dims.size());
  axis.dims = std::move(dims);
  axis.points = std::move(points);
  return axis;
}

Dims IndexSelection::shape() const {
  Dims shape;
  for (const IndexAxis& axis : axes) shape.push_back(axis.count);
  return shape;
}

void resolve(IndexSelection& selection, const Dims& shape) {
  std::vector<int> uses(shape.size(), 0);
  for (const IndexAxis& axis : selection.axes) {
    for (const std::size_t dim : axis.dims) {
      if (dim >= shape.size() || ++uses[dim] > 1) {
        fail(ErrorCode::invalid_argument, "an axis selects from a dimension that is not its own");
      }
    }
  }
  for (const int used : uses) {
    if (used == 0) fail(ErrorCode::invalid_argument, "a dimension is selected by no axis");
  }
  for (IndexAxis& axis : selection.axes) {
    if (axis.is_slice) {
      check_slice(axis, shape);
    } else {
      resolve_points(axis, shape);
    }
  }
}

}  // namespace zarrloom
