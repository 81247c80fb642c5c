// Statistics of an array, as numpy arrays in the core's own types; zarrloom/reduction.py makes
// numpy's of them.
#include "zarrloom/pipeline/reduce.h"

#include <pybind11/stl.h>

#include "bind.h"
#include "bound_array.h"
#include "gil.h"

namespace zarrloom::bindings {
namespace {

// The type of one number of a result.
std::string number_type(Statistic statistic, const DataType& dtype) {
  switch (statistic) {
    case Statistic::min:
    case Statistic::max:
      return dtype.kind == Kind::floating && dtype.item_size == 2 ? "float32" : dtype.numpy_name();
    case Statistic::sum:
      return dtype.kind == Kind::floating || dtype.kind == Kind::complex ? "float64" : "uint64";
    case Statistic::mean:
    case Statistic::variance:
      return "float64";
    default:
      return "int64";
  }
}

// A dimension for each kept one, and one more where a result is several numbers.
py::array result_array(Bytes&& bytes, Statistic statistic, const ReduceRequest& request,
                       const DataType& dtype) {
  const py::dtype number(number_type(statistic, dtype));
  Dims shape;
  for (std::size_t d = 0; d < request.reduced.size(); ++d) {
    if (request.reduced[d] == 0) shape.push_back(request.selection.count[d]);
  }
  const std::size_t numbers = statistic_size(statistic, request.statistics, dtype) /
                              static_cast<std::size_t>(number.itemsize());
  if (numbers > 1 || statistic == Statistic::histogram) {
    shape.push_back(static_cast<std::int64_t>(numbers));
  }
  return to_numpy(std::move(bytes), shape, number);
}

StatisticsOptions statistics_options(const std::vector<std::string>& stats, bool skipna,
                                     double ddof, std::optional<std::vector<double>> edges) {
  StatisticsOptions options;
  for (const std::string& name : stats) options.wanted.push_back(statistic_from_name(name));
  options.skipna = skipna;
  options.ddof = ddof;
  if (edges) options.bins = std::make_shared<const Bins>(std::move(*edges));
  return options;
}

py::dict reduce(const BoundArray& bound, const py::object& start, const py::object& step,
                const py::object& count, const py::object& reversed, const py::object& reduced,
                const std::vector<std::string>& stats, bool skipna, double ddof,
                std::optional<std::vector<double>> edges, std::size_t parallel) {
  const ReduceRequest request{selection_of(start, step, count), to_dims(reversed), to_dims(reduced),
                              statistics_options(stats, skipna, ddof, std::move(edges))};
  std::vector<Bytes> results = interruptible([&](InterruptCheck check) {
    return bound.array.reduce(request, call_options(parallel, std::move(check)));
  });
  py::dict named;
  for (std::size_t s = 0; s < stats.size(); ++s) {
    named[py::str(stats[s])] = result_array(std::move(results[s]), request.statistics.wanted[s],
                                            request, bound.array.dtype());
  }
  return named;
}

}  // namespace

void bind_reduce(py::module_& module) {
  module.def("reduce", &reduce, py::arg("array"), py::arg("start"), py::arg("step"),
             py::arg("count"), py::kw_only(), py::arg("reversed"), py::arg("reduced"),
             py::arg("stats"), py::arg("skipna"), py::arg("ddof"), py::arg("edges"),
             py::arg("parallel"));
}

}  // namespace zarrloom::bindings
