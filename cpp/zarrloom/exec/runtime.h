// The threads, limits and locks that all arrays of a process share.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>

#include "zarrloom/exec/byte_budget.h"
#include "zarrloom/exec/byte_cache.h"
#include "zarrloom/exec/claims.h"
#include "zarrloom/exec/executor.h"
#include "zarrloom/exec/fork_guard.h"
#include "zarrloom/exec/limits.h"
#include "zarrloom/exec/object_locks.h"
#include "zarrloom/exec/recorder.h"
#include "zarrloom/exec/single_flight.h"

namespace zarrloom {

inline constexpr std::size_t kDefaultIndexCache = std::size_t{64} << 20;

// Ranges of one object that are read together.
struct Coalescing {
  std::size_t gap = std::size_t{64} << 10;  // bytes between them that are read and dropped, at most
  std::size_t maximum = std::size_t{8} << 20;  // bytes of one request, at most
};

class Extensions;  // codecs/extensions.h; only carried here

struct RuntimeOptions {
  std::size_t threads = 0;                       // CPU workers of a call; 0 = usable_cpus()
  IoLimits io = {};                              // requests in flight, by kind of store
  std::size_t memory_limit = 0;                  // bytes in flight; 0 = usable_memory() / 8
  std::size_t index_cache = kDefaultIndexCache;  // bytes of shard indexes that are remembered
  Coalescing coalescing = {};
  bool run_inline = false;  // no threads at all: every task on the calling thread
  // Codecs and data types beyond the built-in ones, for arrays that are opened or made from now on.
  std::shared_ptr<const Extensions> extensions = nullptr;
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
  ByteCache& cache();  // of shard indexes
  SingleFlight& flights();

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
