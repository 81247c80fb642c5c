#include "zarrloom/pipeline/stream_plan.h"

#include <algorithm>

#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/stored_chunks.h"

namespace zarrloom {
namespace {

Plan make_plan(const Dataset& dataset, const ChunkStreamOptions& options) {
  if (options.selection) check_selection(*options.selection, dataset.shape);
  return {dataset.shape, dataset.grid_of(options.unit),
          options.selection ? *options.selection : Selection::all(dataset.shape)};
}

}  // namespace

StreamPlan::StreamPlan(const Dataset& dataset, const ChunkStreamOptions& options)
    : plan_(make_plan(dataset, options)) {
  const Dims grid = grid_shape(dataset.shape, dataset.grid_of(options.unit));
  if (options.chunks) choose(*options.chunks, grid);
  if (options.skip_missing) {
    if (const auto stored = stored_chunks(dataset, options.unit)) {
      if (stored->empty()) check_still_there(dataset);
      leave_out_missing(*stored, grid);
    }
  }
  total_ = order_ ? static_cast<std::int64_t>(order_->size()) : plan_.task_count();
}

ChunkTask StreamPlan::task(std::int64_t sequence) const {
  return plan_.task(order_ ? (*order_)[static_cast<std::size_t>(sequence)] : sequence);
}

Selection StreamPlan::place(const Dims& chunk) const {
  const auto number = plan_.find(chunk);
  if (!number) fail(ErrorCode::selection, "chunk " + to_string(chunk) + " is not in the stream");
  return plan_.place(plan_.task(*number));
}

void StreamPlan::choose(const std::vector<std::int64_t>& chunks, const Dims& grid) {
  order_.emplace();
  order_->reserve(chunks.size());
  for (const std::int64_t number : chunks) {
    const auto task = plan_.find(chunk_from_number(number, grid));
    if (task) order_->push_back(*task);
  }
}

void StreamPlan::leave_out_missing(const std::vector<std::int64_t>& stored, const Dims& grid) {
  if (!order_) return choose(stored, grid);
  std::erase_if(*order_, [&](std::int64_t task) {
    return !std::binary_search(stored.begin(), stored.end(),
                               chunk_number(plan_.task(task).chunk, grid));
  });
}

}  // namespace zarrloom
