// Reading from an array that has shards: first the indexes of its shards, then ranges of them that
// hold many chunks each.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "zarrloom/pipeline/for_each_chunk.h"
#include "zarrloom/pipeline/shard_index.h"
#include "zarrloom/pipeline/wanted.h"

namespace zarrloom {

// What is wanted of one shard.
class WantedOfShard {
 public:
  virtual ~WantedOfShard() = default;
  virtual std::int64_t count() const = 0;           // chunks
  virtual Dims chunk(std::int64_t k) const = 0;     // in the array's grid
  virtual WantedBox box(std::int64_t k) const = 0;  // of that chunk
  virtual bool covers_shard() const = 0;            // all that the array has of it
  virtual WantedBox whole() const = 0;              // all of it, as a box of the stored object
};

// Shards, each once. Any thread may ask; the dataset and the caller's memory must outlive it.
class WantedOfShards {
 public:
  virtual ~WantedOfShards() = default;
  virtual std::int64_t count() const = 0;
  virtual Dims object(std::int64_t i) const = 0;
  virtual std::unique_ptr<WantedOfShard> shard(std::int64_t i) const = 0;
  // Whether a whole shard is decoded to the caller's memory, and to no other.
  virtual bool in_place() const = 0;
};

std::unique_ptr<WantedOfShards> shards_of(const Dataset& dataset, const Selection& selection,
                                          const ArrayView& out);
std::unique_ptr<WantedOfShards> shards_of(const Dataset& dataset,
                                          std::shared_ptr<const Wanted> wanted);

// As read_selection and start_read_selection, for what was checked.
void read_from_shards(Runtime& runtime, const Dataset& dataset,
                      std::unique_ptr<WantedOfShards> wanted, const CallOptions& options);
void start_read_from_shards(std::shared_ptr<Runtime> runtime,
                            std::shared_ptr<const Dataset> dataset,
                            std::unique_ptr<WantedOfShards> wanted, const CallOptions& options,
                            TransferDone done);

}  // namespace zarrloom
