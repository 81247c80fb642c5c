// Statistics over a selection, computed while chunks are decoded.
#pragma once

#include <vector>

#include "zarrloom/base/statistics.h"
#include "zarrloom/exec/runtime.h"
#include "zarrloom/pipeline/dataset.h"

namespace zarrloom {

struct ReduceRequest {
  Selection selection;
  Dims reversed;  // 1 where the selection is meant descending: places count from its end
  Dims reduced;   // 1 where a dimension is reduced, 0 where it is kept
  StatisticsOptions statistics;
};

// For each wanted statistic the results of all outputs (the kept dimensions of the selection, in C
// order; descending where reversed), as statistic_size says. Results depend on the array and the
// request alone, not on threads or timing: each chunk is reduced by itself, and those that share
// outputs are merged in pairs, in a fixed tree over their order.
//
// Memory beside the results: for each thread (or request in flight) a chunk and its accumulators,
// and accumulators of one chunk's outputs for at most log2(n) of the n chunks that share outputs.
// A missing chunk is neither decoded nor filled. A count that does not look at values reads
// nothing.
//
// Throws unsupported for a statistic that the type does not have, invalid_argument for min, max,
// argmin and argmax of no elements, and the first failure of a chunk, which names it.
std::vector<Bytes> reduce_selection(Runtime& runtime, const Dataset& dataset,
                                    const ReduceRequest& request, const CallOptions& options = {});

}  // namespace zarrloom
