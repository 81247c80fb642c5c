#include "zarrloom/exec/fork_guard.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

void prepare();
void resume_parent();
void resume_child();

// All guards of the process, in the order of their creation.
struct Registry {
  Registry() {
    const int failed = pthread_atfork(prepare, resume_parent, resume_child);
    if (failed != 0) {
      throw Error(Failure{.code = ErrorCode::out_of_memory,
                          .message = "cannot register the fork handlers",
                          .os_error = failed});
    }
  }

  std::mutex mutex;                      // held across a fork
  std::vector<const ForkGuard*> guards;  // guarded by mutex
  std::atomic<std::uint64_t> generation{0};
};

// Never destroyed: the handlers stay registered until the process ends.
Registry& registry() {
  static auto* const the_registry = new Registry;
  return *the_registry;
}

void call(const std::function<void()>& callback) {
  if (callback) callback();
}

void prepare() {
  registry().mutex.lock();
  for (const ForkGuard* guard : registry().guards) call(guard->callbacks().before);
}

void resume(std::function<void()> ForkGuard::Callbacks::* side) {
  const auto& guards = registry().guards;
  for (auto guard = guards.rbegin(); guard != guards.rend(); ++guard) {
    call((*guard)->callbacks().*side);
  }
  registry().mutex.unlock();
}

void resume_parent() { resume(&ForkGuard::Callbacks::in_parent); }

void resume_child() {
  registry().generation.fetch_add(1);
  resume(&ForkGuard::Callbacks::in_child);
}

}  // namespace

ForkGuard::ForkGuard(Callbacks callbacks) : callbacks_(std::move(callbacks)) {
  const std::lock_guard lock(registry().mutex);
  registry().guards.push_back(this);
}

ForkGuard::~ForkGuard() {
  const std::lock_guard lock(registry().mutex);
  std::erase(registry().guards, this);
}

std::uint64_t fork_generation() { return registry().generation.load(std::memory_order_relaxed); }

}  // namespace zarrloom
