// How running work is told to stop.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

namespace zarrloom {

// Copies share one flag, which any thread may set. A default one can never be set and costs
// nothing.
class CancelToken {
 public:
  CancelToken() : source_(std::nostopstate) {}
  static CancelToken make() {
    CancelToken token;
    token.source_ = std::stop_source();
    return token;
  }

  // Runs the callbacks of all OnCancel objects, on this thread. Later calls do nothing.
  void cancel() const { std::stop_source(source_).request_stop(); }
  bool cancelled() const { return source_.stop_requested(); }
  std::stop_token stop_token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
};

// While it lives, its callback runs when the token is cancelled (at once if it is already). When
// its destructor returns, the callback is not running and will not.
using OnCancel = std::stop_callback<std::function<void()>>;

// A time by which something must have happened.
using Deadline = std::chrono::steady_clock::time_point;
inline constexpr Deadline kNoDeadline = Deadline::max();

inline bool has_passed(Deadline deadline) {
  return deadline != kNoDeadline && std::chrono::steady_clock::now() >= deadline;
}

// Asked on the waiting thread about every 50 ms; true means stop (Python: a signal is pending).
using InterruptCheck = std::function<bool()>;

}  // namespace zarrloom
