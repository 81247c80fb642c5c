// Copies and conversions of whole hierarchies.
#include <pybind11/stl.h>

#include "bind.h"
#include "bound_array.h"
#include "gil.h"
#include "zarrloom/array/convert.h"
#include "zarrloom/array/tree_copy.h"

namespace zarrloom::bindings {
namespace {

std::unique_ptr<TreeCopy> start_copy(const Group& from, const std::string& source, const Group& to,
                                     const std::string& target, bool overwrite) {
  return without_gil(
      [&] { return std::make_unique<TreeCopy>(from, source, to, target, overwrite); });
}

void convert(const std::shared_ptr<Store>& store, const std::string& path, int zarr_format) {
  interruptible([&](const InterruptCheck& check) {
    convert_in_place(default_runtime(), store, path, zarr_format, check);
  });
}

BoundArray converted(const BoundArray& source, std::shared_ptr<Store> store,
                     const std::string& path, int zarr_format) {
  return BoundArray(without_gil(
      [&] { return create_converted(source.array, std::move(store), path, zarr_format); }));
}

}  // namespace

void bind_hierarchy(py::module_& module) {
  py::class_<TreeCopy>(module, "TreeCopy")
      .def(py::init(&start_copy), py::arg("source"), py::arg("path"), py::arg("target"),
           py::arg("target_path"), py::arg("overwrite"))
      .def_property_readonly("total", &TreeCopy::total)
      .def("step", [](TreeCopy& copy, std::size_t most) {
        return interruptible([&](const InterruptCheck& check) { return copy.step(most, check); });
      });
  module.def("convert_in_place", &convert, py::arg("store"), py::arg("path"),
             py::arg("zarr_format"));
  module.def("create_converted", &converted, py::arg("source"), py::arg("store"), py::arg("path"),
             py::arg("zarr_format"));
}

}  // namespace zarrloom::bindings
