// One dimension of a plan: which chunks a slice touches, and which of its elements lie in each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "zarrloom/pipeline/chunk_grid.h"

namespace zarrloom {

// A slice of one dimension, as selections have it.
struct SliceOf {
  std::int64_t start;
  std::int64_t step;
  std::int64_t count;
};

// The slice's elements that lie in one chunk.
struct SlicePart {
  std::int64_t chunk;
  std::int64_t first;  // number of the first of them in the slice
  std::int64_t count;
};

// Where chunks have one size.
struct EvenSlicePlan {
  std::int64_t start;
  std::int64_t step;
  std::int64_t count;
  std::int64_t chunk_size;
  std::int64_t extent;  // of the array

  std::int64_t chunk_of(std::int64_t k) const { return (start + k * step) / chunk_size; }

  // Steps longer than a chunk skip chunks: then every element has a chunk of its own.
  std::int64_t task_count() const {
    if (count == 0) return 0;
    if (step >= chunk_size) return count;
    return chunk_of(count - 1) - chunk_of(0) + 1;
  }

  // The task whose elements lie in the chunk.
  std::optional<std::int64_t> find(std::int64_t chunk) const {
    if (count == 0 || chunk < chunk_of(0) || chunk > chunk_of(count - 1)) return std::nullopt;
    if (step < chunk_size) return chunk - chunk_of(0);
    const std::int64_t k = first_at_or_after(chunk * chunk_size);
    return chunk_of(k) == chunk ? std::optional(k) : std::nullopt;
  }

  SlicePart part(std::int64_t task) const {
    if (step >= chunk_size) return {chunk_of(task), task, 1};
    const std::int64_t chunk = chunk_of(0) + task;
    const std::int64_t origin = chunk * chunk_size;
    const std::int64_t first = first_at_or_after(origin);
    const std::int64_t end =
        std::min(count, first_at_or_after(origin + std::min(chunk_size, extent - origin)));
    return {chunk, first, end - first};
  }

  std::int64_t first_at_or_after(std::int64_t position) const {
    return position <= start ? 0 : (position - start - 1) / step + 1;
  }
};

// What of a slice lies in one run of chunks of one size: positions and chunks count from the run's
// beginning, elements from the first that lies there.
struct SliceStretch {
  EvenSlicePlan even;
  std::int64_t first_chunk;
  std::int64_t first_element;
  std::int64_t first_task;
};
using SliceStretches = std::vector<SliceStretch>;

// The stretches of a slice along an axis that is not cut evenly; none for one that is.
SliceStretches stretches_of(const SliceOf& slice, const ChunkAxis& axis, std::int64_t extent);

// Made when it is asked something: it borrows the stretches.
class SlicePlan {
 public:
  SlicePlan(const SliceOf& slice, const ChunkAxis& axis, std::int64_t extent,
            const SliceStretches* stretches)
      : even_{slice.start, slice.step, slice.count, axis.largest(), extent},
        stretches_(axis.runs() == nullptr ? nullptr : stretches) {}

  std::int64_t start() const { return even_.start; }
  std::int64_t step() const { return even_.step; }

  std::int64_t task_count() const {
    return stretches_ == nullptr ? even_.task_count() : count_tasks();
  }
  // The task whose elements lie in the chunk.
  std::optional<std::int64_t> find(std::int64_t chunk) const {
    return stretches_ == nullptr ? even_.find(chunk) : find_task(chunk);
  }
  SlicePart part(std::int64_t task) const {
    return stretches_ == nullptr ? even_.part(task) : find_part(task);
  }

 private:
  std::int64_t count_tasks() const;
  std::optional<std::int64_t> find_task(std::int64_t chunk) const;
  SlicePart find_part(std::int64_t task) const;

  EvenSlicePlan even_;
  const SliceStretches* stretches_;  // null: cut evenly
};

}  // namespace zarrloom
