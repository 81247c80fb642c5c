#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

using std::chrono::milliseconds;

struct ReadCall {
  Runtime& runtime;
  const Dataset& dataset;
  const Plan plan;
  const ArrayView& out;
  const CallOptions& options;
  std::atomic<bool> met_missing = false;

  void note(ChunkState state) {
    if (state == ChunkState::missing) met_missing.store(true, std::memory_order_relaxed);
  }
};

// The store answers at once: each thread reads and decodes one chunk after another.
void read_on_workers(ReadCall& call) {
  const std::shared_ptr<Executor> executor = call.runtime.executor();
  const ParallelOptions workers =
      workers_for(call.runtime, call.dataset, call.plan.task_count(), call.options);
  parallel_for(*executor, call.plan.task_count(), workers, [&](std::int64_t i) {
    const ChunkTask task = call.plan.task(i);
    std::optional<Failure> failed;
    fetch_chunk(call.dataset, task, task_view(call.out, task), {},
                [&](std::optional<Failure> failure, ChunkState state) {
                  failed = std::move(failure);
                  call.note(state);
                });
    trim_workspace(thread_workspace());
    if (failed) throw Error(std::move(*failed));
  });
}

// The store answers later: many requests in flight, decoding on the pool, the caller only starts
// them. It must not leave before the last has answered, since they write into its memory.
class RequestWindow {
 public:
  RequestWindow(ReadCall& call, std::size_t most)
      : call_(call), executor_(call.runtime.executor()), most_(most) {}

  void run() {
    const std::int64_t count = call_.plan.task_count();
    for (std::int64_t i = 0; i < count && wait_for_place(); ++i) start(i);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return in_flight_ == 0; });
    if (failed_) throw Error(std::move(*failed_));
  }

 private:
  // False if nothing more is to be started.
  bool wait_for_place() {
    std::unique_lock lock(mutex_);
    while (!failed_ && !has_place()) {
      changed_.wait_for(lock, milliseconds(50));
      check_interrupt(lock);
    }
    if (!failed_ && call_.options.cancel.cancelled()) set_cancelled();
    return !failed_;
  }

  bool has_place() {  // needs mutex_
    if (in_flight_ >= most_) return false;
    lease_ =
        call_.runtime.budget().try_acquire(call_.dataset.codecs.decoded_size(), in_flight_ > 0);
    return static_cast<bool>(lease_);
  }

  void check_interrupt(std::unique_lock<std::mutex>& lock) {
    if (!call_.options.interrupt) return;
    lock.unlock();  // the check may run code of the caller's
    const bool stop = call_.options.interrupt();
    lock.lock();
    if (stop) set_cancelled();
  }

  void set_cancelled() { failed_ = Failure{.code = ErrorCode::cancelled, .message = "cancelled"}; }

  void start(std::int64_t i) {
    const ChunkTask task = call_.plan.task(i);
    auto lease = std::make_shared<ByteBudget::Lease>(std::move(lease_));
    {
      const std::lock_guard lock(mutex_);
      ++in_flight_;
    }
    fetch_chunk(
        call_.dataset, task, task_view(call_.out, task),
        [executor = executor_](std::function<void()> rest) { executor->post(std::move(rest)); },
        [this, lease](std::optional<Failure> failure, ChunkState state) {
          call_.note(state);
          lease->release();
          const std::lock_guard lock(mutex_);
          if (failure && !failed_) failed_ = std::move(failure);
          --in_flight_;
          changed_.notify_one();  // under the lock, last: the caller may leave after it
        });
  }

  ReadCall& call_;
  const std::shared_ptr<Executor> executor_;
  const std::size_t most_;
  ByteBudget::Lease lease_;  // of the request that is started next; the caller's thread only
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t in_flight_ = 0;      // guarded by mutex_
  std::optional<Failure> failed_;  // guarded by mutex_
};

}  // namespace

void read_selection(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                    const ArrayView& out, const CallOptions& options) {
  check_transfer(dataset, selection, out);
  ReadCall call{runtime, dataset, Plan(dataset.shape, dataset.chunk_shape, selection), out,
                options};
  if (call.plan.task_count() == 0) return;
  if (dataset.store->capabilities().answers_inline) {
    read_on_workers(call);
  } else {
    const std::size_t most =
        options.parallel != 0 ? options.parallel : runtime.options().io_concurrency;
    RequestWindow(call, most).run();
  }
  if (call.met_missing) check_still_there(dataset);
}

}  // namespace zarrloom
