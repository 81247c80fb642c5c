// The inside of a chunk stream: what it knows, shared by those who take chunks (chunk_stream.cpp)
// and by the tasks that bring them (chunk_stream_tasks.cpp).
#pragma once

#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>

#include "zarrloom/pipeline/chunk_stream.h"
#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/stream_plan.h"

namespace zarrloom {

// One chunk on its way. Owned by its task until it is finished, then by the stream, then taken.
struct StreamSlot {
  std::int64_t sequence = 0;
  ChunkTask task;
  ChunkItem item;
  ByteBudget::Lease lease;
  bool left_out = false;  // not stored, and such chunks are not wanted
};
using StreamSlotPtr = std::unique_ptr<StreamSlot>;

// Tasks share ownership of the state, so that none can outlive it.
class ChunkStream::State : public std::enable_shared_from_this<ChunkStream::State> {
 public:
  State(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
        ChunkStreamOptions options);

  std::optional<ChunkItem> next(const InterruptCheck& interrupt);
  Poll poll(ChunkItem& item);
  void set_listener(std::function<void()> listener);
  void give_back(std::size_t buffer);
  void close();
  std::int64_t total() const { return plan_.total(); }
  const StreamPlan& plan() const { return plan_; }
  bool from_before_fork() const { return generation_ != fork_generation(); }

 private:
  using Slot = StreamSlot;
  using SlotPtr = StreamSlotPtr;
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  void check_buffers() const;
  void check_process() const;
  std::optional<ChunkItem> next_here();
  StreamSlotPtr advance(std::unique_lock<std::mutex>& lock);

  // One chunk's way, on the thread that works on it.
  MutableBytes memory_for(StreamSlot& slot) const;
  ArrayView view_for(StreamSlot& slot) const;
  FetchControl begin(const StreamSlot& slot);
  void run(StreamSlotPtr slot);
  void fetched(StreamSlotPtr slot, std::optional<Failure> failure, ChunkState state);
  void finished(StreamSlotPtr slot);
  void complete(StreamSlot& slot, std::optional<Failure> failure, ChunkState state);
  void confirm_missing(StreamSlot& slot);

  // These need mutex_.
  bool ended() const { return closed_ || given_ >= std::min(total(), stop_at_); }
  bool may_start() const;
  StreamSlotPtr begin_slot(ByteBudget::Lease lease);
  std::vector<StreamSlotPtr> start_some();
  StreamSlotPtr take_ready();
  void hand_over(StreamSlot& slot) const;
  std::map<std::int64_t, StreamSlotPtr>::iterator choose_ready();
  void leave_behind_overdue();
  void take_back_useless(StreamSlot& slot);
  void check_not_starved() const;

  // These must not hold it.
  void post(std::vector<StreamSlotPtr> slots);
  std::optional<ChunkItem> give(StreamSlotPtr slot);

  const std::shared_ptr<Runtime> runtime_;
  const std::shared_ptr<const Dataset> dataset_;
  const ChunkStreamOptions options_;
  const StreamPlan plan_;
  const Recorder::Clock::time_point began_ = Recorder::Clock::now();
  const std::shared_ptr<Executor> executor_;
  const bool inline_;  // there are no other threads
  const std::uint64_t generation_ = fork_generation();
  const CancelToken cancel_ = CancelToken::make();  // of requests in flight
  std::size_t parallel_;
  std::size_t prefetch_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool reads_here_;                // guarded by mutex_; see ChunkStreamOptions::parallel
  std::int64_t next_start_ = 0;    // guarded by mutex_
  std::int64_t given_ = 0;         // guarded by mutex_
  std::int64_t stop_at_ = kNever;  // guarded by mutex_; nothing from here on is started
  std::size_t in_flight_ = 0;      // guarded by mutex_
  std::map<std::int64_t, StreamSlotPtr> ready_;  // guarded by mutex_
  std::map<std::int64_t, Deadline> overdue_;     // guarded by mutex_; of chunks in flight
  std::vector<std::size_t> free_buffers_;        // guarded by mutex_
  std::vector<bool> lent_;                       // guarded by mutex_; buffers with the caller
  std::function<void()> listener_;               // guarded by mutex_
  bool closed_ = false;                          // guarded by mutex_
  bool confirmed_ = false;                       // guarded by mutex_; see check_still_there
};

}  // namespace zarrloom
