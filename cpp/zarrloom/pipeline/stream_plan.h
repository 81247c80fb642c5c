// Which chunks a stream gives, and in which order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "zarrloom/pipeline/chunk_stream.h"

namespace zarrloom {

// Arithmetic, but for the one listing of a stream that leaves out what is not stored.
class StreamPlan {
 public:
  // Throws selection for chunks outside the grid, and what listing throws.
  StreamPlan(const Dataset& dataset, const ChunkStreamOptions& options);

  std::int64_t total() const { return total_; }
  ChunkTask task(std::int64_t sequence) const;  // sequence in [0, total())
  Selection place(const Dims& chunk) const;     // throws selection: not one of the stream's

 private:
  void choose(const std::vector<std::int64_t>& chunks, const Dims& grid);
  void leave_out_missing(const std::vector<std::int64_t>& stored, const Dims& grid);

  Plan plan_;
  std::optional<std::vector<std::int64_t>> order_;  // numbers of the plan's tasks; absent: all
  std::int64_t total_;
};

}  // namespace zarrloom
