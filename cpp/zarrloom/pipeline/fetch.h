// One chunk or one stored object, from its store into an array view: what reads, partial writes and
// streams share.
#pragma once

#include <functional>
#include <optional>

#include "zarrloom/pipeline/read_part.h"

namespace zarrloom {

enum class ChunkState { stored, missing };

// Called once; must not throw.
using ChunkDone = std::function<void(std::optional<Failure>, ChunkState)>;

// Reads and decodes the task's part of its chunk (or object: the task counts in units of that) into
// `out` (out.shape == task.count); what is missing gives fill values. Calls `done` before returning
// if the store answers at once, otherwise from whatever `later` runs. `dataset` and the memory of
// `out` must live until then. A chunk of a shard is read by its range, an object as a whole.
void fetch(const Dataset& dataset, Unit unit, const ChunkTask& task, const ArrayView& out,
           const Continue& later, ChunkDone done, const FetchControl& control = {});

// The same, waited for. Throws what failed.
ChunkState fetch_now(const Dataset& dataset, Unit unit, const ChunkTask& task, const ArrayView& out,
                     const FetchControl& control = {});

// What went wrong with a chunk or an object, as users see it: "chunk (0, 3) at file:///a/c/0/3:
// cause", with index and key set.
Failure fetch_failure(const Dataset& dataset, Unit unit, const Dims& index, const Failure& cause);

// Throws node_not_found if the array's metadata is gone: then its chunks are not missing but moved
// or deleted. Asked once by a call that met a missing chunk.
void check_still_there(const Dataset& dataset);

// ---- What fetches of both kinds are made of ----

struct DecodeTarget {
  const CodecChain& codecs;
  const ChunkTask& task;
  const ArrayView& out;
};

// Memory that stored bytes may be read straight into, as elements; empty if they must be decoded.
MutableBytes direct_memory(const DecodeTarget& target);

// Decodes to where the target is; checks what was read straight there. Throws corrupt_data.
void decode_to(const DecodeTarget& target, ByteView stored);

// Counts the failure, names the unit in it, and tells.
void finish_fetch(const Dataset& dataset, Unit unit, const Dims& index,
                  std::optional<Failure> failure, ChunkState state, const ChunkDone& done);

// Throws if it took longer than allowed.
void check_deadline(const FetchControl& control);

}  // namespace zarrloom
