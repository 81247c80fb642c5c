// How a running call is told to stop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

namespace zarrloom {

// A flag that many threads may look at and any may set. Copies share it.
class CancelToken {
 public:
  CancelToken() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() const { flag_->store(true, std::memory_order_relaxed); }
  bool cancelled() const { return flag_->load(std::memory_order_relaxed); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

// Asked on the waiting thread about every 50 ms; true means stop (Python: a signal is pending).
using InterruptCheck = std::function<bool()>;

}  // namespace zarrloom
