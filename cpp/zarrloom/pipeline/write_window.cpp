#include "zarrloom/pipeline/write_window.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "zarrloom/base/error.h"

namespace zarrloom {

struct WriteWindow::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t in_flight = 0;  // guarded by mutex
  const std::uint64_t generation = fork_generation();

  void finished() {
    const std::lock_guard lock(mutex);
    --in_flight;
    changed.notify_all();
  }

  // Until no more than `most` are in flight.
  void wait_for(std::size_t most, const InterruptCheck& interrupt) {
    std::unique_lock lock(mutex);
    while (in_flight > most) {
      changed.wait_for(lock, std::chrono::milliseconds(50));
      if (!interrupt || in_flight <= most) continue;
      lock.unlock();  // the check may run code of the caller's
      if (interrupt()) fail(ErrorCode::cancelled, "cancelled while chunks were written");
      lock.lock();
    }
  }

  std::size_t count() {
    const std::lock_guard lock(mutex);
    return in_flight;
  }
};

namespace {

// Jobs that lie ready while as many run: enough that no thread waits for the caller's next.
std::size_t most_in_flight(const Runtime& runtime, std::size_t parallel) {
  return parallel == 0 ? 2 * runtime.options().threads : parallel;
}

}  // namespace

WriteWindow::WriteWindow(std::shared_ptr<Runtime> runtime, std::size_t parallel)
    : runtime_(std::move(runtime)),
      executor_(runtime_->executor()),
      // A job of the pool that waited for another one would wait for ever in a pool of one thread.
      runs_here_(parallel == 1 || executor_->concurrency() == 0 || executor_->on_worker_thread()),
      most_(most_in_flight(*runtime_, parallel)),
      state_(std::make_shared<State>()) {}

WriteWindow::~WriteWindow() {
  if (!from_before_fork()) {
    state_->wait_for(0, {});
  } else {  // its jobs are in the parent and its mutex may be held for ever: leaked on purpose
    new std::shared_ptr<State>(std::move(state_));
  }
}

bool WriteWindow::from_before_fork() const { return state_->generation != fork_generation(); }

void WriteWindow::check_process() const {
  if (!from_before_fork()) return;
  fail(ErrorCode::invalid_argument,
       "this writer was made before the process forked; make a new one in the child");
}

ByteBudget::Lease WriteWindow::acquire(std::size_t bytes, const InterruptCheck& interrupt) {
  check_process();
  state_->wait_for(most_ - 1, interrupt);
  while (true) {
    const std::size_t running = state_->count();
    ByteBudget::Lease lease = runtime_->budget().try_acquire(bytes, running > 0);
    if (lease) return lease;
    state_->wait_for(running - 1, interrupt);
  }
}

void WriteWindow::post(std::function<void()> job) {
  if (runs_here_) return job();
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->in_flight;
  }
  try {
    executor_->post([state = state_, job = std::move(job)]() mutable {
      job();
      job = nullptr;
      state->finished();
    });
  } catch (...) {
    state_->finished();
    throw;
  }
}

void WriteWindow::wait_until(const std::function<bool()>& enough, const InterruptCheck& interrupt) {
  check_process();
  while (true) {
    const std::size_t running = state_->count();
    if (running == 0 || enough()) return;
    state_->wait_for(running - 1, interrupt);
  }
}

void WriteWindow::wait_all(const InterruptCheck& interrupt) {
  check_process();
  state_->wait_for(0, interrupt);
}

}  // namespace zarrloom
