// Reading and writing selections, waited for.
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdlib>

#include "bind.h"
#include "bound_array.h"
#include "elements.h"
#include "gil.h"
#include "index_axes.h"

namespace zarrloom::bindings {

// Two elements at one place would be written by two threads at once.
void check_no_overlap(const ArrayView& out) {
  std::vector<std::pair<std::int64_t, std::int64_t>> loops;  // (stride, extent)
  for (std::size_t d = 0; d < out.shape.size(); ++d) {
    if (out.shape[d] == 0) return;
    if (out.shape[d] > 1) loops.emplace_back(std::abs(out.strides[d]), out.shape[d]);
  }
  std::sort(loops.begin(), loops.end());
  auto reach = static_cast<std::int64_t>(out.item_size);
  for (const auto& [stride, extent] : loops) {
    if (stride < reach) throw py::value_error("out overlaps itself: its elements share memory");
    reach = stride * (extent - 1) + reach;
  }
}

namespace {

void read(const BoundArray& bound, const py::object& start, const py::object& step,
          const py::object& count, py::array out, std::size_t parallel) {
  Outgoing outgoing(bound, std::move(out));
  const Selection selection = selection_of(start, step, count);
  interruptible([&](InterruptCheck check) {
    bound.array.read(selection, outgoing.view(), call_options(parallel, std::move(check)));
  });
  outgoing.finish();
}

// The part of each element that a field is: its memory must have the field's type.
std::optional<ItemPart> part_of(const BoundArray& bound, const py::array& from,
                                const std::optional<std::string>& field) {
  if (!field) return std::nullopt;
  const auto found = bound.dtype.attr("fields")[py::str(*field)].cast<py::tuple>();
  if (!from.dtype().equal(found[0])) throw py::type_error("memory of another type than the field");
  return ItemPart{found[1].cast<std::size_t>(), static_cast<std::size_t>(from.itemsize())};
}

void write(const BoundArray& bound, const py::object& start, const py::object& step,
           const py::object& count, const py::array& from, std::size_t parallel,
           const std::optional<std::string>& field) {
  const std::optional<ItemPart> part = part_of(bound, from, field);
  const Incoming incoming = part ? Incoming(from) : Incoming(bound, from);
  const Selection selection = selection_of(start, step, count);
  interruptible([&](InterruptCheck check) {
    bound.array.write(selection, incoming.view(), call_options(parallel, std::move(check)), part);
  });
}

// parts: (start, step, count, out) or (axes, out) for each read.
void read_many(const BoundArray& bound, const py::list& parts, std::size_t parallel) {
  std::vector<ReadPart> reads;
  std::vector<Outgoing> outgoing;
  const auto arena = std::make_shared<Arena>();
  for (const py::handle& item : parts) {
    const auto part = py::reinterpret_borrow<py::tuple>(item);
    outgoing.emplace_back(bound, py::reinterpret_borrow<py::array>(part[part.size() - 1]), arena);
    reads.push_back({to_any_selection(part), outgoing.back().view()});
  }
  interruptible([&](InterruptCheck check) {
    bound.array.read_many(std::move(reads), call_options(parallel, std::move(check)));
  });
  for (Outgoing& each : outgoing) each.finish();
}

void read_indexed(const BoundArray& bound, const py::sequence& axes, py::array out,
                  std::size_t parallel) {
  Outgoing outgoing(bound, std::move(out));
  IndexSelection selection = to_index_selection(axes);
  interruptible([&](InterruptCheck check) {
    bound.array.read_indexed(std::move(selection), outgoing.view(),
                             call_options(parallel, std::move(check)));
  });
  outgoing.finish();
}

void write_indexed(const BoundArray& bound, const py::sequence& axes, const py::array& from,
                   std::size_t parallel, const std::optional<std::string>& field) {
  const std::optional<ItemPart> part = part_of(bound, from, field);
  const Incoming incoming = part ? Incoming(from) : Incoming(bound, from);
  IndexSelection selection = to_index_selection(axes);
  interruptible([&](InterruptCheck check) {
    bound.array.write_indexed(std::move(selection), incoming.view(),
                              call_options(parallel, std::move(check)), part);
  });
}

// The elements that chunks with these numbers hold along a dimension, one chunk after the other.
py::array_t<std::int64_t> block_points(
    const BoundArray& bound, std::size_t dim,
    const py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>& blocks) {
  const std::int64_t extent = bound.array.shape()[dim];
  const ChunkAxis chunks = bound.array.dataset()->chunk_grid[dim];
  const std::int64_t count = chunks.count(extent);
  std::vector<std::int64_t> points;
  for (py::ssize_t i = 0; i < blocks.size(); ++i) {
    const std::int64_t given = blocks.data()[i];
    const std::int64_t block = given < 0 ? given + count : given;
    if (block < 0 || block >= count) {
      fail(ErrorCode::selection, "block " + std::to_string(given) + " is out of bounds for axis " +
                                     std::to_string(dim) + " with " + std::to_string(count) +
                                     " chunks");
    }
    const std::int64_t first = chunks.origin(block);
    const std::int64_t end = first + chunks.size_within(block, extent);
    for (std::int64_t at = first; at < end; ++at) points.push_back(at);
  }
  return py::array_t<std::int64_t>(static_cast<py::ssize_t>(points.size()), points.data());
}

}  // namespace

void bind_transfer(py::class_<BoundArray>& array) {
  array
      .def("read", &read, py::arg("start"), py::arg("step"), py::arg("count"), py::arg("out"),
           py::arg("parallel") = 0)
      .def("write", &write, py::arg("start"), py::arg("step"), py::arg("count"), py::arg("data"),
           py::arg("parallel") = 0, py::arg("field") = py::none())
      .def("read_indexed", &read_indexed, py::arg("axes"), py::arg("out"), py::arg("parallel") = 0)
      .def("write_indexed", &write_indexed, py::arg("axes"), py::arg("data"),
           py::arg("parallel") = 0, py::arg("field") = py::none())
      .def("block_points", &block_points, py::arg("dim"), py::arg("blocks"))
      .def("read_many", &read_many, py::arg("parts"), py::arg("parallel") = 0);
}

}  // namespace zarrloom::bindings
