// Chunks one after another, read and decoded ahead of whoever takes them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "zarrloom/exec/runtime.h"
#include "zarrloom/pipeline/dataset.h"

namespace zarrloom {

struct ChunkItem {
  Dims chunk;  // grid index
  Dims shape;  // clipped at the array's edge
  Bytes data;  // C-ordered elements
};

struct ChunkStreamOptions {
  // Chunks being read or decoded at one time. 1 = no read-ahead: each chunk is read inside next(),
  // on the calling thread. 0 = the runtime's threads.
  std::size_t parallel = 0;
  bool ordered = true;  // false: whichever is ready first
  // Chunk numbers (C order of the grid) in the order in which they are wanted; nullopt = all.
  std::optional<std::vector<std::int64_t>> chunks = {};
};

// Thread-safe: several threads may call next(), each chunk goes to one of them. Chunks that are
// read but not yet taken are counted in the runtime's byte budget, of which a stream may always
// hold one chunk. The first failure ends the stream: it is thrown by one next(), later ones find
// the end. A stream made before a fork throws in the child.
class ChunkStream {
 public:
  ChunkStream(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
              ChunkStreamOptions options);
  ~ChunkStream();  // close()
  ChunkStream(const ChunkStream&) = delete;
  ChunkStream& operator=(const ChunkStream&) = delete;

  // nullopt at the end. Throws Error{cancelled} if the interrupt check says so; the stream can
  // still be used then.
  std::optional<ChunkItem> next(const InterruptCheck& interrupt = {});

  // Stops reading ahead, waits for what runs and frees it. next() finds the end then.
  void close();

  std::int64_t total() const;  // chunks that a full run gives

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace zarrloom
