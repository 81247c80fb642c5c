// Leaving Python while C++ works, and coming back.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "zarrloom/base/error.h"
#include "zarrloom/exec/cancel.h"

namespace zarrloom::bindings {

namespace py = pybind11;

inline bool interpreter_is_ending() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

// Takes the thread state back. A daemon thread that comes back while the interpreter ends must not:
// Python would end it by unwinding, through frames of C++ that do not allow it. It waits for the
// process to end instead.
inline void come_back(PyThreadState* state) {
  while (interpreter_is_ending()) pause();
  PyEval_RestoreThread(state);
}

// Runs `work` without the GIL (on a free-threaded build: detached). What it throws comes out with the
// GIL taken.
template <typename Work>
auto without_gil(Work&& work) {
  using Result = decltype(work());
  std::optional<Failure> failure;
  PyThreadState* const state = PyEval_SaveThread();
  if constexpr (std::is_void_v<Result>) {
    try {
      work();
    } catch (...) {
      failure = current_failure();
    }
    come_back(state);
    if (failure) throw Error(std::move(*failure));
  } else {
    std::optional<Result> result;
    try {
      result.emplace(work());
    } catch (...) {
      failure = current_failure();
    }
    come_back(state);
    if (failure) throw Error(std::move(*failure));
    return std::move(*result);
  }
}

// True on the thread on which Python handles signals.
inline bool on_main_thread() {
  static const auto main_thread = [] {
    return py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>();
  }();
  return PyThread_get_thread_ident() == main_thread;
}

// Lets Ctrl-C end a long call: asked by the waiting thread itself, which takes the GIL for a moment.
// Empty on other threads, which get no signals. After it has said true a Python exception is set.
class SignalCheck {
 public:
  SignalCheck() : wanted_(on_main_thread()) {}

  InterruptCheck check() {
    if (!wanted_) return {};
    return [this] {
      const PyGILState_STATE gil = PyGILState_Ensure();
      if (!raised_) raised_ = PyErr_CheckSignals() != 0;
      if (raised_ && !error_) error_.emplace();  // fetches the exception
      PyGILState_Release(gil);
      return raised_;
    };
  }

  // Call with the GIL taken, when the work has thrown: gives the signal's exception priority.
  void rethrow_if_raised() {
    if (!error_) return;
    py::error_already_set error = std::move(*error_);
    error_.reset();
    throw error;
  }

 private:
  bool wanted_;
  bool raised_ = false;
  std::optional<py::error_already_set> error_;
};

// One call of the core that Ctrl-C can end.
template <typename Work>
auto interruptible(Work&& work) {
  SignalCheck signals;
  try {
    return without_gil([&] { return work(signals.check()); });
  } catch (const Error&) {
    signals.rethrow_if_raised();
    throw;
  }
}

}  // namespace zarrloom::bindings
