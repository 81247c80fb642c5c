// Callers that want the same thing at the same time: one gets it for all.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "zarrloom/base/error.h"

namespace zarrloom {

class SingleFlight {
 public:
  using Value = std::shared_ptr<const void>;
  using Waiter = std::function<void(const Value&, const std::optional<Failure>&)>;

  // True for the first caller, who is to get the thing and then to call all that take() gives.
  bool join(const std::string& name, Waiter waiter) {
    const std::lock_guard lock(mutex_);
    std::vector<Waiter>& waiting = waiting_[name];
    waiting.push_back(std::move(waiter));
    return waiting.size() == 1;
  }

  // Those that joined, the first of them first; whoever joins after this is a first one again.
  std::vector<Waiter> take(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto node = waiting_.extract(name);
    return node ? std::move(node.mapped()) : std::vector<Waiter>();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<Waiter>> waiting_;  // guarded by mutex_
};

}  // namespace zarrloom
