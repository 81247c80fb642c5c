#include <algorithm>
#include <vector>

#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"
#include "zarrloom/pipeline/work.h"
#include "zarrloom/pipeline/write_object.h"

namespace zarrloom {
namespace {

// What one part changes of one chunk.
struct Change {
  std::int64_t chunk;  // number in the grid
  std::size_t part;
  std::int64_t task;  // number in the part's plan
};

class ManyWrites {
 public:
  ManyWrites(const Dataset& dataset, std::span<const WritePart> parts) : parts_(parts) {
    const Dims grid = grid_shape(dataset.shape, dataset.object_grid);
    for (std::size_t p = 0; p < parts.size(); ++p) {
      check_transfer(dataset, parts[p].selection, parts[p].from);
      plans_.emplace_back(dataset.shape, dataset.object_grid, parts[p].selection);
      for (std::int64_t i = 0; i < plans_[p].task_count(); ++i) {
        changes_.push_back({chunk_number(plans_[p].task(i).chunk, grid), p, i});
      }
    }
    std::stable_sort(changes_.begin(), changes_.end(),
                     [](const Change& a, const Change& b) { return a.chunk < b.chunk; });
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      if (i == 0 || changes_[i].chunk != changes_[i - 1].chunk) firsts_.push_back(i);
    }
  }

  std::int64_t object_count() const { return static_cast<std::int64_t>(firsts_.size()); }

  // All changes to object i, in the order of the parts.
  std::vector<ChunkUpdate> updates(std::int64_t i) const {
    const auto at = static_cast<std::size_t>(i);
    const std::size_t end = at + 1 < firsts_.size() ? firsts_[at + 1] : changes_.size();
    std::vector<ChunkUpdate> updates;
    updates.reserve(end - firsts_[at]);
    for (std::size_t c = firsts_[at]; c < end; ++c) {
      const Change& change = changes_[c];
      const ChunkTask task = plans_[change.part].task(change.task);
      updates.push_back({task, task_view(parts_[change.part].from, task)});
    }
    return updates;
  }

 private:
  const std::span<const WritePart> parts_;
  std::vector<Plan> plans_;
  std::vector<Change> changes_;      // by chunk, in the order of the parts within one
  std::vector<std::size_t> firsts_;  // where each object's begin
};

}  // namespace

void write_selections(Runtime& runtime, const Dataset& dataset, std::span<const WritePart> parts,
                      const WriteOptions& write, const CallOptions& options) {
  const ManyWrites writes(dataset, parts);
  const ObjectWriter writer{runtime, dataset, write, options.parallel};
  const std::shared_ptr<Executor> executor = runtime.executor();
  parallel_for(*executor, writes.object_count(),
               workers_for(runtime, work_on(dataset, Unit::object, writes.object_count()), options),
               [&](std::int64_t i) { writer.write(writes.updates(i)); });
}

}  // namespace zarrloom
