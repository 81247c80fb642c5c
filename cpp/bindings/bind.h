// One function for each bound class; module.cpp calls them.
#pragma once

#include <pybind11/pybind11.h>

namespace zarrloom {
enum class ErrorCode;
struct Failure;
}  // namespace zarrloom

namespace zarrloom::bindings {

namespace py = pybind11;

// An instance of the class in zarrloom.errors, not raised. Needs the GIL.
py::object exception_for(const Failure& failure);
const char* error_code_name(ErrorCode code);

void bind_errors(pybind11::module_& module);
void bind_runtime(pybind11::module_& module);
void bind_extensions(pybind11::module_& module);
void bind_stores(pybind11::module_& module);
void bind_remote_stores(pybind11::module_& module);
void bind_notifier(pybind11::module_& module);
void bind_array(pybind11::module_& module);
void bind_group(pybind11::module_& module);
void bind_hierarchy(pybind11::module_& module);
void bind_reduce(pybind11::module_& module);
void bind_writing(pybind11::module_& module);

}  // namespace zarrloom::bindings
