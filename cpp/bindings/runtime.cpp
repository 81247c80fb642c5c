// The limits of this process.
#include "zarrloom/exec/runtime.h"

#include <pybind11/stl.h>

#include "bind.h"
#include "gil.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/exec/machine.h"

namespace zarrloom::bindings {
namespace {

py::dict options_now() {
  const RuntimeOptions options = default_runtime()->options();
  py::dict dict;
  dict["threads"] = options.threads;
  dict["io_concurrency"] = options.io_concurrency;
  dict["memory_limit"] = options.memory_limit;
  return dict;
}

void configure(std::size_t threads, std::size_t io_concurrency, std::size_t memory_limit) {
  without_gil([&] {
    default_runtime()->configure(
        {.threads = threads, .io_concurrency = io_concurrency, .memory_limit = memory_limit});
  });
}

}  // namespace

void bind_runtime(py::module_& module) {
  default_runtime();  // now, while nobody forks: see ForkGuard
  module.def("get_options", &options_now);
  module.def("set_options", &configure, py::kw_only(), py::arg("threads"),
             py::arg("io_concurrency"), py::arg("memory_limit"));
  module.def("bytes_in_flight", [] { return default_runtime()->budget().in_use(); });
  module.def("highest_bytes_in_flight", [] { return default_runtime()->budget().highest(); });
  module.def("usable_cpus", &usable_cpus);
  module.def("codec_names", &codec_names);
}

}  // namespace zarrloom::bindings
