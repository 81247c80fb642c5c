// The indexes of shards, kept from call to call as long as their shards stay the same.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "zarrloom/pipeline/read_part.h"

namespace zarrloom {

struct ShardIndex {
  ShardRanges ranges;
  ObjectVersion version;  // of the shard: its parts are to be read only if they have it still
  Recorder::Clock::time_point as_of;  // when it was asked for
};
using ShardIndexPtr = std::shared_ptr<const ShardIndex>;

// A shard as its index is asked for.
struct ShardPlace {
  std::string key;
  ChainPtr codecs;

  const ShardIndexFormat& format() const { return codecs->shard_layout()->index; }
};

// Throws what binding its codecs throws.
ShardPlace shard_place(const Dataset& dataset, const Dims& object);

// Null and no failure: the shard is missing. Called once; must not throw.
using IndexDone = std::function<void(ShardIndexPtr, std::optional<Failure>)>;

// Remembered: where it lies a read tells by the version whether it is true still. But that a chunk
// is not stored no read tells: that counts only if as_of is not before the call's `since`.
enum class IndexSource { remembered_or_read, read };

// The shard's index as this process remembers it, or else as one read of its end (or start) gives
// it. Calls `done` at once or from whatever `later` runs. The dataset must live until then.
void load_index(const Dataset& dataset, const ShardPlace& shard, IndexSource source,
                const FetchControl& control, const Continue& later, IndexDone done);

// The shard is another one by now.
void forget_index(const Dataset& dataset, const ShardPlace& shard);

}  // namespace zarrloom
