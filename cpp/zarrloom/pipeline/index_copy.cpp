// Between the elements of a chunk and the memory of a selection by lists.
#include <algorithm>

#include "zarrloom/base/listed_copy.h"
#include "zarrloom/pipeline/index_plan.h"

namespace zarrloom {
namespace {

// Byte offsets of an axis's elements inside a chunk or a box of it, one after the other.
struct Offsets {
  const IndexAxis& axis;
  const Dims& origin;   // of the box in the chunk
  const Dims& strides;  // of the box
  bool steps_kept;      // the box holds a slice's own elements only

  std::int64_t inside(std::int64_t k) const {
    if (axis.is_slice) {
      const std::size_t d = axis.dims[0];
      return (steps_kept ? k : axis.start + k * axis.step - origin[d]) * strides[d];
    }
    std::int64_t offset = 0;
    const std::size_t dims = axis.dims.size();
    const std::int64_t* point = &axis.points[static_cast<std::size_t>(k) * dims];
    for (std::size_t i = 0; i < dims; ++i) {
      const std::size_t d = axis.dims[i];
      offset += (point[i] - origin[d]) * strides[d];
    }
    return offset;
  }

  std::int64_t place(std::int64_t k) const {
    return axis.is_slice ? axis.place + k * axis.place_step
                         : axis.places[static_cast<std::size_t>(k)];
  }
};

// From inside the chunk to the memory. Runs are put together where elements follow one another.
Moves moves_of(const Offsets& offsets, std::int64_t memory_stride, std::int64_t item_size,
               bool merge) {
  Moves moves;
  moves.reserve(static_cast<std::size_t>(offsets.axis.count));
  for (std::int64_t k = 0; k < offsets.axis.count; ++k) {
    const Move next{offsets.inside(k), offsets.place(k) * memory_stride, 1};
    if (merge && !moves.empty()) {
      Move& last = moves.back();
      const std::int64_t run = last.count * item_size;
      if (next.from == last.from + run && next.to == last.to + run) {
        ++last.count;
        continue;
      }
    }
    moves.push_back(next);
  }
  return moves;
}

std::vector<Moves> moves_of(const IndexTask& task, const Dims& origin, const Dims& strides,
                            bool steps_kept, const Dims& memory_strides, std::size_t item_size) {
  std::vector<Moves> axes;
  for (std::size_t a = 0; a < task.axes.size(); ++a) {
    const bool last = a + 1 == task.axes.size();
    axes.push_back(moves_of({task.axes[a], origin, strides, steps_kept}, memory_strides[a],
                            static_cast<std::int64_t>(item_size), last));
  }
  return axes;
}

void turn_round(std::vector<Moves>& axes) {
  for (Moves& moves : axes) {
    for (Move& move : moves) std::swap(move.from, move.to);
  }
}

}  // namespace

ChunkTask box_of(const IndexTask& task, std::size_t rank) {
  ChunkTask box;
  box.chunk = task.chunk;
  box.start = box.count = box.out_start = Dims::filled(rank, 0);
  box.step = Dims::filled(rank, 1);
  box.covers_chunk = task.covers_chunk;
  for (const IndexAxis& axis : task.axes) {
    if (axis.is_slice) {
      const std::size_t d = axis.dims[0];
      box.start[d] = axis.start;
      box.step[d] = axis.step;
      box.count[d] = axis.count;
      continue;
    }
    const std::size_t k = axis.dims.size();
    for (std::size_t i = 0; i < k; ++i) {
      std::int64_t low = axis.points[i], high = low;
      for (std::size_t p = i; p < axis.points.size(); p += k) {
        low = std::min(low, axis.points[p]);
        high = std::max(high, axis.points[p]);
      }
      box.start[axis.dims[i]] = low;
      box.count[axis.dims[i]] = high - low + 1;
    }
  }
  return box;
}

std::optional<ArrayView> place_of_box(const IndexTask& task, const ArrayView& out,
                                      std::size_t rank) {
  ArrayView box{out.data, Dims::filled(rank, 1), Dims::filled(rank, 0), out.item_size, out.arena};
  for (std::size_t a = 0; a < task.axes.size(); ++a) {
    const IndexAxis& axis = task.axes[a];
    if (!axis.is_slice && axis.count > 1) return std::nullopt;
    const std::int64_t place = axis.is_slice ? axis.place : axis.places.front();
    box.data += place * out.strides[a];
    if (!axis.is_slice) continue;
    box.shape[axis.dims[0]] = axis.count;
    box.strides[axis.dims[0]] = out.strides[a] * axis.place_step;
  }
  return box;
}

void gather(const IndexTask& task, const ChunkTask& box, const ConstArrayView& elements,
            const ArrayView& out) {
  const std::vector<Moves> axes =
      moves_of(task, box.start, elements.strides, true, out.strides, out.item_size);
  listed_copy(elements.data, out.data, axes, out.item_size);
}

void scatter(const IndexTask& task, const ConstArrayView& from, const ArrayView& chunk) {
  const Dims origin = Dims::filled(chunk.shape.size(), 0);
  std::vector<Moves> axes =
      moves_of(task, origin, chunk.strides, false, from.strides, chunk.item_size);
  turn_round(axes);
  listed_copy(from.data, chunk.data, axes, chunk.item_size);
}

}  // namespace zarrloom
