// Whole chunks, written in the background at the pace at which the budget lets them in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "zarrloom/pipeline/dataset.h"
#include "zarrloom/pipeline/transfer.h"

namespace zarrloom {

struct ChunkWriterOptions {
  // Chunks being encoded and written at one time. 1 = each on the calling thread, before push()
  // returns. 0 = the runtime's threads.
  std::size_t parallel = 0;
  bool keep_going = false;  // failures are collected, not thrown
  WriteOptions write = {};
};

struct FailedChunk {
  Dims chunk;
  Failure failure;
  // C-ordered elements of `shape`, to be written again, and the budget that they hold. Empty if
  // they did not fit the chunk, or if the failed ones would have filled a quarter of the budget.
  Dims shape = {};
  Bytes data = {};
  std::unique_ptr<Arena> arena = {};  // holds the bytes of elements of variable size
  ByteBudget::Lease lease = {};
};

// In the order in which they were pushed, each once.
struct WrittenChunks {
  std::vector<std::int64_t> written;  // numbers in the grid
  std::vector<FailedChunk> failed;
};

// For one calling thread at a time. Of a chunk that is pushed more than once the last one counts.
// The runtime must outlive what finish() gives. An interrupt ends the waiting with
// Error{cancelled}; what was pushed is written nevertheless.
class ChunkWriter {
 public:
  ChunkWriter(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
              ChunkWriterOptions options);
  ~ChunkWriter();  // waits for what was pushed
  ChunkWriter(const ChunkWriter&) = delete;
  ChunkWriter& operator=(const ChunkWriter&) = delete;

  // Copies `data`, which is of the chunk's shape, whole or clipped at the array's edge, or 0-d to
  // fill it. Waits while the budget is full. Unless it keeps going: throws what is wrong with the
  // arguments, or the first failure of a chunk pushed before, when nothing runs any more.
  void push(const Dims& chunk, const ConstArrayView& data, const InterruptCheck& interrupt = {});

  // How many of the pushed ones are written or failed; waits until they are more than `seen` or
  // nothing runs.
  std::int64_t wait(std::int64_t seen, const InterruptCheck& interrupt = {});

  // Waits for all. Unless it keeps going: throws the failure that was pushed first. Call once.
  WrittenChunks finish(const InterruptCheck& interrupt = {});

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace zarrloom
