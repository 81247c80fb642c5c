// Python's tuples and numpy's arrays as the core's dims and views.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "zarrloom/base/array_view.h"
#include "zarrloom/base/dtype.h"
#include "zarrloom/base/error.h"
#include "zarrloom/exec/byte_budget.h"

namespace zarrloom::bindings {

namespace py = pybind11;

// A tuple (or any sequence) of integers.
inline Dims to_dims(const py::handle& sequence) {
  Dims dims;
  const auto fast = py::reinterpret_steal<py::object>(
      PySequence_Fast(sequence.ptr(), "a sequence of integers is expected"));
  if (!fast) throw py::error_already_set();
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(fast.ptr());
  for (Py_ssize_t i = 0; i < size; ++i) {
    const long long value = PyLong_AsLongLong(PySequence_Fast_GET_ITEM(fast.ptr(), i));
    if (value == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
    dims.push_back(value);
  }
  return dims;
}

inline py::tuple to_tuple(const Dims& dims) {
  py::tuple tuple(dims.size());
  for (std::size_t d = 0; d < dims.size(); ++d) tuple[d] = dims[d];
  return tuple;
}

template <typename Byte>
BasicArrayView<Byte> view_with(Byte* data, const py::array& array) {
  BasicArrayView<Byte> view;
  view.data = data;
  view.item_size = static_cast<std::size_t>(array.itemsize());
  for (py::ssize_t d = 0; d < array.ndim(); ++d) {
    view.shape.push_back(array.shape(d));
    view.strides.push_back(array.strides(d));
  }
  return view;
}

// Throws ValueError (from numpy) if the array is read-only.
inline ArrayView to_view(py::array& array) {
  return view_with(static_cast<std::byte*>(array.mutable_data()), array);
}
inline ConstArrayView to_const_view(const py::array& array) {
  return view_with(static_cast<const std::byte*>(array.data()), array);
}

// A numpy array over memory of ours, which it then owns. Nothing is copied.
// With the bytes goes their lease, if they have one.
inline py::array to_numpy(Bytes&& bytes, const Dims& shape, const py::dtype& dtype,
                          ByteBudget::Lease lease = {}) {
  struct Owned {
    ByteBudget::Lease lease;  // ends after the bytes
    Bytes bytes;
  };
  auto owner = std::make_unique<Owned>(Owned{std::move(lease), std::move(bytes)});
  void* const data = owner->bytes.data();
  const py::capsule capsule(owner.release(), [](void* p) { delete static_cast<Owned*>(p); });
  return py::array(dtype, std::vector<py::ssize_t>(shape.begin(), shape.end()), data, capsule);
}

}  // namespace zarrloom::bindings
