// So many a second, and no more.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>

namespace zarrloom {

// Arithmetic only: whoever asks waits by himself. Thread-safe.
class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  // `burst` at least 1: how many may go at once after a rest.
  TokenBucket(double per_second, double burst)
      : interval_(std::chrono::duration_cast<Clock::duration>(
            std::chrono::duration<double>(1 / per_second))),
        tolerance_(std::chrono::duration_cast<Clock::duration>(
            std::chrono::duration<double>((burst - 1) / per_second))) {}

  // When the next one may go, who asks at `now`; its place is taken.
  Clock::time_point take(Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    full_at_ = std::max(full_at_, now);
    const Clock::time_point when = std::max(now, full_at_ - tolerance_);
    full_at_ += interval_;
    return when;
  }

 private:
  const Clock::duration interval_;
  const Clock::duration tolerance_;
  std::mutex mutex_;
  Clock::time_point full_at_{};  // guarded by mutex_; when all that were taken are replaced
};

}  // namespace zarrloom
