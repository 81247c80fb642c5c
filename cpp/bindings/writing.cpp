// Writing of other kinds than one selection.
#include "bind.h"
#include "bound_array.h"
#include "gil.h"

namespace zarrloom::bindings {
namespace {

// `parts`: a sequence of (start, step, count, data).
void write_many(const BoundArray& bound, const py::sequence& parts, std::size_t parallel) {
  std::vector<WritePart> native;
  std::vector<py::array> kept;  // what the views look at
  for (const py::handle& item : parts) {
    const auto part = item.cast<py::tuple>();
    kept.push_back(part[3].cast<py::array>());
    check_dtype(bound, kept.back());
    native.push_back({selection_of(part[0], part[1], part[2]), to_const_view(kept.back())});
  }
  interruptible([&](InterruptCheck check) {
    bound.array.write_many(native, call_options(parallel, std::move(check)));
  });
}

}  // namespace

void bind_writing(py::module_& module) {
  module.def("write_many", &write_many, py::arg("array"), py::arg("parts"),
             py::arg("parallel") = 0);
}

}  // namespace zarrloom::bindings
