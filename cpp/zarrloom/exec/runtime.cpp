#include "zarrloom/exec/runtime.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "zarrloom/exec/machine.h"

namespace zarrloom {
namespace {

constexpr std::size_t kDefaultMemoryShare = 8;  // one part in so many

RuntimeOptions filled_in(RuntimeOptions options) {
  if (options.threads == 0) options.threads = usable_cpus();
  options.io = with_defaults(options.io);
  if (options.memory_limit == 0) {
    options.memory_limit = std::max<std::size_t>(usable_memory() / kDefaultMemoryShare, 1);
  }
  return options;
}

}  // namespace

// Everything that a fork makes useless. The mutex is held across a fork, so that the child reads
// whole options; it is never held while a pool is destroyed, whose tasks may ask for it.
struct Runtime::Parts {
  explicit Parts(const RuntimeOptions& filled)
      : options(filled),
        budget(filled.memory_limit),
        limits(filled.threads, filled.io),
        cache(filled.index_cache) {}

  std::mutex mutex;
  RuntimeOptions options;              // guarded by mutex
  std::shared_ptr<Executor> executor;  // guarded by mutex; null until asked for
  ByteBudget budget;
  ObjectLocks locks;
  Limits limits;
  Recorder recorder;
  Claims claims;
  ByteCache cache;
  SingleFlight flights;
};

Runtime::Runtime(RuntimeOptions options) : parts_(new Parts(filled_in(options))) {
  fork_guard_.emplace(ForkGuard::Callbacks{
      .before = [this] { parts().mutex.lock(); },
      .in_parent = [this] { parts().mutex.unlock(); },
      .in_child =
          [this] {
            Parts& old = parts();  // leaked: its threads are gone, its locks may stay locked
            parts_.store(new Parts(old.options), std::memory_order_release);
            old.mutex.unlock();
          },
  });
}

Runtime::~Runtime() {
  fork_guard_.reset();
  delete parts_.load();
}

std::shared_ptr<Executor> Runtime::executor() {
  Parts& now = parts();
  const std::lock_guard lock(now.mutex);
  if (!now.executor) {
    now.executor = now.options.run_inline ? make_inline_executor() : make_pool(now.options.threads);
  }
  return now.executor;
}

ByteBudget& Runtime::budget() { return parts().budget; }
ObjectLocks& Runtime::locks() { return parts().locks; }
Limits& Runtime::limits() { return parts().limits; }
Recorder& Runtime::recorder() { return parts().recorder; }
Claims& Runtime::claims() { return parts().claims; }
ByteCache& Runtime::cache() { return parts().cache; }
SingleFlight& Runtime::flights() { return parts().flights; }

RuntimeOptions Runtime::options() const {
  Parts& now = parts();
  const std::lock_guard lock(now.mutex);
  return now.options;
}

void Runtime::configure(const RuntimeOptions& options) {
  const RuntimeOptions filled = filled_in(options);
  std::shared_ptr<Executor> old;  // dies after the lock is given back
  Parts& now = parts();
  const std::lock_guard lock(now.mutex);
  if (filled.threads != now.options.threads || filled.run_inline != now.options.run_inline) {
    old = std::move(now.executor);
  }
  now.options = filled;
  now.budget.set_cap(filled.memory_limit);
  now.cache.set_cap(filled.index_cache);
  now.limits.set(filled.threads, filled.io);
}

std::shared_ptr<Runtime> default_runtime() {
  static auto* const runtime = new std::shared_ptr<Runtime>(std::make_shared<Runtime>());
  return *runtime;
}

}  // namespace zarrloom
