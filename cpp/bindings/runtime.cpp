// The limits of this process, and what it has done.
#include "zarrloom/exec/runtime.h"

#include <pybind11/stl.h>

#include "bind.h"
#include "gil.h"
#include "python_extensions.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/exec/machine.h"

namespace zarrloom::bindings {
namespace {

py::dict options_now() {
  const RuntimeOptions options = default_runtime()->options();
  py::dict dict, io;
  for (std::size_t kind = 1; kind < kIoKinds; ++kind) {
    io[py::str(std::string(kIoKindNames[kind]))] = options.io[kind];
  }
  dict["threads"] = options.threads;
  dict["io_concurrency"] = io;
  dict["memory_limit"] = options.memory_limit;
  dict["index_cache"] = options.index_cache;
  dict["coalesce_gap"] = options.coalescing.gap;
  dict["coalesce_maximum"] = options.coalescing.maximum;
  dict["inline"] = options.run_inline;
  return dict;
}

void configure(std::size_t threads, const py::dict& io_concurrency, std::size_t memory_limit,
               std::size_t index_cache, std::size_t gap, std::size_t maximum, bool run_inline) {
  RuntimeOptions options;
  if (index_cache != 0) options.index_cache = index_cache;
  if (gap != 0) options.coalescing.gap = gap;
  if (maximum != 0) options.coalescing.maximum = maximum;
  options.threads = threads;
  options.memory_limit = memory_limit;
  options.run_inline = run_inline;
  for (std::size_t kind = 1; kind < kIoKinds; ++kind) {
    const py::str name{std::string(kIoKindNames[kind])};
    if (io_concurrency.contains(name)) options.io[kind] = io_concurrency[name].cast<std::size_t>();
  }
  without_gil([&] {
    options.extensions = default_runtime()->options().extensions;
    default_runtime()->configure(options);
  });
}

// What of each limit is in use now.
py::dict in_use() {
  Runtime& runtime = *default_runtime();
  py::dict dict;
  dict["threads"] = runtime.limits().cpu().in_use();
  for (std::size_t kind = 1; kind < kIoKinds; ++kind) {
    dict[py::str(std::string(kIoKindNames[kind]))] =
        runtime.limits().io(static_cast<IoKind>(kind)).in_use();
  }
  dict["memory_limit"] = runtime.budget().in_use();
  dict["index_cache"] = runtime.cache().in_use();
  return dict;
}

double seconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

py::dict stats() {
  Runtime& runtime = *default_runtime();
  const Stats stats = runtime.recorder().stats();
  py::dict dict, failures;
  for (std::size_t i = 0; i < kStageNames.size(); ++i) {
    const Stats::OfStage& stage = stats.stages[i];
    py::dict entry;
    entry["count"] = stage.count;
    entry["seconds"] = seconds(stage.nanoseconds);
    entry["longest"] = seconds(stage.longest);
    entry["bytes"] = stage.bytes;
    dict[py::str(std::string(kStageNames[i]))] = entry;
  }
  for (std::size_t i = 0; i < kCountNames.size(); ++i) {
    dict[py::str(std::string(kCountNames[i]))] = stats.counts[i];
  }
  for (std::size_t i = 0; i < stats.failures.size(); ++i) {
    if (stats.failures[i] == 0) continue;
    failures[error_code_name(static_cast<ErrorCode>(i))] = stats.failures[i];
  }
  dict["failures"] = failures;
  dict["bytes_in_flight"] = runtime.budget().in_use();
  dict["highest_bytes_in_flight"] = runtime.budget().highest();
  return dict;
}

// Spans while it runs. Of the process that made it: a child of a fork has none.
class Trace {
 public:
  explicit Trace(std::size_t most) : trace_(default_runtime()->recorder().start_trace(most)) {}
  ~Trace() { stop(); }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  void stop() { default_runtime()->recorder().stop_trace(trace_); }
  std::uint64_t left_out() const { return trace_->left_out(); }

  // (stage, begin, end, bytes, thread, key), times in seconds of time.perf_counter().
  py::list spans() const {
    py::list list;
    for (const Span& span : trace_->spans()) {
      list.append(py::make_tuple(std::string(kStageNames[static_cast<std::size_t>(span.stage)]),
                                 seconds_of(span.begin), seconds_of(span.end), span.bytes,
                                 span.thread, span.key));
    }
    return list;
  }

 private:
  static double seconds_of(Recorder::Clock::time_point when) {
    return std::chrono::duration<double>(when.time_since_epoch()).count();
  }
  std::shared_ptr<Recorder::Trace> trace_;
};

// Times in nanoseconds of time.perf_counter_ns().
void record_function(std::int64_t begin, std::int64_t end, const std::string& key) {
  using Clock = Recorder::Clock;
  const auto at = [](std::int64_t t) { return Clock::time_point(std::chrono::nanoseconds(t)); };
  default_runtime()->recorder().add(Stage::function, at(begin), at(end), 0, key);
}

}  // namespace

void bind_runtime(py::module_& module) {
  default_runtime();  // now, while nobody forks: see ForkGuard
  RuntimeOptions options = default_runtime()->options();
  options.extensions = python_extensions();
  default_runtime()->configure(options);
  module.def("get_options", &options_now);
  module.def("set_options", &configure, py::kw_only(), py::arg("threads"),
             py::arg("io_concurrency"), py::arg("memory_limit"), py::arg("index_cache"),
             py::arg("coalesce_gap"), py::arg("coalesce_maximum"), py::arg("inline"));
  module.def("in_use", &in_use);
  module.def("bytes_in_flight", [] { return default_runtime()->budget().in_use(); });
  module.def("highest_bytes_in_flight", [] { return default_runtime()->budget().highest(); });
  module.def("usable_cpus", &usable_cpus);
  module.def("codec_names", &codec_names);
  module.def("stats", &stats);
  module.def("record_function", &record_function, py::arg("begin"), py::arg("end"), py::arg("key"));
  py::class_<Trace>(module, "Trace")
      .def(py::init<std::size_t>(), py::arg("most"))
      .def("stop", &Trace::stop)
      .def("spans", &Trace::spans)
      .def_property_readonly("left_out", &Trace::left_out);
}

}  // namespace zarrloom::bindings
