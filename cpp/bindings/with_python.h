// Python from threads of the core, for what cannot be had without it.
#pragma once

#include <string>
#include <utility>

#include "gil.h"
#include "zarrloom/base/error.h"

namespace zarrloom::bindings {

// Holds the GIL. Throws cancelled when the interpreter ends: nobody may come in any more.
class WithGil {
 public:
  WithGil() {
    if (interpreter_is_ending() && PyGILState_Check() == 0) {
      fail(ErrorCode::cancelled, "the Python interpreter is ending");
    }
    try {
      state_ = PyGILState_Ensure();
    } catch (...) {  // Python before 3.14 ends threads that come too late, see come_back
      wait_for_the_end();
    }
  }
  ~WithGil() { PyGILState_Release(state_); }
  WithGil(const WithGil&) = delete;
  WithGil& operator=(const WithGil&) = delete;

 private:
  PyGILState_STATE state_;
};

// What a Python exception says, as a failure of the core. Call with the GIL. Classes of zarrloom
// keep their code, a missing package is unsupported, all others get `code`.
Failure failure_of(const py::error_already_set& error, ErrorCode code);

// Runs `work` with the GIL; a Python exception becomes an Error. Python objects must neither go in
// nor come out but by reference.
template <typename Work>
auto with_python(ErrorCode code, const Work& work) {
  const WithGil gil;
  std::optional<Failure> failure;
  try {
    return work();
  } catch (const py::error_already_set& error) {
    failure = failure_of(error, code);
  } catch (const py::cast_error& error) {
    failure = Failure{code, error.what()};
  } catch (const std::exception&) {
    throw;
  } catch (...) {  // the interpreter ended while Python code had given the GIL away
    wait_for_the_end();
  }
  throw Error(std::move(*failure));
}

// Calls a method, whose errors are thrown. No object of C++ lies between the call and the catch: an
// unwinding that ends the thread must not drop references without the GIL.
inline py::object call_method(py::handle object, py::handle name, py::handle argument) {
  PyObject* result = nullptr;
  try {
    result = PyObject_CallMethodOneArg(object.ptr(), name.ptr(), argument.ptr());
  } catch (...) {
    wait_for_the_end();
  }
  if (result == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

// A Python object that may be dropped on any thread, and is kept for ever when Python is gone.
class PyHeld {
 public:
  explicit PyHeld(py::object object) : object_(object.release().ptr()) {}
  ~PyHeld() {
    if (interpreter_is_ending() && PyGILState_Check() == 0) return;
    try {
      const WithGil gil;
      Py_DECREF(object_);
    } catch (const Error&) {  // the interpreter has begun to end
    }
  }
  PyHeld(const PyHeld&) = delete;
  PyHeld& operator=(const PyHeld&) = delete;

  py::handle get() const { return object_; }  // needs the GIL

 private:
  PyObject* object_;
};

}  // namespace zarrloom::bindings
