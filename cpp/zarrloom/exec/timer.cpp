#include "zarrloom/exec/timer.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace zarrloom {

struct Timer::State {
  struct Entry {
    std::function<void()> work;
    std::unique_ptr<OnCancel> on_cancel;
  };
  using Key = std::pair<Clock::time_point, std::uint64_t>;  // when, and a number of its own

  std::mutex mutex;
  std::condition_variable changed;
  std::map<Key, Entry> waiting;  // guarded by mutex
  std::uint64_t numbers = 0;     // guarded by mutex
  bool closing = false;          // guarded by mutex
  std::thread thread;            // guarded by mutex; joined by the timer that stops

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      if (waiting.empty()) {
        if (closing) return;
        changed.wait(lock);
      } else if (!closing && waiting.begin()->first.first > Clock::now()) {
        changed.wait_until(lock, Key(waiting.begin()->first).first);
      } else {
        auto due = waiting.extract(waiting.begin());
        lock.unlock();
        // Outside the lock: it waits for a cancellation that is just going on, which takes it.
        due.mapped().on_cancel.reset();
        due.mapped().work();
        due = {};
        lock.lock();
      }
    }
  }

  // The one of this number is due now, unless it was called already.
  void hurry(std::uint64_t number) {
    const std::lock_guard lock(mutex);
    const auto found = std::find_if(waiting.begin(), waiting.end(),
                                    [&](const auto& each) { return each.first.second == number; });
    if (found == waiting.end()) return;
    auto node = waiting.extract(found);
    node.key().first = Clock::time_point::min();
    waiting.insert(std::move(node));
    changed.notify_all();
  }
};

Timer::Timer()
    : state_(std::make_shared<State>()), fork_guard_({.in_child = [this] {
        // Leaked: its thread is the parent's, and its mutex may be held for ever.
        static_cast<void>(new std::shared_ptr<State>(std::exchange(state_, nullptr)));
        state_ = std::make_shared<State>();
      }}) {}

Timer::~Timer() { stop(); }

void Timer::stop() {
  std::thread thread;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
    thread = std::move(state_->thread);
    state_->changed.notify_all();
  }
  if (!thread.joinable()) return;
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();  // it shares the state, and ends when all is called
  } else {
    thread.join();
  }
}

void Timer::call_at(Clock::time_point when, const CancelToken& sooner, std::function<void()> work) {
  const std::shared_ptr<State> state = state_;
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(state->mutex);
    if (!state->thread.joinable()) state->thread = std::thread([state] { state->run(); });
    number = ++state->numbers;
    state->waiting.emplace(State::Key{when, number}, State::Entry{std::move(work), nullptr});
    state->changed.notify_all();
  }
  if (!sooner.stop_token().stop_possible()) return;
  // Outside the lock: if it is cancelled already, this calls hurry() at once.
  auto on_cancel =
      std::make_unique<OnCancel>(sooner.stop_token(), [state, number] { state->hurry(number); });
  const std::lock_guard lock(state->mutex);
  const auto found = std::find_if(state->waiting.begin(), state->waiting.end(),
                                  [&](const auto& each) { return each.first.second == number; });
  if (found != state->waiting.end()) found->second.on_cancel = std::move(on_cancel);
}

}  // namespace zarrloom
