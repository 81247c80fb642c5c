#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"
#include "zarrloom/pipeline/work.h"
#include "zarrloom/pipeline/write_object.h"

namespace zarrloom {

void write_selection(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                     const ConstArrayView& from, const WriteOptions& write,
                     const CallOptions& options) {
  check_transfer(dataset, selection, from, write.part);
  const Plan plan(dataset.shape, dataset.object_grid, selection);
  if (plan.task_count() == 0) return;
  const ObjectWriter writer{runtime, dataset, write, options.parallel};
  const std::shared_ptr<Executor> executor = runtime.executor();
  parallel_for(*executor, plan.task_count(),
               workers_for(runtime, work_on(dataset, Unit::object, plan.task_count()), options),
               [&](std::int64_t i) {
                 const ChunkTask task = plan.task(i);
                 const ChunkUpdate update{task, task_view(from, task)};
                 writer.write({&update, 1});
               });
}

void start_write_selection(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                           const Selection& selection, const ConstArrayView& from,
                           const WriteOptions& write, const CallOptions& options,
                           TransferDone done) {
  check_transfer(*dataset, selection, from, write.part);
  const std::shared_ptr<Executor> executor = runtime->executor();
  executor->post([=, runtime = std::move(runtime), dataset = std::move(dataset)] {
    std::optional<Failure> failed;
    try {
      write_selection(*runtime, *dataset, selection, from, write, options);
    } catch (...) {
      failed = current_failure();
    }
    done(std::move(failed));
  });
}

}  // namespace zarrloom
