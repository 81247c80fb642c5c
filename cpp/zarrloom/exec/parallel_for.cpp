#include "zarrloom/exec/parallel_for.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

using Body = std::function<void(std::int64_t)>;
using Clock = std::chrono::steady_clock;

constexpr auto kInterruptPeriod = std::chrono::milliseconds(50);

Failure cancelled() { return {.code = ErrorCode::cancelled, .message = "cancelled"}; }

// Copying the message may itself run out of memory.
Failure caught_failure() noexcept {
  try {
    return current_failure();
  } catch (...) {
    return {.code = ErrorCode::out_of_memory};
  }
}

// Asks the caller's interrupt check, at most once a period. Used on the calling thread only.
class Interrupt {
 public:
  explicit Interrupt(const InterruptCheck& check) : check_(check) {}

  bool exists() const { return static_cast<bool>(check_); }
  Clock::time_point due() const { return due_; }

  bool raised() {
    if (!check_ || Clock::now() < due_) return false;
    const bool answer = check_();
    due_ = Clock::now() + kInterruptPeriod;
    return answer;
  }

 private:
  const InterruptCheck& check_;
  Clock::time_point due_ = Clock::now() + kInterruptPeriod;
};

// What the caller shares with its helpers. A helper that starts after the loop was closed looks at
// nothing but `closed`: the body lives on the caller's stack.
class Loop {
 public:
  Loop(std::int64_t count, const CancelToken& cancel, const Body& body)
      : count_(count), cancel_(cancel), body_(&body) {}

  void help() {
    if (!enter()) return;
    run_indices(nullptr);
    leave();
  }

  // On the calling thread. Afterwards no helper is inside and none will enter.
  void run_and_close(Interrupt& interrupt) {
    run_indices(&interrupt);
    std::unique_lock lock(mutex_);
    closed_ = true;
    while (inside_ > 0) {
      if (!interrupt.exists() || stopped_) {
        all_left_.wait(lock);
        continue;
      }
      all_left_.wait_until(lock, interrupt.due());
      lock.unlock();
      stop_if_interrupted(interrupt);
      lock.lock();
    }
  }

  // After run_and_close, which every helper's last word precedes.
  std::optional<Failure>& first_failure() { return first_failure_; }

 private:
  bool enter() {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    ++inside_;
    return true;
  }

  void leave() {
    const std::lock_guard lock(mutex_);
    if (--inside_ == 0) all_left_.notify_all();
  }

  void run_indices(Interrupt* interrupt) noexcept {
    while (!stopped_) {
      if (interrupt != nullptr) stop_if_interrupted(*interrupt);
      const std::int64_t index = next_.fetch_add(1, std::memory_order_relaxed);
      if (stopped_ || index >= count_) return;
      if (cancel_.cancelled()) return stop(cancelled());
      try {
        (*body_)(index);
      } catch (...) {
        stop(caught_failure());
      }
    }
  }

  void stop_if_interrupted(Interrupt& interrupt) noexcept {
    try {
      if (interrupt.raised()) stop(cancelled());
    } catch (...) {  // a check that throws ends the loop like a body that throws
      stop(caught_failure());
    }
  }

  void stop(Failure failure) noexcept {
    const std::lock_guard lock(mutex_);
    if (!first_failure_) first_failure_ = std::move(failure);
    stopped_ = true;
  }

  const std::int64_t count_;
  const CancelToken cancel_;
  const Body* const body_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<bool> stopped_{false};

  std::mutex mutex_;
  std::condition_variable all_left_;
  bool closed_ = false;                   // guarded by mutex_
  std::int64_t inside_ = 0;               // guarded by mutex_
  std::optional<Failure> first_failure_;  // guarded by mutex_
};

void run_alone(std::int64_t count, const ParallelOptions& options, const Body& body) {
  Interrupt interrupt(options.interrupt);
  for (std::int64_t index = 0; index < count; ++index) {
    if (options.cancel.cancelled() || interrupt.raised()) throw Error(cancelled());
    body(index);
  }
}

// Threads that can usefully work on the loop, the caller among them.
std::size_t useful_workers(const Executor& executor, std::int64_t count,
                           const ParallelOptions& options) {
  if (count <= 1 || options.max_workers <= 1) return 1;
  const std::size_t besides = executor.concurrency();
  const std::size_t available = besides + (executor.on_worker_thread() || besides == 0 ? 0 : 1);
  const auto indices = static_cast<std::uint64_t>(count);
  return static_cast<std::size_t>(
      std::min<std::uint64_t>({options.max_workers, indices, available}));
}

// Without memory for a task the loop runs with fewer helpers.
void post_helpers(Executor& executor, std::size_t helpers, const std::shared_ptr<Loop>& loop) {
  try {
    for (; helpers > 0; --helpers) executor.post([loop] { loop->help(); });
  } catch (const std::exception&) {
  }
}

}  // namespace

void parallel_for(Executor& executor, std::int64_t count, const ParallelOptions& options,
                  const std::function<void(std::int64_t)>& body) {
  if (count <= 0) return;
  const std::size_t workers = useful_workers(executor, count, options);
  if (workers <= 1) {
    try {
      return run_alone(count, options, body);
    } catch (...) {
      throw Error(current_failure());
    }
  }
  Interrupt interrupt(options.interrupt);
  const auto loop = std::make_shared<Loop>(count, options.cancel, body);
  post_helpers(executor, workers - 1, loop);
  loop->run_and_close(interrupt);
  if (loop->first_failure()) throw Error(std::move(*loop->first_failure()));
}

}  // namespace zarrloom
