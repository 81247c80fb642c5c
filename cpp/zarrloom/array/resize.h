// Changing an array's shape.
#pragma once

#include "zarrloom/array/array.h"

namespace zarrloom {

// Gives the array another shape and returns the handle that has it; `array` keeps its own. What
// lies outside the old or the new shape is gone: whole chunks are erased, the rest of an edge chunk
// is set to the fill value, so that elements that appear later are fill values also where somebody
// left something. Finds stored chunks by one listing where the store can list.
//
// Shrinking stores the shape first and growing stores it last: a crash in between leaves an array
// that has one of the two shapes and its right elements. Throws read_only, invalid_argument for
// another number of dimensions, conflict if the array has not the handle's shape any more or
// somebody changes it at the moment. Must not run beside writers of what is removed.
Array resize(const Array& array, const Dims& shape, const CallOptions& options = {});

}  // namespace zarrloom
