// What happens to threads and locks when the process forks.
#pragma once

#include <cstdint>
#include <functional>

namespace zarrloom {

// While it lives, `before` runs ahead of every fork and one of `in_parent`, `in_child` after it. A
// child has only the forking thread: locks that another thread may hold must be taken in `before`
// and given back after, or be replaced in `in_child`. Callbacks must not create or destroy guards.
// The first guard of a process registers the handlers: it must not be made while another thread
// forks, or the child waits for that thread for ever.
class ForkGuard {
 public:
  struct Callbacks {
    std::function<void()> before = {};
    std::function<void()> in_parent = {};
    std::function<void()> in_child = {};
  };

  explicit ForkGuard(Callbacks callbacks);
  ~ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  const Callbacks& callbacks() const { return callbacks_; }

 private:
  Callbacks callbacks_;
};

// Grows by one in the child of every fork: work begun under another number has no threads any more.
std::uint64_t fork_generation();

}  // namespace zarrloom
