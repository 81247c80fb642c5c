#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "zarrloom/exec/executor.h"
#include "zarrloom/exec/fork_guard.h"

namespace zarrloom {
namespace {

// Owned by the pool and by each of its threads, so that threads may outlive the pool (see ~Pool).
struct State {
  explicit State(std::size_t threads) : limit(threads) {}

  std::mutex mutex;
  std::condition_variable work;
  std::deque<Executor::Task> queue;  // guarded by mutex
  std::size_t limit;                 // guarded by mutex; threads that may be started in all
  std::size_t idle = 0;              // guarded by mutex
  bool closing = false;              // guarded by mutex
};

thread_local const State* state_of_this_thread = nullptr;

// A new thread inherits the mask: signals then go to threads that expect them (Python's main
// thread), except for faults, which belong to the thread that caused them.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) {
      sigdelset(&blocked, fault);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

 private:
  sigset_t before_;
};

void name_this_thread(std::size_t number) {
#ifdef __linux__
  // The kernel takes 15 characters.
  const std::string name = ("zarrloom-" + std::to_string(number)).substr(0, 15);
  pthread_setname_np(pthread_self(), name.c_str());
#else
  static_cast<void>(number);
#endif
}

// noexcept: a task that throws ends the process.
void work_until_closed(const std::shared_ptr<State>& state, std::size_t number) noexcept {
  name_this_thread(number);
  state_of_this_thread = state.get();
  std::unique_lock lock(state->mutex);
  while (true) {
    ++state->idle;
    state->work.wait(lock, [&] { return state->closing || !state->queue.empty(); });
    --state->idle;
    if (state->queue.empty()) return;
    Executor::Task task = std::move(state->queue.front());
    state->queue.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it captured may post, so not under the lock
    lock.lock();
  }
}

void run(Executor::Task& task) noexcept { task(); }

class Pool final : public Executor {
 public:
  explicit Pool(std::size_t threads) : state_(std::make_shared<State>(threads)) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() override;

 private:
  void do_post(Task task) override;
  std::size_t do_concurrency() const override;
  bool do_on_worker_thread() const override;

  void start_thread_if_needed();
  bool forked_away() const { return fork_generation() != generation_; }

  std::shared_ptr<State> state_;
  std::vector<std::thread> threads_;  // guarded by state_->mutex; fixed once it is closing
  // In the child of a fork the threads do not exist and the mutex may stay locked for ever.
  const std::uint64_t generation_ = fork_generation();
};

Pool::~Pool() {
  if (forked_away()) {  // nothing in here can be destroyed safely: leak it
    new std::shared_ptr<State>(std::move(state_));
    new std::vector<std::thread>(std::move(threads_));
    return;
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
  }
  state_->work.notify_all();
  // The last owner may be a task of this very pool, which cannot wait for itself: the threads then
  // run what is left and end on their own.
  const bool own_thread = do_on_worker_thread();
  for (std::thread& thread : threads_) {
    if (own_thread) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

void Pool::do_post(Task task) {
  if (forked_away()) return run(task);
  std::unique_lock lock(state_->mutex);
  if (state_->limit > 0) {
    state_->queue.push_back(std::move(task));
    start_thread_if_needed();
    if (!threads_.empty()) {
      lock.unlock();
      state_->work.notify_one();
      return;
    }
    task = std::move(state_->queue.front());  // no thread was granted, so it is the only one
    state_->queue.pop_front();
  }
  lock.unlock();
  run(task);
}

// The caller holds state_->mutex. While the destructor joins threads_, no more may be added.
void Pool::start_thread_if_needed() {
  if (state_->queue.size() <= state_->idle || threads_.size() >= state_->limit) return;
  if (state_->closing) return;
  try {
    const BlockSignals block_signals;
    threads_.emplace_back(work_until_closed, state_, threads_.size());
  } catch (const std::exception&) {  // the system grants no more: be content with those there are
    state_->limit = threads_.size();
  }
}

std::size_t Pool::do_concurrency() const {
  if (forked_away()) return 0;
  const std::lock_guard lock(state_->mutex);
  return state_->limit;
}

bool Pool::do_on_worker_thread() const {
  return state_of_this_thread == state_.get() && !forked_away();
}

}  // namespace

std::unique_ptr<Executor> make_pool(std::size_t threads) { return std::make_unique<Pool>(threads); }

}  // namespace zarrloom
