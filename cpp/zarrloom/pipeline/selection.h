// A box of elements with steps.
#pragma once

#include "zarrloom/base/dims.h"

namespace zarrloom {

// In dimension d the elements start[d] + k * step[d] for k in [0, count[d]). Steps are at least 1:
// a descending numpy slice is read ascending into a view with negative strides.
struct Selection {
  Dims start;
  Dims step;
  Dims count;

  static Selection all(const Dims& shape);
  static Selection box(const Dims& start, const Dims& count);
};

// Throws Error{selection} if the rank differs, a step is below 1 or an element is outside the
// shape.
void check_selection(const Selection& selection, const Dims& shape);

}  // namespace zarrloom
