#include <algorithm>
#include <memory>

#include "zarrloom/pipeline/index_plan.h"
#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"
#include "zarrloom/pipeline/work.h"
#include "zarrloom/pipeline/write_lists.h"

namespace zarrloom {
namespace {

ChunkEdit edit_by(const ObjectWriter& writer, const std::shared_ptr<const IndexTask>& task,
                  const ConstArrayView& from) {
  const bool covers = task->covers_chunk && !writer.options.part;
  return {covers,
          {},
          [&writer, task, &from](const ArrayView& chunk) {
            scatter(*task, from, part_of(writer, chunk));
          },
          {}};
}

// What of the object at that index lies inside the array.
Dims extent_of(const Dataset& dataset, const Dims& object) {
  return chunk_selection(object, dataset.shape, dataset.object_grid).count;
}

}  // namespace

EditsOf edits_by(const ObjectWriter& writer, IndexTask wanted, const ConstArrayView& from) {
  const auto task = std::make_shared<const IndexTask>(std::move(wanted));
  const Dataset& dataset = writer.dataset;
  if (!dataset.has_shards()) {
    return [&writer, task, &from](const Dims&) {
      return std::vector<ChunkEdit>{edit_by(writer, task, from)};
    };
  }
  // Sorted once more, into the chunks of the shard.
  const auto plan = std::make_shared<const IndexPlan>(
      extent_of(dataset, task->chunk), dataset.chunk_grid, IndexSelection{task->axes});
  return [&writer, plan, &from](const Dims& chunk) {
    std::vector<ChunkEdit> edits;
    if (const auto number = plan->find(chunk)) {
      edits.push_back(
          edit_by(writer, std::make_shared<const IndexTask>(plan->task(*number)), from));
    }
    return edits;
  };
}

void write_indexed(Runtime& runtime, const Dataset& dataset, const IndexSelection& selection,
                   const ConstArrayView& from, const WriteOptions& write,
                   const CallOptions& options) {
  check_memory(dataset, selection.shape(), from, write.part);
  const IndexPlan plan(dataset.shape, dataset.object_grid, selection);
  if (plan.task_count() == 0) return;
  const ObjectWriter writer{runtime, dataset, write, options.parallel};
  const std::shared_ptr<Executor> executor = runtime.executor();
  parallel_for(*executor, plan.task_count(),
               workers_for(runtime, work_on(dataset, Unit::object, plan.task_count()), options),
               [&](std::int64_t i) {
                 IndexTask task = plan.task(i);
                 const Dims object = task.chunk;
                 const bool covers = task.covers_chunk && !write.part;
                 writer.edit(object, covers, edits_by(writer, std::move(task), from));
               });
}

void start_write_indexed(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                         const IndexSelection& selection, const ConstArrayView& from,
                         const WriteOptions& write, const CallOptions& options, TransferDone done) {
  check_memory(*dataset, selection.shape(), from, write.part);
  const std::shared_ptr<Executor> executor = runtime->executor();
  executor->post([=, runtime = std::move(runtime), dataset = std::move(dataset)] {
    std::optional<Failure> failed;
    try {
      write_indexed(*runtime, *dataset, selection, from, write, options);
    } catch (...) {
      failed = current_failure();
    }
    done(std::move(failed));
  });
}

}  // namespace zarrloom
