// The core's data types as numpy's.
#pragma once

#include "convert.h"

namespace zarrloom::bindings {

py::dtype numpy_dtype(const DataType& dtype);

}  // namespace zarrloom::bindings
