// Writing of other kinds than one selection.
#include "bind.h"
#include "bound_array.h"
#include "elements.h"
#include "gil.h"
#include "index_axes.h"
#include "zarrloom/array/append.h"
#include "zarrloom/array/resize.h"

namespace zarrloom::bindings {
namespace {

// `parts`: a sequence of (start, step, count, data) or (axes, data).
void write_many(const BoundArray& bound, const py::sequence& parts, std::size_t parallel) {
  std::vector<WritePart> native;
  std::vector<Incoming> kept;  // what the views look at
  for (const py::handle& item : parts) {
    const auto part = item.cast<py::tuple>();
    kept.emplace_back(bound, part[part.size() - 1].cast<py::array>());
    native.push_back({to_any_selection(part), kept.back().view()});
  }
  interruptible([&](InterruptCheck check) {
    bound.array.write_many(std::move(native), call_options(parallel, std::move(check)));
  });
}

// Closing waits for what was pushed, which needs no GIL: other threads go on meanwhile.
class Writer {
 public:
  Writer(const BoundArray& bound, std::size_t parallel, bool keep_going)
      : bound_(bound),
        writer_(bound.array.chunk_writer({.parallel = parallel, .keep_going = keep_going})) {}
  ~Writer() {
    if (writer_) without_gil([this] { writer_.reset(); });
  }

  void push(const py::object& chunk, const py::array& data) {
    const Incoming incoming(bound_, data);
    const Dims index = to_dims(chunk);
    interruptible(
        [&](const InterruptCheck& check) { writer_->push(index, incoming.view(), check); });
  }

  std::int64_t wait(std::int64_t seen) {
    return interruptible([&](const InterruptCheck& check) { return writer_->wait(seen, check); });
  }

  // ([index of a written one], [(error, data or None)])
  py::tuple finish() {
    WrittenChunks chunks =
        interruptible([&](const InterruptCheck& check) { return writer_->finish(check); });
    py::list written;
    const Dims grid = bound_.array.object_grid();
    for (const std::int64_t n : chunks.written)
      written.append(to_tuple(chunk_from_number(n, grid)));
    py::list failed;
    for (FailedChunk& chunk : chunks.failed) {
      py::object error = exception_for(chunk.failure);
      failed.append(py::make_tuple(std::move(error), kept_data(std::move(chunk))));
    }
    return py::make_tuple(std::move(written), std::move(failed));
  }

 private:
  // An array that owns the memory and what it holds of the budget.
  py::object kept_data(FailedChunk&& chunk) const {
    if (chunk.data.empty()) return py::none();
    if (chunk.arena) {
      return from_items(bound_, c_view(chunk.data.view(), chunk.shape, sizeof(VarItem)));
    }
    const std::vector<py::ssize_t> shape(chunk.shape.begin(), chunk.shape.end());
    auto owner = std::make_unique<FailedChunk>(std::move(chunk));
    void* const data = owner->data.data();
    const py::capsule capsule(owner.release(),
                              [](void* p) { delete static_cast<FailedChunk*>(p); });
    return py::array(bound_.dtype, shape, data, capsule);
  }

  BoundArray bound_;
  std::unique_ptr<ChunkWriter> writer_;
};

class Appender {
 public:
  Appender(const BoundArray& bound, std::size_t axis)
      : bound_(bound),
        stream_(without_gil([&] { return std::make_unique<AppendStream>(bound.array, axis); })) {}
  ~Appender() {
    if (stream_) without_gil([this] { stream_.reset(); });
  }

  void append(const py::array& block) {
    const Incoming incoming(bound_, block);
    interruptible([&](const InterruptCheck& check) { stream_->append(incoming.view(), check); });
  }
  BoundArray flush() {
    return BoundArray(
        interruptible([&](const InterruptCheck& check) { return stream_->flush(check); }));
  }
  BoundArray close() {
    return BoundArray(
        interruptible([&](const InterruptCheck& check) { return stream_->close(check); }));
  }
  std::int64_t length() const { return stream_->length(); }

 private:
  BoundArray bound_;
  std::unique_ptr<AppendStream> stream_;
};

BoundArray resized(const BoundArray& bound, const py::object& shape) {
  const Dims dims = to_dims(shape);
  return BoundArray(interruptible([&](InterruptCheck check) {
    return resize(bound.array, dims, call_options(0, std::move(check)));
  }));
}

}  // namespace

void bind_writing(py::module_& module) {
  py::class_<Writer>(module, "ChunkWriter")
      .def(py::init<const BoundArray&, std::size_t, bool>(), py::arg("array"), py::kw_only(),
           py::arg("parallel"), py::arg("keep_going"))
      .def("push", &Writer::push)
      .def("wait", &Writer::wait)
      .def("finish", &Writer::finish);
  py::class_<Appender>(module, "AppendStream")
      .def(py::init<const BoundArray&, std::size_t>(), py::arg("array"), py::arg("axis"))
      .def("append", &Appender::append)
      .def("flush", &Appender::flush)
      .def("close", &Appender::close)
      .def_property_readonly("length", &Appender::length);
  module.def("resize", &resized, py::arg("array"), py::arg("shape"));
  module.def("write_many", &write_many, py::arg("array"), py::arg("parts"),
             py::arg("parallel") = 0);
}

}  // namespace zarrloom::bindings
