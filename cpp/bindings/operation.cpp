// Reads and writes that an event loop waits for: no thread waits with it.
#include <condition_variable>
#include <mutex>

#include "bind.h"
#include "bound_array.h"
#include "elements.h"
#include "gil.h"
#include "index_axes.h"
#include "notifier.h"

namespace zarrloom::bindings {
namespace {

// One read or write on its way, which keeps the memory that it works on. Dropping it gives it up
// and waits until nothing touches that memory any more.
class Operation {
 public:
  // One of `read` and `written` is there.
  Operation(std::shared_ptr<Notifier> notifier, std::uint64_t token, std::optional<Outgoing> read,
            std::optional<Incoming> written)
      : read_(std::move(read)), written_(std::move(written)), state_(std::make_shared<State>()) {
    state_->notifier = std::move(notifier);
    state_->source = std::make_shared<Notifier::Source>(token);
  }
  ~Operation() {
    cancel_.cancel();
    without_gil([this] {
      std::unique_lock lock(state_->mutex);
      state_->ended.wait(lock, [this] { return state_->done || !state_->begun; });
    });
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  CallOptions options(std::size_t parallel) const {
    CallOptions options;
    options.parallel = parallel;
    options.cancel = cancel_;
    return options;
  }

  // What the core calls at the end. To be made only for a call that is then made.
  TransferDone completion() {
    state_->begun = true;
    return [state = state_](std::optional<Failure> failure) {
      {
        const std::lock_guard lock(state->mutex);
        state->failure = std::move(failure);
        state->done = true;
        state->ended.notify_all();
      }
      state->notifier->tell(state->source);
    };
  }
  void not_begun() { state_->begun = false; }

  void cancel() { cancel_.cancel(); }
  bool done() const {
    const std::lock_guard lock(state_->mutex);
    return state_->done;
  }
  void result() {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->failure) throw Error(*state_->failure);
    }
    if (read_) read_->finish();
  }
  const ArrayView& out() const { return read_->view(); }
  const ConstArrayView& from() const { return written_->view(); }

 private:
  struct State {
    std::shared_ptr<Notifier> notifier;
    std::shared_ptr<Notifier::Source> source;
    std::mutex mutex;
    std::condition_variable ended;
    bool begun = false;              // only the thread that starts it uses this
    bool done = false;               // guarded by mutex
    std::optional<Failure> failure;  // guarded by mutex
  };
  std::optional<Outgoing> read_;
  std::optional<Incoming> written_;
  const CancelToken cancel_ = CancelToken::make();
  std::shared_ptr<State> state_;
};

template <typename Start>
std::unique_ptr<Operation> begin(std::unique_ptr<Operation> operation, Start&& start) {
  try {
    without_gil([&] { start(operation->completion()); });
  } catch (...) {
    operation->not_begun();
    throw;
  }
  return operation;
}

std::unique_ptr<Operation> reading(const BoundArray& bound, py::array out,
                                   std::shared_ptr<Notifier> notifier, std::uint64_t token) {
  return std::make_unique<Operation>(std::move(notifier), token, Outgoing(bound, std::move(out)),
                                     std::nullopt);
}

std::unique_ptr<Operation> writing(const BoundArray& bound, py::array from,
                                   std::shared_ptr<Notifier> notifier, std::uint64_t token) {
  return std::make_unique<Operation>(std::move(notifier), token, std::nullopt,
                                     Incoming(bound, std::move(from)));
}

std::unique_ptr<Operation> start_read(const BoundArray& bound, const py::object& start,
                                      const py::object& step, const py::object& count,
                                      py::array out, std::size_t parallel,
                                      std::shared_ptr<Notifier> notifier, std::uint64_t token) {
  const Selection selection = selection_of(start, step, count);
  auto operation = reading(bound, std::move(out), std::move(notifier), token);
  const ArrayView view = operation->out();
  const CallOptions options = operation->options(parallel);
  return begin(std::move(operation), [&](TransferDone done) {
    bound.array.start_read(selection, view, options, std::move(done));
  });
}

std::unique_ptr<Operation> start_write(const BoundArray& bound, const py::object& start,
                                       const py::object& step, const py::object& count,
                                       py::array from, std::size_t parallel,
                                       std::shared_ptr<Notifier> notifier, std::uint64_t token) {
  const Selection selection = selection_of(start, step, count);
  auto operation = writing(bound, std::move(from), std::move(notifier), token);
  const ConstArrayView view = operation->from();
  const CallOptions options = operation->options(parallel);
  return begin(std::move(operation), [&](TransferDone done) {
    bound.array.start_write(selection, view, options, std::move(done));
  });
}

std::unique_ptr<Operation> start_read_indexed(const BoundArray& bound, const py::sequence& axes,
                                              py::array out, std::size_t parallel,
                                              std::shared_ptr<Notifier> notifier,
                                              std::uint64_t token) {
  IndexSelection selection = to_index_selection(axes);
  auto operation = reading(bound, std::move(out), std::move(notifier), token);
  const ArrayView view = operation->out();
  const CallOptions options = operation->options(parallel);
  return begin(std::move(operation), [&](TransferDone done) {
    bound.array.start_read_indexed(std::move(selection), view, options, std::move(done));
  });
}

std::unique_ptr<Operation> start_write_indexed(const BoundArray& bound, const py::sequence& axes,
                                               py::array from, std::size_t parallel,
                                               std::shared_ptr<Notifier> notifier,
                                               std::uint64_t token) {
  IndexSelection selection = to_index_selection(axes);
  auto operation = writing(bound, std::move(from), std::move(notifier), token);
  const ConstArrayView view = operation->from();
  const CallOptions options = operation->options(parallel);
  return begin(std::move(operation), [&](TransferDone done) {
    bound.array.start_write_indexed(std::move(selection), view, options, std::move(done));
  });
}

}  // namespace

void bind_operation(py::module_& module, py::class_<BoundArray>& array) {
  py::class_<Operation>(module, "Operation")
      .def_property_readonly("done", &Operation::done)
      .def("cancel", &Operation::cancel, py::call_guard<py::gil_scoped_release>())
      .def("result", &Operation::result);
  array
      .def("start_read", &start_read, py::arg("start"), py::arg("step"), py::arg("count"),
           py::arg("out"), py::arg("parallel"), py::arg("notifier"), py::arg("token"))
      .def("start_write", &start_write, py::arg("start"), py::arg("step"), py::arg("count"),
           py::arg("data"), py::arg("parallel"), py::arg("notifier"), py::arg("token"))
      .def("start_read_indexed", &start_read_indexed, py::arg("axes"), py::arg("out"),
           py::arg("parallel"), py::arg("notifier"), py::arg("token"))
      .def("start_write_indexed", &start_write_indexed, py::arg("axes"), py::arg("data"),
           py::arg("parallel"), py::arg("notifier"), py::arg("token"));
}

}  // namespace zarrloom::bindings
