#include "zarrloom/pipeline/selection.h"

#include "zarrloom/base/error.h"

namespace zarrloom {

Selection Selection::all(const Dims& shape) {
  return {Dims::filled(shape.size(), 0), Dims::filled(shape.size(), 1), shape};
}

Selection Selection::box(const Dims& start, const Dims& count) {
  return {start, Dims::filled(start.size(), 1), count};
}

namespace {

// In 128 bits, since a step may be as large as a 64-bit number gets.
bool inside(std::int64_t start, std::int64_t step, std::int64_t count, std::int64_t extent) {
  if (count == 0) return true;
  if (start < 0 || start >= extent) return false;
  return static_cast<__int128>(start) + static_cast<__int128>(step) * (count - 1) < extent;
}

}  // namespace

void check_selection(const Selection& selection, const Dims& shape) {
  const std::size_t rank = shape.size();
  if (selection.start.size() != rank || selection.step.size() != rank ||
      selection.count.size() != rank) {
    fail(ErrorCode::selection, "a selection of rank " + std::to_string(selection.start.size()) +
                                   " does not fit an array of shape " + to_string(shape));
  }
  for (std::size_t d = 0; d < rank; ++d) {
    if (selection.step[d] < 1 || selection.count[d] < 0) {
      fail(ErrorCode::selection,
           "dimension " + std::to_string(d) + ": a step must be at least 1 and a count at least 0");
    }
    if (!inside(selection.start[d], selection.step[d], selection.count[d], shape[d])) {
      fail(ErrorCode::selection, "dimension " + std::to_string(d) + ": start " +
                                     std::to_string(selection.start[d]) + ", step " +
                                     std::to_string(selection.step[d]) + ", count " +
                                     std::to_string(selection.count[d]) +
                                     " is not inside an extent of " + std::to_string(shape[d]));
    }
  }
}

}  // namespace zarrloom
