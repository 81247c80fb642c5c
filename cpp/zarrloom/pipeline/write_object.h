// One stored object, read, changed and written as a whole under its lock: what every kind of write
// comes down to.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "zarrloom/exec/runtime.h"
#include "zarrloom/pipeline/plan.h"
#include "zarrloom/pipeline/transfer.h"

namespace zarrloom {

// The task's elements become `from` (from.shape == task.count). The task is of a stored object: its
// `chunk` is the object's index.
struct ChunkUpdate {
  ChunkTask task;
  ConstArrayView from;
};

// What changes of one chunk, by whatever it is changed.
struct ChunkEdit {
  bool covers_chunk;     // every element of it that is inside the array
  ConstArrayView whole;  // the chunk as it will be, if the caller's memory is just that; else empty
  std::function<void(const ArrayView& chunk)> apply;  // to the chunk as it was
  ByteView encoded = {};  // the chunk as it is to be stored, if it is known already; else empty
};

// The edits of a chunk in their order; none if it stays as it is. In an array with shards its index
// counts from the shard's origin. Called from several threads.
using EditsOf = std::function<std::vector<ChunkEdit>(const Dims& chunk)>;

// The last edit that covers the chunk, and those after it: what lies under it is never seen.
std::span<const ChunkEdit> seen(std::span<const ChunkEdit> edits);

// The edits that an update makes.
struct ObjectWriter;
EditsOf edits_by(const ObjectWriter& writer, ChunkUpdate update);

enum class IfMissing {
  fill_values,  // the object is made, from fill values and the updates
  leave,        // there is nothing to change
};

struct ObjectWriter {
  Runtime& runtime;
  const Dataset& dataset;
  WriteOptions options = {};
  std::size_t parallel = 0;  // threads that encode the chunks of one shard; 0 = the runtime's

  // Applies the updates, all to one object, in their order. The object is read at most once, and
  // not if one of them covers it; it is written, or erased, once. Of a shard only the chunks that
  // change are decoded and encoded. Throws a failure that names the object. Uses the thread's
  // workspace.
  void write(std::span<const ChunkUpdate> updates,
             IfMissing if_missing = IfMissing::fill_values) const;

  // The same, however the updates are kept. `covers`: they cover the object.
  void edit(const Dims& object, bool covers, const EditsOf& edits_of,
            IfMissing if_missing = IfMissing::fill_values) const;

  void erase(const Dims& chunk) const;
};

// The part of the chunk's elements that the writer's options name; without one the elements.
ArrayView part_of(const ObjectWriter& writer, const ArrayView& chunk);

}  // namespace zarrloom
