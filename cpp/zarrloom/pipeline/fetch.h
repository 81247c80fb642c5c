// One chunk, from its store into an array view: what reads, partial writes and streams share.
#pragma once

#include <functional>
#include <optional>

#include "zarrloom/pipeline/dataset.h"

namespace zarrloom {

enum class ChunkState { stored, missing };

// Called once; must not throw.
using ChunkDone = std::function<void(std::optional<Failure>, ChunkState)>;

// Runs what must follow a late answer (decoding) on a worker.
using Continue = std::function<void(std::function<void()>)>;

// How a fetch is given up. Default: never.
struct FetchControl {
  CancelToken cancel = {};
  Deadline deadline = kNoDeadline;  // of reading and decoding together
  bool fill_missing = true;         // false: a missing chunk leaves the memory as it was
};

// Reads and decodes the task's part of its chunk into `out` (out.shape == task.count); a missing
// chunk gives fill values. Calls `done` before returning if the store answers at once, otherwise
// from whatever `later` runs. `dataset` and the memory of `out` must live until then.
void fetch_chunk(const Dataset& dataset, const ChunkTask& task, const ArrayView& out,
                 const Continue& later, ChunkDone done, const FetchControl& control = {});

// The same, waited for. Throws what failed.
ChunkState fetch_chunk_now(const Dataset& dataset, const ChunkTask& task, const ArrayView& out,
                           const FetchControl& control = {});

// What went wrong with a chunk, as users see it: "chunk (0, 3) at file:///a/c/0/3: cause", with
// the chunk's index and key set.
Failure chunk_failure(const Dataset& dataset, const Dims& chunk, const Failure& cause);

// Throws node_not_found if the array's metadata is gone: then its chunks are not missing but moved
// or deleted. Asked once by a call that met a missing chunk.
void check_still_there(const Dataset& dataset);

}  // namespace zarrloom
