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
    check_dtype(bound_, data);
    const Dims index = to_dims(chunk);
    const ConstArrayView view = to_const_view(data);
    interruptible([&](const InterruptCheck& check) { writer_->push(index, view, check); });
  }

  std::int64_t wait(std::int64_t seen) {
    return interruptible([&](const InterruptCheck& check) { return writer_->wait(seen, check); });
  }

  // ([index of a written one], [(error, data or None)])
  py::tuple finish() {
    WrittenChunks chunks =
        interruptible([&](const InterruptCheck& check) { return writer_->finish(check); });
    py::list written;
    for (const Dims& chunk : chunks.written) written.append(to_tuple(chunk));
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

}  // namespace

void bind_writing(py::module_& module) {
  py::class_<Writer>(module, "ChunkWriter")
      .def(py::init<const BoundArray&, std::size_t, bool>(), py::arg("array"), py::kw_only(),
           py::arg("parallel"), py::arg("keep_going"))
      .def("push", &Writer::push)
      .def("wait", &Writer::wait)
      .def("finish", &Writer::finish);
  module.def("write_many", &write_many, py::arg("array"), py::arg("parts"),
             py::arg("parallel") = 0);
}

}  // namespace zarrloom::bindings
