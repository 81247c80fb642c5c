// So many at one time, over all threads and calls of the process.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "zarrloom/base/cancel.h"

namespace zarrloom {

// Uncontended it costs one atomic operation to enter and one to leave. Whoever is inside must not
// wait for anything that somebody who waits here may hold: a pass is held over one read or one
// decoding, and never over another gate, a lock or code of the caller's.
class Gate {
 public:
  static constexpr std::size_t kNoLimit = SIZE_MAX;

  explicit Gate(std::size_t places = kNoLimit) : places_(places) {}

  // A place, given back by its end. An empty one holds none.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&& other) noexcept : gate_(other.gate_) { other.gate_ = nullptr; }
    Pass& operator=(Pass&& other) noexcept;
    ~Pass() { release(); }
    void release();

   private:
    friend class Gate;
    explicit Pass(Gate* gate) : gate_(gate) {}
    Gate* gate_ = nullptr;
  };

  using Clock = std::chrono::steady_clock;

  // Waits on this thread. `waits_since` is set if it has to.
  Pass enter(Clock::time_point* waits_since = nullptr);

  // Without a thread that waits: calls `entered` at once, or later by `post` when there is a place.
  // If `cancel` is cancelled until then, by `post` too, with an empty pass.
  using Entered = std::function<void(std::shared_ptr<Pass>)>;
  using Post = std::function<void(std::function<void()>)>;
  void enter_later(const CancelToken& cancel, const Post& post, Entered entered);

  void set_places(std::size_t places);
  std::size_t places() const { return places_.load(std::memory_order_relaxed); }
  std::size_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  struct Waiting {
    Post post;
    Entered entered;
    std::unique_ptr<OnCancel> on_cancel;
  };
  using Queue = std::list<std::shared_ptr<Waiting>>;

  bool try_enter();
  void leave();
  void wake();
  void give_up(const std::shared_ptr<Waiting>& waiting);
  static void call(const std::shared_ptr<Waiting>& waiting, Pass pass);

  std::atomic<std::size_t> places_;
  std::atomic<std::size_t> in_use_{0};
  std::atomic<std::size_t> waiters_{0};  // counted before they look a last time, so none is missed
  std::mutex mutex_;
  std::condition_variable freed_;
  Queue queue_;  // guarded by mutex_
};

}  // namespace zarrloom
