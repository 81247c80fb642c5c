// Leaving Python while C++ works, and coming back.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <utility>

#include "zarrloom/base/cancel.h"
#include "zarrloom/base/error.h"

namespace zarrloom::bindings {

namespace py = pybind11;

inline bool interpreter_is_ending() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

[[noreturn]] inline void wait_for_the_end() {
  for (;;) pause();
}

// Null: it was kept, for whoever holds it while the interpreter ends is the thread that ends it.
// That thread still drops streams and runs __del__; it would wait for itself when it came back.
inline PyThreadState* leave() { return interpreter_is_ending() ? nullptr : PyEval_SaveThread(); }

// Takes the thread state back. A daemon thread that comes back while the interpreter ends must not:
// Python before 3.14 would end it by unwinding, through frames of C++ that then drop references
// without the GIL. It waits for the process to end instead, also if the end begins while it waits
// for the GIL: the unwinding is caught and goes no further. `state` is what leave() gave.
inline void come_back(PyThreadState* state) {
  if (state == nullptr) return;
  if (interpreter_is_ending()) wait_for_the_end();
  try {
    PyEval_RestoreThread(state);
  } catch (...) {
    wait_for_the_end();
  }
}

// Runs `work` without the GIL (on a free-threaded build: detached). What it throws comes out with
// the GIL taken.
template <typename Work>
auto without_gil(Work&& work) {
  using Result = decltype(work());
  std::optional<Failure> failure;
  PyThreadState* const state = leave();
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

// The thread on which Python handles signals. In the child of a fork it is the one that forked.
inline std::atomic<unsigned long> main_thread{0};

// Called once, when the module is made: it imports, which must not happen under a lock of ours.
inline void find_main_thread() {
  main_thread =
      py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>();
  py::module_::import("os").attr("register_at_fork")(
      py::arg("after_in_child") =
          py::cpp_function([] { main_thread = PyThread_get_thread_ident(); }));
}

inline bool on_main_thread() { return PyThread_get_thread_ident() == main_thread; }

// Lets Ctrl-C end a long call: asked by the waiting thread itself, which takes the GIL for a
// moment. Empty on other threads, which get no signals. After it has said true a Python exception
// is set.
class SignalCheck {
 public:
  SignalCheck() : wanted_(on_main_thread() && !interpreter_is_ending()) {}

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

  // Call with the GIL taken, when the work is over: a signal's exception goes before its result and
  // before what it has thrown.
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
  const auto checked_work = [&] { return work(signals.check()); };
  try {
    if constexpr (std::is_void_v<decltype(checked_work())>) {
      without_gil(checked_work);
      signals.rethrow_if_raised();
    } else {
      auto result = without_gil(checked_work);
      signals.rethrow_if_raised();
      return result;
    }
  } catch (const Error&) {
    signals.rethrow_if_raised();
    throw;
  }
}

}  // namespace zarrloom::bindings
