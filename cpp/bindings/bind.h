// One function for each bound class; module.cpp calls them.
#pragma once

#include <pybind11/pybind11.h>

namespace zarrloom::bindings {

void bind_errors(pybind11::module_& module);
void bind_runtime(pybind11::module_& module);
void bind_stores(pybind11::module_& module);
void bind_stream(pybind11::module_& module);
void bind_array(pybind11::module_& module);
void bind_reduce(pybind11::module_& module);
void bind_writing(pybind11::module_& module);

}  // namespace zarrloom::bindings
