#include "zarrloom/pipeline/chunk_stream.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>

#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/fetch.h"

namespace zarrloom {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// One chunk on its way. Owned by its task until it is finished, then by the stream, then taken.
struct Slot {
  std::int64_t sequence = 0;
  ChunkItem item;
  ByteBudget::Lease lease;
  std::optional<Failure> failure;
};
using SlotPtr = std::unique_ptr<Slot>;

}  // namespace

// Tasks share ownership of the state, so that none can outlive it.
class ChunkStream::State : public std::enable_shared_from_this<ChunkStream::State> {
 public:
  State(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
        ChunkStreamOptions options);

  std::optional<ChunkItem> next(const InterruptCheck& interrupt);
  void close();
  std::int64_t total() const { return total_; }
  bool from_before_fork() const { return generation_ != fork_generation(); }

 private:
  std::optional<ChunkItem> next_here();
  std::optional<ChunkItem> next_ahead(const InterruptCheck& interrupt);

  // The chunk with this number in the stream, its memory not yet read.
  SlotPtr make_slot(std::int64_t sequence) const;
  void allocate(Slot& slot) const;
  ChunkTask task_for(const Slot& slot) const;
  void confirm_missing(Slot& slot);

  // These need mutex_.
  bool may_start() const;
  std::vector<SlotPtr> start_some();
  SlotPtr take_ready();
  bool ended() const { return closed_ || given_ >= std::min(total_, stop_at_); }

  // These must not hold it.
  void post(std::vector<SlotPtr> slots);
  void run(SlotPtr slot);
  void finished(SlotPtr slot);
  std::optional<ChunkItem> give(SlotPtr slot);

  const std::shared_ptr<Runtime> runtime_;
  const std::shared_ptr<const Dataset> dataset_;
  const ChunkStreamOptions options_;
  const std::shared_ptr<Executor> executor_;
  const std::uint64_t generation_;
  const Dims grid_;
  std::size_t parallel_;
  std::int64_t total_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t next_start_ = 0;            // guarded by mutex_
  std::int64_t given_ = 0;                 // guarded by mutex_
  std::int64_t stop_at_ = kNever;          // guarded by mutex_; nothing from here on is started
  std::size_t in_flight_ = 0;              // guarded by mutex_
  std::map<std::int64_t, SlotPtr> ready_;  // guarded by mutex_
  bool closed_ = false;                    // guarded by mutex_
  bool confirmed_ = false;                 // guarded by mutex_; see check_still_there
};

ChunkStream::State::State(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                          ChunkStreamOptions options)
    : runtime_(std::move(runtime)),
      dataset_(std::move(dataset)),
      options_(std::move(options)),
      executor_(runtime_->executor()),
      generation_(fork_generation()),
      grid_(grid_shape(dataset_->shape, dataset_->chunk_shape)),
      parallel_(options_.parallel != 0 ? options_.parallel : runtime_->options().threads),
      total_(options_.chunks ? static_cast<std::int64_t>(options_.chunks->size())
                             : checked_product(grid_, "number of chunks")) {
  if (executor_->concurrency() == 0) parallel_ = 1;
  if (!options_.chunks) return;
  for (std::int64_t number : *options_.chunks) chunk_from_number(number, grid_);  // checks
}

SlotPtr ChunkStream::State::make_slot(std::int64_t sequence) const {
  auto slot = std::make_unique<Slot>();
  slot->sequence = sequence;
  const std::int64_t number =
      options_.chunks ? (*options_.chunks)[static_cast<std::size_t>(sequence)] : sequence;
  slot->item.chunk = chunk_from_number(number, grid_);
  slot->item.shape =
      chunk_selection(slot->item.chunk, dataset_->shape, dataset_->chunk_shape).count;
  return slot;
}

void ChunkStream::State::allocate(Slot& slot) const {
  const std::int64_t elements = checked_product(slot.item.shape, "chunk");
  slot.item.data = Bytes(static_cast<std::size_t>(elements) * dataset_->item_size());
}

ChunkTask ChunkStream::State::task_for(const Slot& slot) const {
  const std::size_t rank = grid_.size();
  const Dims zeros = Dims::filled(rank, 0);
  return {slot.item.chunk, zeros, Dims::filled(rank, 1), slot.item.shape, zeros, true};
}

// Missing chunks are fill values only as long as the array is there: asked once for a stream.
void ChunkStream::State::confirm_missing(Slot& slot) {
  {
    const std::lock_guard lock(mutex_);
    if (confirmed_) return;
  }
  try {
    check_still_there(*dataset_);
    const std::lock_guard lock(mutex_);
    confirmed_ = true;
  } catch (...) {
    slot.failure = current_failure();
  }
}

std::optional<ChunkItem> ChunkStream::State::next(const InterruptCheck& interrupt) {
  if (from_before_fork()) {
    fail(ErrorCode::invalid_argument,
         "this chunk stream was made before the process forked; make a new one in the child");
  }
  return parallel_ == 1 ? next_here() : next_ahead(interrupt);
}

std::optional<ChunkItem> ChunkStream::State::next_here() {
  SlotPtr slot;
  {
    const std::lock_guard lock(mutex_);
    if (ended() || next_start_ >= std::min(total_, stop_at_)) return std::nullopt;
    slot = make_slot(next_start_++);
    ++in_flight_;
  }
  const std::size_t bytes = dataset_->codecs.decoded_size();
  slot->lease = runtime_->budget().try_acquire(bytes, false);
  try {
    allocate(*slot);
    const ArrayView out = c_view(slot->item.data.span(), slot->item.shape, dataset_->item_size());
    if (fetch_chunk_now(*dataset_, task_for(*slot), out) == ChunkState::missing) {
      confirm_missing(*slot);
    }
  } catch (...) {
    slot->failure = current_failure();
  }
  slot->lease.release();
  {
    const std::lock_guard lock(mutex_);
    --in_flight_;
    ++given_;
    if (slot->failure) stop_at_ = 0;
    changed_.notify_all();
  }
  return give(std::move(slot));
}

std::optional<ChunkItem> ChunkStream::State::next_ahead(const InterruptCheck& interrupt) {
  std::unique_lock lock(mutex_);
  while (true) {
    SlotPtr slot = take_ready();
    std::vector<SlotPtr> starting = start_some();
    const bool progress = slot != nullptr || !starting.empty();
    const bool at_end = slot == nullptr && ended();
    if (progress) {
      lock.unlock();
      post(std::move(starting));
      if (slot) return give(std::move(slot));
      lock.lock();
      continue;
    }
    if (at_end) return std::nullopt;
    changed_.wait_for(lock, milliseconds(50));
    if (!interrupt) continue;
    lock.unlock();  // the check may run code of the caller's
    if (interrupt()) fail(ErrorCode::cancelled, "cancelled while waiting for a chunk");
    lock.lock();
  }
}

bool ChunkStream::State::may_start() const {
  if (closed_ || next_start_ >= std::min(total_, stop_at_)) return false;
  // As many again may lie ready: the slowest consumer then still finds work done.
  return in_flight_ < parallel_ && in_flight_ + ready_.size() < 2 * parallel_;
}

std::vector<SlotPtr> ChunkStream::State::start_some() {
  std::vector<SlotPtr> starting;
  while (may_start()) {
    // The oldest chunk that is not taken is always among those held, so holding one is enough to
    // go on by, in order too.
    const bool holding = in_flight_ + ready_.size() > 0;
    ByteBudget::Lease lease =
        runtime_->budget().try_acquire(dataset_->codecs.decoded_size(), holding);
    if (!lease) break;
    starting.push_back(make_slot(next_start_++));
    starting.back()->lease = std::move(lease);
    ++in_flight_;
  }
  return starting;
}

SlotPtr ChunkStream::State::take_ready() {
  if (closed_ || ready_.empty()) return nullptr;
  auto chosen = ready_.begin();
  if (options_.ordered && chosen->first != given_) return nullptr;
  if (!options_.ordered && stop_at_ != kNever) {  // a failure is told at once
    chosen = std::find_if(ready_.begin(), ready_.end(),
                          [](const auto& entry) { return entry.second->failure.has_value(); });
    if (chosen == ready_.end()) return nullptr;
  }
  SlotPtr slot = std::move(chosen->second);
  ready_.erase(chosen);
  slot->lease.release();
  ++given_;
  if (slot->failure) {
    stop_at_ = 0;
    ready_.clear();
  }
  if (ended()) changed_.notify_all();  // other consumers wait for an end
  return slot;
}

void ChunkStream::State::post(std::vector<SlotPtr> slots) {
  for (SlotPtr& slot : slots) {
    // std::function wants copyable things, so the slot travels as a bare pointer.
    executor_->post([self = shared_from_this(), raw = slot.release()] { self->run(SlotPtr(raw)); });
  }
}

void ChunkStream::State::run(SlotPtr slot) {
  Slot& s = *slot;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) s.failure = Failure{.code = ErrorCode::cancelled, .message = "stream closed"};
  }
  if (!s.failure) {
    try {
      allocate(s);
    } catch (...) {
      s.failure = chunk_failure(*dataset_, s.item.chunk, current_failure());
    }
  }
  if (s.failure) return finished(std::move(slot));
  const ArrayView out = c_view(s.item.data.span(), s.item.shape, dataset_->item_size());
  fetch_chunk(
      *dataset_, task_for(s), out,
      [executor = executor_](std::function<void()> rest) { executor->post(std::move(rest)); },
      [self = shared_from_this(), raw = slot.release()](std::optional<Failure> failure,
                                                        ChunkState state) {
        SlotPtr back(raw);
        back->failure = std::move(failure);
        if (state == ChunkState::missing && !back->failure) self->confirm_missing(*back);
        trim_workspace(thread_workspace());
        self->finished(std::move(back));
      });
}

void ChunkStream::State::finished(SlotPtr slot) {
  std::vector<SlotPtr> starting;
  {
    const std::lock_guard lock(mutex_);
    if (slot->failure) stop_at_ = std::min(stop_at_, slot->sequence + 1);
    if (closed_ || stop_at_ == 0) {
      slot.reset();  // the lease with it, before the task counts as finished
    } else {
      ready_.emplace(slot->sequence, std::move(slot));
    }
    --in_flight_;
    starting = start_some();
    changed_.notify_all();
  }
  post(std::move(starting));
}

std::optional<ChunkItem> ChunkStream::State::give(SlotPtr slot) {
  if (slot->failure) throw Error(std::move(*slot->failure));
  return std::move(slot->item);
}

void ChunkStream::State::close() {
  std::map<std::int64_t, SlotPtr> dropped;
  std::unique_lock lock(mutex_);
  closed_ = true;
  dropped.swap(ready_);
  changed_.notify_all();
  changed_.wait(lock, [&] { return in_flight_ == 0; });
}

ChunkStream::ChunkStream(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                         ChunkStreamOptions options)
    : state_(std::make_shared<State>(std::move(runtime), std::move(dataset), std::move(options))) {}

ChunkStream::~ChunkStream() { close(); }

std::optional<ChunkItem> ChunkStream::next(const InterruptCheck& interrupt) {
  return state_->next(interrupt);
}

void ChunkStream::close() {
  if (!state_->from_before_fork()) return state_->close();
  // Its tasks are in the parent and its mutex may be held for ever: leaked on purpose.
  static_cast<void>(new std::shared_ptr<State>(state_));
}

std::int64_t ChunkStream::total() const { return state_->total(); }

}  // namespace zarrloom
