#include "zarrloom/exec/gate.h"

#include <algorithm>
#include <utility>

namespace zarrloom {

Gate::Pass& Gate::Pass::operator=(Pass&& other) noexcept {
  if (this != &other) {
    release();
    gate_ = std::exchange(other.gate_, nullptr);
  }
  return *this;
}

void Gate::Pass::release() {
  if (gate_ != nullptr) std::exchange(gate_, nullptr)->leave();
}

bool Gate::try_enter() {
  std::size_t now = in_use_.load();
  while (now < places_.load(std::memory_order_relaxed)) {
    if (in_use_.compare_exchange_weak(now, now + 1)) return true;
  }
  return false;
}

Gate::Pass Gate::enter(Clock::time_point* waits_since) {
  if (!try_enter()) {
    if (waits_since != nullptr) *waits_since = Clock::now();
    std::unique_lock lock(mutex_);
    ++waiters_;
    freed_.wait(lock, [this] { return try_enter(); });
    --waiters_;
  }
  return Pass(this);
}

void Gate::leave() {
  --in_use_;
  if (waiters_.load() > 0) wake();
}

// One place is free: for one that is queued, or one that waits on its thread.
void Gate::wake() {
  std::shared_ptr<Waiting> next;
  {
    const std::lock_guard lock(mutex_);
    if (!queue_.empty() && try_enter()) {
      next = std::move(queue_.front());
      queue_.pop_front();
      --waiters_;
    }
    freed_.notify_one();
  }
  if (next) call(next, Pass(this));
}

void Gate::call(const std::shared_ptr<Waiting>& waiting, Pass pass) {
  waiting->on_cancel.reset();  // not under the lock: it waits for a cancellation that takes it
  const auto held = std::make_shared<Pass>(std::move(pass));
  waiting->post([waiting, held] { waiting->entered(held); });
}

void Gate::give_up(const std::shared_ptr<Waiting>& waiting) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find(queue_.begin(), queue_.end(), waiting);
    if (found == queue_.end()) return;
    queue_.erase(found);
    --waiters_;
  }
  waiting->post([waiting] { waiting->entered(std::make_shared<Pass>()); });
}

void Gate::enter_later(const CancelToken& cancel, const Post& post, Entered entered) {
  if (try_enter()) return entered(std::make_shared<Pass>(Pass(this)));
  const auto waiting = std::make_shared<Waiting>(Waiting{post, std::move(entered), nullptr});
  {
    std::unique_lock lock(mutex_);
    ++waiters_;
    if (try_enter()) {
      --waiters_;
      lock.unlock();
      return waiting->entered(std::make_shared<Pass>(Pass(this)));
    }
    queue_.push_back(waiting);
  }
  if (!cancel.stop_token().stop_possible()) return;
  // Outside the lock: if it is cancelled already, this gives up at once.
  auto on_cancel =
      std::make_unique<OnCancel>(cancel.stop_token(), [this, weak = std::weak_ptr(waiting)] {
        if (const auto it = weak.lock()) give_up(it);
      });
  const std::lock_guard lock(mutex_);
  const bool queued = std::find(queue_.begin(), queue_.end(), waiting) != queue_.end();
  if (queued) waiting->on_cancel = std::move(on_cancel);
}

void Gate::set_places(std::size_t places) {
  places_ = std::max<std::size_t>(places, 1);
  while (true) {
    std::shared_ptr<Waiting> next;
    {
      const std::lock_guard lock(mutex_);
      freed_.notify_all();
      if (queue_.empty() || !try_enter()) return;
      next = std::move(queue_.front());
      queue_.pop_front();
      --waiters_;
    }
    call(next, Pass(this));
  }
}

}  // namespace zarrloom
