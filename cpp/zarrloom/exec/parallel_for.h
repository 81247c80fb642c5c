// A loop over independent indices, shared by the caller and the executor's threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "zarrloom/base/cancel.h"
#include "zarrloom/exec/executor.h"

namespace zarrloom {

struct ParallelOptions {
  // Threads that work at one time, the caller among them. 1 = the caller alone, in index order.
  std::size_t max_workers = 1;
  CancelToken cancel = {};
  InterruptCheck interrupt = {};
};

// Calls body(i) for every i in [0, count), each once. The caller takes part, so that a loop inside
// a task of the same executor always proceeds. The first failure stops the handing out of indices;
// what runs is waited for, then that failure is thrown as Error on the calling thread. A set cancel
// flag or a true interrupt throws Error{cancelled} in the same way. When this returns or throws, no
// thread runs body any more or will.
void parallel_for(Executor& executor, std::int64_t count, const ParallelOptions& options,
                  const std::function<void(std::int64_t)>& body);

}  // namespace zarrloom
