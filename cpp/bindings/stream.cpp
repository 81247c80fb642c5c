#include "stream.h"

#include "bind.h"
#include "gil.h"

namespace zarrloom::bindings {

// Closing waits for running tasks, none of which needs the GIL: other threads go on meanwhile.
Stream::~Stream() {
  try {
    close();
  } catch (const Error&) {  // nobody is left to be told
  }
}

void Stream::close() {
  without_gil([this] { stream_->close(); });
}

py::object Stream::next() {
  auto item = interruptible([this](const InterruptCheck& check) { return stream_->next(check); });
  if (!item) return py::none();
  py::array data = to_numpy(std::move(item->data), item->shape, dtype_);
  return py::make_tuple(to_tuple(item->chunk), std::move(data));
}

void bind_stream(py::module_& module) {
  py::class_<Stream>(module, "Stream")
      .def("next", &Stream::next)
      .def("close", &Stream::close)
      .def_property_readonly("total", &Stream::total);
}

}  // namespace zarrloom::bindings
