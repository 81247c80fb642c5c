// One dimension of a plan: which chunks a slice touches, and which of its elements lie in each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace zarrloom {

struct SlicePlan {
  std::int64_t start;
  std::int64_t step;
  std::int64_t count;
  std::int64_t chunk_size;
  std::int64_t extent;  // of the array

  // The slice's elements that lie in one chunk.
  struct Part {
    std::int64_t chunk;
    std::int64_t first;  // number of the first of them in the slice
    std::int64_t count;
  };

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

  Part part(std::int64_t task) const {
    if (step >= chunk_size) return {chunk_of(task), task, 1};
    const std::int64_t chunk = chunk_of(0) + task;
    const std::int64_t origin = chunk * chunk_size;
    const std::int64_t first = first_at_or_after(origin);
    const std::int64_t end =
        std::min(count, first_at_or_after(origin + std::min(chunk_size, extent - origin)));
    return {chunk, first, end - first};
  }

 private:
  std::int64_t first_at_or_after(std::int64_t position) const {
    return position <= start ? 0 : (position - start - 1) / step + 1;
  }
};

}  // namespace zarrloom
