// The core's array as Python holds it, and how its calls' arguments are read.
#pragma once

#include <memory>

#include "convert.h"
#include "numpy_dtype.h"
#include "zarrloom/array/array.h"

namespace zarrloom::bindings {

// The core's array with what Python asks for at every read, made once.
struct BoundArray {
  Array array;
  py::dtype dtype;

  explicit BoundArray(Array a) : array(std::move(a)), dtype(numpy_dtype(array.dtype())) {}
};

// Elements may be moved only between equal memory: native order, same type.
inline void check_dtype(const BoundArray& bound, const py::array& memory) {
  if (memory.dtype().equal(bound.dtype)) return;
  throw py::type_error("an array of dtype " + py::str(bound.dtype).cast<std::string>() +
                       " in native byte order is needed, not " +
                       py::str(memory.dtype()).cast<std::string>());
}

// Throws ValueError if two elements lie at one place: two threads would write them at once.
void check_no_overlap(const ArrayView& out);

inline Selection selection_of(const py::object& start, const py::object& step,
                              const py::object& count) {
  return {to_dims(start), to_dims(step), to_dims(count)};
}

inline CallOptions call_options(std::size_t parallel, InterruptCheck check) {
  CallOptions options;
  options.parallel = parallel;
  options.interrupt = std::move(check);
  return options;
}

// What Python gives for a new array, as keyword arguments.
CreateOptions create_options(const py::kwargs& given);

// The path and format of a group whose consolidated metadata changes make untrue, or None.
std::shared_ptr<Consolidated> consolidated_at(const py::object& place);
py::object place_of(const std::shared_ptr<Consolidated>& consolidated);

// The parts of the class that have files of their own.
void bind_transfer(py::class_<BoundArray>& array);
void bind_operation(py::module_& module, py::class_<BoundArray>& array);
void bind_stream(py::module_& module, py::class_<BoundArray>& array);
void bind_chunks(py::module_& module, py::class_<BoundArray>& array);

}  // namespace zarrloom::bindings
