// Single chunks as they are stored.
#include "zarrloom/array/chunks.h"

#include <pybind11/stl.h>

#include "bind.h"
#include "bound_array.h"
#include "gil.h"

namespace zarrloom::bindings {
namespace {

bool exists(const BoundArray& bound, const py::object& chunk) {
  const Dims index = to_dims(chunk);
  return without_gil([&] { return chunk_exists(bound.array, index); });
}

void erase(const BoundArray& bound, const py::object& chunk) {
  const Dims index = to_dims(chunk);
  without_gil([&] { delete_chunk(bound.array, index); });
}

py::object read_raw(const BoundArray& bound, const py::object& chunk) {
  const Dims index = to_dims(chunk);
  const std::optional<Bytes> bytes =
      without_gil([&] { return read_raw_chunk(bound.array, index); });
  if (!bytes) return py::none();
  return py::bytes(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

void write_raw(const BoundArray& bound, const py::object& chunk, const py::bytes& encoded) {
  const Dims index = to_dims(chunk);
  const ByteView bytes = as_byte_view(std::string_view(encoded));
  without_gil([&] { write_raw_chunk(bound.array, index, bytes); });
}

// (objects, chunks, bytes)
py::tuple stored(const BoundArray& bound) {
  const Stored found = interruptible([&](InterruptCheck check) {
    return count_stored(bound.array, call_options(0, std::move(check)));
  });
  return py::make_tuple(found.objects, found.chunks, found.bytes);
}

void copy(const BoundArray& from, const BoundArray& to, const std::vector<std::int64_t>& objects,
          std::size_t parallel) {
  interruptible([&](InterruptCheck check) {
    copy_objects(from.array, to.array, objects, call_options(parallel, std::move(check)));
  });
}

}  // namespace

void bind_chunks(py::module_& module, py::class_<BoundArray>& array) {
  array.def("chunk_exists", &exists)
      .def("delete_chunk", &erase)
      .def("read_raw_chunk", &read_raw)
      .def("write_raw_chunk", &write_raw)
      .def("count_stored", &stored);
  array.def("objects", [](const BoundArray& bound) {
    return without_gil([&] { return objects_of(bound.array); });
  });
  module.def("copy_objects", &copy, py::arg("source"), py::arg("target"), py::arg("objects"),
             py::arg("parallel"));
  module.def("same_objects", [](const BoundArray& a, const BoundArray& b) {
    return same_objects(a.array, b.array);
  });
}

}  // namespace zarrloom::bindings
