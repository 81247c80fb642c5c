// How much a call has to do, by which it chooses its threads and requests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "zarrloom/exec/parallel_for.h"
#include "zarrloom/pipeline/dataset.h"

namespace zarrloom {

struct Work {
  std::int64_t count;        // of what is done one by one
  std::size_t decoded;       // bytes that each makes, or takes
  std::size_t in_flight;     // bytes of memory that each takes meanwhile
  bool copied_only = false;  // nothing is computed
};

// That many chunks, or stored objects.
Work work_on(const Dataset& dataset, Unit unit, std::int64_t count);

// Bytes that a chunk or an object takes while it is in flight.
std::size_t bytes_in_flight(const Dataset& dataset, Unit unit);

// Threads for it. Waking another thread costs more than a few small chunks do: of those the caller
// takes care alone.
ParallelOptions workers_for(Runtime& runtime, const Work& work, const CallOptions& options);

}  // namespace zarrloom
