// The threads, limits and locks that all arrays of a process share.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>

#include "zarrloom/exec/byte_budget.h"
#include "zarrloom/exec/claims.h"
#include "zarrloom/exec/executor.h"
#include "zarrloom/exec/fork_guard.h"
#include "zarrloom/exec/limits.h"
#include "zarrloom/exec/object_locks.h"
#include "zarrloom/exec/recorder.h"

namespace zarrloom {

struct RuntimeOptions {
  std::size_t threads = 0;       // CPU workers of a call; 0 = usable_cpus()
  IoLimits io = {};              // requests in flight, by kind of store
  std::size_t memory_limit = 0;  // bytes in flight; 0 = usable_memory() / 8
  bool run_inline = false;       // no threads at all: every task on the calling thread
};

// Handed down to every array; outlives them (they share it). After a fork the child has fresh
// threads, budget and locks, made when they are first needed.
class Runtime {
 public:
  explicit Runtime(RuntimeOptions options = {});
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Shared, so that a reconfigured runtime cannot take the pool from under running work.
  std::shared_ptr<Executor> executor();
  ByteBudget& budget();
  ObjectLocks& locks();
  Limits& limits();
  Recorder& recorder();
  Claims& claims();

  // Defaults are filled in. A change of threads takes effect for work that starts later; running
  // work keeps the pool it has.
  RuntimeOptions options() const;
  void configure(const RuntimeOptions& options);

 private:
  struct Parts;
  Parts& parts() const { return *parts_.load(std::memory_order_acquire); }

  std::atomic<Parts*> parts_;  // replaced in the child of a fork, the old ones are leaked there
  std::optional<ForkGuard> fork_guard_;  // gone before parts_ is: its callbacks use them
};

// The one of this process, made on first use and never destroyed.
std::shared_ptr<Runtime> default_runtime();

}  // namespace zarrloom
