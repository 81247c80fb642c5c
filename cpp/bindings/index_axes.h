// Selections by lists, as Python gives them.
#pragma once

#include "convert.h"
#include "zarrloom/pipeline/transfer.h"

namespace zarrloom::bindings {

// Each axis is (dims, start, step, count) for a slice, whose step may be below 0, or (dims, points)
// with points an int64 array of shape (count, len(dims)).
inline IndexAxis to_index_axis(const py::tuple& given) {
  std::vector<std::size_t> dims;
  for (const std::int64_t dim : to_dims(given[0])) dims.push_back(static_cast<std::size_t>(dim));
  if (given.size() == 2) {
    using Points = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;
    const auto points = given[1].cast<Points>();
    return IndexAxis::listed(std::move(dims), {points.data(), points.data() + points.size()});
  }
  const auto start = given[1].cast<std::int64_t>(), step = given[2].cast<std::int64_t>();
  const auto count = given[3].cast<std::int64_t>();
  if (step > 0 || count == 0) {
    return IndexAxis::slice(dims.at(0), count == 0 ? 0 : start, count == 0 ? 1 : step, count);
  }
  // Descending: from its end, into memory from its end.
  IndexAxis axis = IndexAxis::slice(dims.at(0), start + (count - 1) * step, -step, count);
  axis.place = count - 1;
  axis.place_step = -1;
  return axis;
}

inline IndexSelection to_index_selection(const py::sequence& axes) {
  IndexSelection selection;
  for (const py::handle& axis : axes) {
    selection.axes.push_back(to_index_axis(axis.cast<py::tuple>()));
  }
  return selection;
}

// One of many selections, whose last item is its memory: (axes, memory), or (start, step, count,
// memory) of slices.
inline AnySelection to_any_selection(const py::tuple& part) {
  if (part.size() == 2) return to_index_selection(part[0].cast<py::sequence>());
  return selection_of(part[0], part[1], part[2]);
}

}  // namespace zarrloom::bindings
