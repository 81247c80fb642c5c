// Chunks one after another, read and decoded ahead of whoever takes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "zarrloom/exec/runtime.h"
#include "zarrloom/pipeline/dataset.h"

namespace zarrloom {

struct ChunkItem {
  Dims chunk;  // grid index
  Dims shape;  // of the elements: clipped at the array's edge and to the stream's selection
  Bytes data;  // C-ordered elements; empty if they lie in a buffer of the options
  std::unique_ptr<Arena> arena = {};       // holds the bytes of elements of variable size
  std::optional<std::size_t> buffer = {};  // its number, until give_back()
  std::optional<Failure> failure = {};     // ChunkStreamOptions::keep_going: instead of elements
  double result = 0;                       // whatever ChunkStreamOptions::each leaves here
  ByteBudget::Lease lease = {};  // ChunkStreamOptions::count_taken; not to outlive the runtime
};

struct ChunkStreamOptions {
  Unit unit = Unit::chunk;  // object: by shards, where the array has them
  // Chunks being read or decoded at one time. 1 = no read-ahead: each chunk is read when it is
  // asked for, on the calling thread unless there is a timeout. 0 = as many as the runtime has
  // threads, or requests at a store that answers later.
  std::size_t parallel = 0;
  std::optional<std::size_t> prefetch = {};  // chunks that may lie ready; absent: `parallel`
  bool ordered = true;                       // false: whichever is ready first
  // Chunk numbers (C order of the grid) in the order in which they are wanted; absent: all. Those
  // that the selection does not touch are left out.
  std::optional<std::vector<std::int64_t>> chunks = {};
  std::optional<Selection> selection = {};  // absent: the whole array
  // Chunks that are not stored are left out: by listing the store once where it can list.
  bool skip_missing = false;
  bool keep_going = false;  // a chunk that failed is an item, and the stream goes on
  // For reading and decoding one chunk, from when it is begun; 0 = for ever. A store that answers
  // later is told to give up; a chunk that hangs nevertheless is left behind to end by itself.
  std::chrono::nanoseconds timeout{0};
  // Runs on the thread that decoded a chunk, several at a time. What it throws is the chunk's
  // failure. May change the elements.
  std::function<void(ChunkItem&, MutableBytes elements)> each = {};
  // What was taken is counted in the budget as well, until its item's lease ends.
  bool count_taken = false;
  // Memory of the caller's, each as large as a chunk: chunks are decoded into these and into
  // nothing else, each free again after give_back(). Empty: every item has memory of its own. Not
  // for elements of variable size.
  std::vector<MutableBytes> buffers = {};
};

// Thread-safe: several threads may call next(), each chunk goes to one of them. Chunks that are
// read but not yet taken are counted in the runtime's byte budget, of which a stream may always
// hold one chunk. Unless it keeps going, the first failure ends the stream: it is thrown by one
// next(), later ones find the end. A stream made before a fork throws in the child.
class ChunkStream {
 public:
  // Throws selection, invalid_argument (a buffer too small), and what listing throws.
  ChunkStream(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
              ChunkStreamOptions options);
  ~ChunkStream();  // close()
  ChunkStream(const ChunkStream&) = delete;
  ChunkStream& operator=(const ChunkStream&) = delete;

  // nullopt at the end. Throws Error{cancelled} if the interrupt check says so; the stream can
  // still be used then.
  std::optional<ChunkItem> next(const InterruptCheck& interrupt = {});

  // For event loops: never waits. `pending` means that the listener will be called, and to try
  // again then.
  enum class Poll { ready, pending, end };
  Poll poll(ChunkItem& item);
  // Called, on any thread, whenever there may be something new. Must not throw or call the stream.
  void set_listener(std::function<void()> listener);

  void give_back(std::size_t buffer);

  // Stops reading ahead, cancels requests in flight, waits for what runs and frees it. next() finds
  // the end then.
  void close();

  std::int64_t total() const;  // chunks that a full run gives, or at most gives with skip_missing
  Dims chunk(std::int64_t i) const;          // the i-th in order, of [0, total())
  Selection place(const Dims& chunk) const;  // the elements of the array that its item holds

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace zarrloom
