#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

struct WriteCall {
  Runtime& runtime;
  const Dataset& dataset;
  const WriteOptions& options;

  std::unique_lock<std::mutex> lock(const std::string& key) const {
    return runtime.locks().lock(dataset.store->locate(key));
  }
};

ArrayView chunk_scratch(const Dataset& dataset, Workspace& workspace) {
  workspace.decoded.resize_uninitialized(dataset.codecs.decoded_size());
  return c_view(workspace.decoded.span(), dataset.chunk_shape, dataset.item_size());
}

// True if the chunk need not be stored.
bool is_empty(const WriteCall& call, const ConstArrayView& chunk) {
  return !call.options.write_empty_chunks && all_equal(chunk, call.dataset.fill_value());
}

// Encodes before the lock is taken: a covered chunk needs it only against a partial writer that
// would put back what it read before.
void write_covered(const WriteCall& call, const ChunkTask& task, const ConstArrayView& part) {
  Workspace& workspace = thread_workspace();
  ConstArrayView chunk = part;
  if (!(task.count == call.dataset.chunk_shape)) {  // at the array's edge: filled up
    const ArrayView scratch = chunk_scratch(call.dataset, workspace);
    strided_fill(scratch, call.dataset.fill_value());
    strided_copy(part, sub_view(scratch, task.start, task.step, task.count));
    chunk = scratch;
  }
  const std::string key = call.dataset.chunk_key(task.chunk);
  if (is_empty(call, chunk)) {
    const auto lock = call.lock(key);
    call.dataset.store->erase(key);
    return;
  }
  const ByteView encoded = call.dataset.codecs.encode(chunk, workspace);
  const auto lock = call.lock(key);
  call.dataset.store->write(key, encoded);
}

void write_part(const WriteCall& call, const ChunkTask& task, const ConstArrayView& part) {
  const Dataset& dataset = call.dataset;
  Workspace& workspace = thread_workspace();
  const std::string key = dataset.chunk_key(task.chunk);
  const auto lock = call.lock(key);
  const ArrayView chunk = chunk_scratch(dataset, workspace);
  fetch_chunk_now(dataset, whole_chunk(task.chunk, dataset.chunk_shape), chunk);
  strided_copy(part, sub_view(chunk, task.start, task.step, task.count));
  if (is_empty(call, chunk)) {
    dataset.store->erase(key);
  } else {
    dataset.store->write(key, dataset.codecs.encode(chunk, workspace));
  }
}

void write_task(const WriteCall& call, const ChunkTask& task, const ConstArrayView& part) {
  try {
    if (task.covers_chunk) {
      write_covered(call, task, part);
    } else {
      write_part(call, task, part);
    }
  } catch (...) {
    Failure failure = current_failure();
    if (!failure.message.starts_with("chunk ")) {  // not fetch_chunk_now's, which says it already
      failure = chunk_failure(call.dataset, task.chunk, failure);
    }
    throw Error(std::move(failure));
  }
  trim_workspace(thread_workspace());
}

}  // namespace

void write_selection(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                     const ConstArrayView& from, const WriteOptions& write,
                     const CallOptions& options) {
  check_transfer(dataset, selection, from);
  const Plan plan(dataset.shape, dataset.chunk_shape, selection);
  if (plan.task_count() == 0) return;
  const WriteCall call{runtime, dataset, write};
  const std::shared_ptr<Executor> executor = runtime.executor();
  parallel_for(*executor, plan.task_count(),
               workers_for(runtime, dataset, plan.task_count(), options), [&](std::int64_t i) {
                 const ChunkTask task = plan.task(i);
                 write_task(call, task, task_view(from, task));
               });
}

void start_write_selection(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                           const Selection& selection, const ConstArrayView& from,
                           const WriteOptions& write, const CallOptions& options,
                           TransferDone done) {
  check_transfer(*dataset, selection, from);
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
