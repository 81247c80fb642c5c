#include "bind.h"
#include "gil.h"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  module.doc() = "The compiled half of zarrloom. Use the zarrloom package.";
  using namespace zarrloom::bindings;
  find_main_thread();
  bind_errors(module);
  bind_runtime(module);
  bind_extensions(module);
  bind_stores(module);
  bind_remote_stores(module);
  bind_notifier(module);
  bind_array(module);
  bind_group(module);
  bind_hierarchy(module);
  bind_reduce(module);
  bind_writing(module);
}
