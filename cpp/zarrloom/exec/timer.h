// Work that is to be done later, without a thread that waits for each.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "zarrloom/base/cancel.h"
#include "zarrloom/exec/fork_guard.h"

namespace zarrloom {

// One thread, which starts with the first call and calls what is due. After a fork the child has a
// fresh timer: what waited is the parent's.
class Timer {
 public:
  using Clock = std::chrono::steady_clock;

  Timer();
  // Calls at once what still waits. May run on the timer's own thread, inside such a call.
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Calls `work` once, on the timer's thread: at `when`, or as soon as `sooner` is cancelled. It
  // must not throw, and should be short. Throws if the system grants no thread.
  void call_at(Clock::time_point when, const CancelToken& sooner, std::function<void()> work);

 private:
  struct State;
  void stop();

  std::shared_ptr<State> state_;  // shared with the thread; another one in the child of a fork
  ForkGuard fork_guard_;
};

}  // namespace zarrloom
