// A selection of an array that has shards: first the indexes of its shards, then ranges of them
// that hold many chunks each.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "zarrloom/pipeline/for_each_chunk.h"
#include "zarrloom/pipeline/shard_index.h"

namespace zarrloom {

// Two loops, one after the other: find() for each of index_work(), read() for each of range_work().
// Dataset and memory must outlive it.
class ShardedRead {
 public:
  ShardedRead(const Dataset& dataset, const Selection& selection, const ArrayView& out);

  Work index_work() const;
  void find(std::int64_t i, const Continue& later, const FetchControl& control, RequestDone done);

  // Puts what was found together into ranges: chunks that lie close to each other, up to a size
  // that gives each thread some.
  Work range_work();
  void read(std::int64_t i, const Continue& later, const FetchControl& control, RequestDone done);

  bool met_missing() const { return met_missing_; }

 private:
  // A wanted chunk that is stored.
  struct Piece {
    ShardRange range;
    std::int64_t task;  // its number in the shard's plan
  };
  // What is wanted of a shard.
  struct Shard {
    Plan plan;       // of its chunks
    Dims out_start;  // where the plan's own array lies in `out_`
    ShardPlace place;
    ShardIndexPtr index;
    std::vector<Piece> pieces;  // by where they begin
  };
  struct Range {
    const Shard* shard;
    std::size_t first, count;  // pieces
    std::uint64_t begin, end;  // bytes of the shard
  };

  bool taken_as_a_whole(const ChunkTask& object, const Shard& shard) const;
  void look(IndexSource source, const ChunkTask& object, std::shared_ptr<Shard> shard,
            const Continue& later, const FetchControl& control, RequestDone done);
  const ShardRange& range_of(const Shard& shard, const Dims& chunk) const;
  bool lacks_chunks(const Shard& shard) const;
  void split(const ChunkTask& object, const std::shared_ptr<Shard>& shard);
  void fill(const ArrayView& part);
  ArrayView out_of(const Shard& shard, const ChunkTask& task) const;
  void group(const Shard& shard, const Coalescing& coalescing);
  void answered(const Range& range, PartAnswer& answer, const RequestDone& done);
  void decode(const Range& range, PartAnswer& answer);
  void read_one_by_one(const Range& range, const Continue& later, const FetchControl& control,
                       RequestDone done);

  const Dataset& dataset_;
  const Plan objects_;
  const ArrayView out_;
  std::atomic<bool> met_missing_ = false;

  std::mutex mutex_;
  std::vector<std::shared_ptr<Shard>> shards_;  // guarded by mutex_ until range_work()
  std::vector<Range> ranges_;                   // made by range_work(), constant after that
};

}  // namespace zarrloom
