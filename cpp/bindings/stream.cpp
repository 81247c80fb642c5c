// Chunk streams, whose items come out as numpy arrays.
#include <pybind11/stl.h>

#include "bind.h"
#include "bound_array.h"
#include "elements.h"
#include "gil.h"
#include "native_function.h"
#include "notifier.h"
#include "zarrloom/pipeline/chunk_stream.h"

namespace zarrloom::bindings {
namespace {

class Stream {
 public:
  Stream(std::unique_ptr<ChunkStream> stream, const BoundArray& bound, py::list buffers,
         bool numbers)
      : stream_(std::move(stream)),
        bound_(bound),
        buffers_(std::move(buffers)),
        numbers_(numbers) {}
  // Closing waits for running tasks, none of which needs the GIL: other threads go on meanwhile.
  ~Stream() {
    try {
      close();
    } catch (const Error&) {  // nobody is left to be told
    }
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // (index, data, buffer number or None), or None at the end. In place of data a number that the
  // function returned, or the exception of a chunk that failed.
  py::object next() {
    auto item = interruptible([this](const InterruptCheck& check) { return stream_->next(check); });
    if (!item) return py::none();
    return to_python(std::move(*item));
  }

  // The same without waiting: False if there is nothing yet, and the listener will be told.
  py::object poll() {
    ChunkItem item;
    const auto outcome = without_gil([&] { return stream_->poll(item); });
    if (outcome == ChunkStream::Poll::pending) return py::bool_(false);
    if (outcome == ChunkStream::Poll::end) return py::none();
    return to_python(std::move(item));
  }

  void listen(std::shared_ptr<Notifier> notifier, std::uint64_t token) {
    const auto source = std::make_shared<Notifier::Source>(token);
    without_gil([&] { stream_->set_listener([notifier, source] { notifier->tell(source); }); });
  }

  void give_back(std::size_t buffer) {
    without_gil([&] { stream_->give_back(buffer); });
  }
  void close() {
    without_gil([this] { stream_->close(); });
  }
  std::int64_t total() const { return stream_->total(); }
  py::tuple chunk(std::int64_t i) const { return to_tuple(stream_->chunk(i)); }
  py::tuple place(const py::object& chunk) const {
    const Selection box = stream_->place(to_dims(chunk));
    return py::make_tuple(to_tuple(box.start), to_tuple(box.step), to_tuple(box.count));
  }

 private:
  py::tuple to_python(ChunkItem item) const {
    py::object buffer = py::none();
    if (item.buffer) buffer = py::int_(*item.buffer);
    py::tuple index = to_tuple(item.chunk);
    if (item.failure) return py::make_tuple(std::move(index), exception_for(*item.failure), buffer);
    if (numbers_) return py::make_tuple(std::move(index), item.result, buffer);
    if (item.buffer) {
      return py::make_tuple(std::move(index), in_buffer(*item.buffer, item.shape), buffer);
    }
    if (item.arena) {
      const ConstArrayView items = c_view(item.data.view(), item.shape, sizeof(VarItem));
      return py::make_tuple(std::move(index), from_items(bound_, items), buffer);
    }
    return py::make_tuple(
        std::move(index),
        to_numpy(std::move(item.data), item.shape, bound_.dtype, std::move(item.lease)), buffer);
  }

  py::array in_buffer(std::size_t number, const Dims& shape) const {
    const py::object owner = buffers_[number];
    void* const data = py::reinterpret_borrow<py::array>(owner).mutable_data();
    return py::array(bound_.dtype, std::vector<py::ssize_t>(shape.begin(), shape.end()), data,
                     owner);
  }

  std::unique_ptr<ChunkStream> stream_;
  BoundArray bound_;
  py::list buffers_;  // the caller's arrays, kept as long as chunks may be decoded into them
  bool numbers_;      // items are what a function returned
};

// Indices of chunks or shards as numbers of their grid.
std::vector<std::int64_t> unit_numbers(const Array& array, Unit unit, const py::iterable& chunks) {
  const ChunkGrid& units = array.dataset()->grid_of(unit);
  const Dims grid = grid_shape(array.shape(), units);
  std::vector<std::int64_t> numbers;
  for (const py::handle& item : chunks) {
    const Dims chunk = to_dims(item);
    chunk_selection(chunk, array.shape(), units);  // checks
    numbers.push_back(chunk_number(chunk, grid));
  }
  return numbers;
}

std::vector<MutableBytes> buffer_memory(const BoundArray& bound, const py::list& buffers) {
  std::vector<MutableBytes> memory;
  for (const py::handle& item : buffers) {
    auto array = py::reinterpret_borrow<py::array>(item);
    check_dtype(bound, array);
    const ArrayView view = to_view(array);
    if (!is_c_contiguous(view)) throw py::value_error("a buffer must be C-contiguous");
    memory.push_back({view.data, view.byte_size()});
  }
  return memory;
}

template <typename Value>
Value take(const py::kwargs& given, const char* name, Value otherwise) {
  if (!given.contains(name) || given[name].is_none()) return otherwise;
  return given[name].cast<Value>();
}

// What Python gives for a stream, as keyword arguments.
std::unique_ptr<Stream> make_stream(const BoundArray& bound, const py::kwargs& given) {
  ChunkStreamOptions options;
  options.parallel = take<std::size_t>(given, "parallel", 0);
  options.ordered = take(given, "ordered", true);
  if (take(given, "by_shard", false)) options.unit = Unit::object;
  options.skip_missing = take(given, "skip_missing", false);
  options.keep_going = take(given, "keep_going", false);
  options.count_taken = take(given, "count_taken", false);
  options.prefetch = take(given, "prefetch", std::optional<std::size_t>());
  options.timeout = std::chrono::nanoseconds(take<std::int64_t>(given, "timeout_ns", 0));
  const auto chunks = take(given, "chunks", std::optional<py::iterable>());
  if (chunks) options.chunks = unit_numbers(bound.array, options.unit, *chunks);
  const auto selection = take(given, "selection", std::optional<py::tuple>());
  if (selection)
    options.selection = selection_of((*selection)[0], (*selection)[1], (*selection)[2]);
  const auto buffers = take(given, "buffers", py::list());
  options.buffers = buffer_memory(bound, buffers);
  const auto function = take(given, "function", std::optional<py::tuple>());
  NativeFunction native;
  if (function && bound.array.dtype().is_variable()) {
    fail(ErrorCode::unsupported, "elements of type " + bound.array.dtype().numpy_name() +
                                     " are Python objects, which machine code does not take");
  }
  if (function) {
    native = {.address = (*function)[0].cast<std::uintptr_t>(),
              .returns_double = (*function)[1].cast<bool>(),
              .user = (*function)[2].cast<std::uintptr_t>()};
    options.each = each_calling(native);
  }
  // Making it may list the store.
  auto stream = without_gil([&] { return bound.array.stream(options); });
  return std::make_unique<Stream>(std::move(stream), bound, buffers, native.returns_double);
}

}  // namespace

void bind_stream(py::module_& module, py::class_<BoundArray>& array) {
  py::class_<Stream>(module, "Stream")
      .def("next", &Stream::next)
      .def("poll", &Stream::poll)
      .def("listen", &Stream::listen, py::arg("notifier"), py::arg("token"))
      .def("give_back", &Stream::give_back, py::arg("buffer"))
      .def("close", &Stream::close)
      .def("chunk", &Stream::chunk, py::arg("i"))
      .def("place", &Stream::place, py::arg("chunk"))
      .def_property_readonly("total", &Stream::total);
  array.def("stream", &make_stream);
}

}  // namespace zarrloom::bindings
