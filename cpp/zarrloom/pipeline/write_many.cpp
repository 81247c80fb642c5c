#include <algorithm>
#include <variant>
#include <vector>

#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"
#include "zarrloom/pipeline/work.h"
#include "zarrloom/pipeline/write_lists.h"

namespace zarrloom {
namespace {

// What one part changes of one stored object.
struct Change {
  std::int64_t chunk;  // number in the grid of objects
  std::size_t part;
  std::int64_t task;  // number in the part's plan
};

using AnyPlan = std::variant<Plan, IndexPlan>;

AnyPlan plan_of(const Dataset& dataset, const AnySelection& selection) {
  if (const auto* box = std::get_if<Selection>(&selection)) {
    return AnyPlan(std::in_place_type<Plan>, dataset.shape, dataset.object_grid, *box);
  }
  return AnyPlan(std::in_place_type<IndexPlan>, dataset.shape, dataset.object_grid,
                 std::get<IndexSelection>(selection));
}

class ManyWrites {
 public:
  ManyWrites(const ObjectWriter& writer, std::span<const WritePart> parts)
      : writer_(writer),
        parts_(parts),
        grid_(grid_shape(writer.dataset.shape, writer.dataset.object_grid)) {
    plans_.reserve(parts.size());
    for (std::size_t p = 0; p < parts.size(); ++p) {
      check_any(writer.dataset, parts[p].selection, parts[p].from, writer.options.part);
      plans_.push_back(plan_of(writer.dataset, parts[p].selection));
      for (std::int64_t i = 0; i < task_count(p); ++i) {
        changes_.push_back({chunk_number(object_of(p, i), grid_), p, i});
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
  void write(std::int64_t i) const {
    const auto at = static_cast<std::size_t>(i);
    const std::size_t end = at + 1 < firsts_.size() ? firsts_[at + 1] : changes_.size();
    std::vector<EditsOf> changes;
    bool covers = false;
    for (std::size_t c = firsts_[at]; c < end; ++c) {
      changes.push_back(edits_of(changes_[c], covers));
    }
    const Dims object = chunk_from_number(changes_[firsts_[at]].chunk, grid_);
    writer_.edit(object, covers && !writer_.options.part, [&changes](const Dims& chunk) {
      std::vector<ChunkEdit> all;
      for (const EditsOf& each : changes) {
        for (ChunkEdit& edit : each(chunk)) all.push_back(std::move(edit));
      }
      return all;
    });
  }

 private:
  std::int64_t task_count(std::size_t part) const {
    return std::visit([](const auto& plan) { return plan.task_count(); }, plans_[part]);
  }
  Dims object_of(std::size_t part, std::int64_t i) const {
    if (const Plan* plan = std::get_if<Plan>(&plans_[part])) return plan->task(i).chunk;
    return std::get<IndexPlan>(plans_[part]).chunk(i);
  }

  EditsOf edits_of(const Change& change, bool& covers) const {
    const ConstArrayView& from = parts_[change.part].from;
    if (const Plan* plan = std::get_if<Plan>(&plans_[change.part])) {
      const ChunkTask task = plan->task(change.task);
      covers = covers || task.covers_chunk;
      return edits_by(writer_, ChunkUpdate{task, task_view(from, task)});
    }
    IndexTask task = std::get<IndexPlan>(plans_[change.part]).task(change.task);
    covers = covers || task.covers_chunk;
    return edits_by(writer_, std::move(task), from);
  }

  const ObjectWriter& writer_;
  const std::span<const WritePart> parts_;
  const Dims grid_;
  std::vector<AnyPlan> plans_;
  std::vector<Change> changes_;      // by object, in the order of the parts within one
  std::vector<std::size_t> firsts_;  // where each object's begin
};

}  // namespace

void write_selections(Runtime& runtime, const Dataset& dataset, std::span<const WritePart> parts,
                      const WriteOptions& write, const CallOptions& options) {
  const ObjectWriter writer{runtime, dataset, write, options.parallel};
  const ManyWrites writes(writer, parts);
  const std::shared_ptr<Executor> executor = runtime.executor();
  parallel_for(*executor, writes.object_count(),
               workers_for(runtime, work_on(dataset, Unit::object, writes.object_count()), options),
               [&](std::int64_t i) { writes.write(i); });
}

}  // namespace zarrloom
