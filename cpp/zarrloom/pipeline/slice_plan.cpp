#include "zarrloom/pipeline/slice_plan.h"

namespace zarrloom {
namespace {

const SliceStretch& last_before(const SliceStretches& stretches, std::int64_t SliceStretch::* begin,
                                std::int64_t at) {
  const auto after = std::upper_bound(
      stretches.begin(), stretches.end(), at,
      [begin](std::int64_t value, const SliceStretch& one) { return value < one.*begin; });
  return *(after == stretches.begin() ? after : std::prev(after));
}

}  // namespace

SliceStretches stretches_of(const SliceOf& slice, const ChunkAxis& axis, std::int64_t extent) {
  SliceStretches stretches;
  if (axis.runs() == nullptr || slice.count == 0) return stretches;
  const EvenSlicePlan whole{slice.start, slice.step, slice.count, 1, extent};
  const std::int64_t last = slice.start + (slice.count - 1) * slice.step;
  std::int64_t tasks = 0;
  for (const ChunkRun& run : *axis.runs()) {
    if (run.end() <= slice.start) continue;
    if (run.origin > last) break;
    const std::int64_t first = whole.first_at_or_after(run.origin);
    const std::int64_t end = std::min(slice.count, whole.first_at_or_after(run.end()));
    if (first >= end) continue;
    const EvenSlicePlan even{slice.start + first * slice.step - run.origin, slice.step, end - first,
                             run.size, std::min(run.end(), extent) - run.origin};
    stretches.push_back({even, run.chunk, first, tasks});
    tasks += even.task_count();
  }
  return stretches;
}

std::int64_t SlicePlan::count_tasks() const {
  if (stretches_->empty()) return 0;
  return stretches_->back().first_task + stretches_->back().even.task_count();
}

std::optional<std::int64_t> SlicePlan::find_task(std::int64_t chunk) const {
  if (stretches_->empty()) return std::nullopt;
  const SliceStretch& in = last_before(*stretches_, &SliceStretch::first_chunk, chunk);
  if (chunk < in.first_chunk) return std::nullopt;
  const auto task = in.even.find(chunk - in.first_chunk);
  return task ? std::optional(in.first_task + *task) : std::nullopt;
}

SlicePart SlicePlan::find_part(std::int64_t task) const {
  const SliceStretch& in = last_before(*stretches_, &SliceStretch::first_task, task);
  SlicePart part = in.even.part(task - in.first_task);
  part.chunk += in.first_chunk;
  part.first += in.first_element;
  return part;
}

}  // namespace zarrloom
