#include "zarrloom/pipeline/request_window.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

namespace zarrloom {
namespace {

using std::chrono::milliseconds;

Failure cancelled() { return {.code = ErrorCode::cancelled, .message = "cancelled"}; }

// Requests that are in flight share ownership, so that it outlives whoever started it.
class Window : public std::enable_shared_from_this<Window> {
 public:
  Window(ByteBudget& budget, const WindowOptions& options, StartRequest start, RequestDone finished)
      : budget_(budget),
        options_(options),
        start_(std::move(start)),
        finished_(std::move(finished)) {}

  void run() {
    if (options_.cancel.stop_token().stop_possible()) {
      // Not owning: the window holds the registration itself.
      on_cancel_.emplace(options_.cancel.stop_token(), [this] { give_up(cancelled()); });
    }
    pump();
  }

  void give_up(Failure failure) {
    {
      const std::lock_guard lock(mutex_);
      if (failed_ || said_) return;
      failed_ = std::move(failure);
    }
    cancel_.cancel();
  }

  // Starts what may start, on one thread at a time; says that all is finished.
  void pump() {
    std::unique_lock lock(mutex_);
    if (pumping_) return;  // that thread looks again before it leaves
    pumping_ = true;
    while (may_start()) {
      const std::int64_t i = next_++;
      ++in_flight_;
      lock.unlock();
      start(i);
      lock.lock();
    }
    pumping_ = false;
    if (said_ || in_flight_ > 0 || !(failed_ || next_ == options_.count)) return;
    said_ = true;
    std::optional<Failure> failed = failed_;
    lock.unlock();
    on_cancel_.reset();  // its callback is not running after this
    finished_(std::move(failed));
  }

 private:
  bool may_start() {  // needs mutex_
    if (failed_ || next_ == options_.count || in_flight_ >= options_.most) return false;
    lease_ = budget_.try_acquire(options_.bytes_each, in_flight_ > 0);
    return static_cast<bool>(lease_);
  }

  void start(std::int64_t i) {
    // std::function wants copyable things.
    const auto lease = std::make_shared<ByteBudget::Lease>(std::move(lease_));
    const RequestDone done = [self = shared_from_this(), lease](std::optional<Failure> failure) {
      lease->release();
      self->one_done(std::move(failure));
    };
    try {
      start_(i, cancel_, done);
    } catch (...) {
      done(current_failure());
    }
  }

  void one_done(std::optional<Failure> failure) {
    if (failure) give_up(std::move(*failure));
    {
      const std::lock_guard lock(mutex_);
      --in_flight_;
    }
    pump();
  }

  ByteBudget& budget_;
  const WindowOptions options_;
  const StartRequest start_;
  const RequestDone finished_;
  const CancelToken cancel_ = CancelToken::make();  // of the requests in flight
  std::optional<OnCancel> on_cancel_;  // set before the first request, reset at the end
  ByteBudget::Lease lease_;            // of the request started next; by who pumps

  std::mutex mutex_;
  std::int64_t next_ = 0;          // guarded by mutex_
  std::size_t in_flight_ = 0;      // guarded by mutex_
  bool pumping_ = false;           // guarded by mutex_
  bool said_ = false;              // guarded by mutex_
  std::optional<Failure> failed_;  // guarded by mutex_
};

std::shared_ptr<Window> make_window(ByteBudget& budget, const WindowOptions& options,
                                    StartRequest start, RequestDone finished) {
  return std::make_shared<Window>(budget, options, std::move(start), std::move(finished));
}

}  // namespace

void start_requests(ByteBudget& budget, const WindowOptions& options, StartRequest start,
                    RequestDone finished) {
  make_window(budget, options, std::move(start), std::move(finished))->run();
}

void run_requests(ByteBudget& budget, const WindowOptions& options, StartRequest start,
                  const InterruptCheck& interrupt) {
  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;           // guarded by mutex
  std::optional<Failure> failure;  // guarded by mutex
  const auto window =
      make_window(budget, options, std::move(start), [&](std::optional<Failure> first) {
        const std::lock_guard lock(mutex);
        failure = std::move(first);
        finished = true;
        changed.notify_one();  // under the lock: the waiter owns all of this and may leave
      });
  window->run();
  std::unique_lock lock(mutex);
  bool ask = static_cast<bool>(interrupt);
  while (!finished) {
    changed.wait_for(lock, milliseconds(50));
    if (finished || !ask) continue;
    lock.unlock();  // the check may run code of the caller's
    if (interrupt()) {
      ask = false;
      window->give_up(cancelled());
    }
    lock.lock();
  }
  if (failure) throw Error(std::move(*failure));
}

}  // namespace zarrloom
