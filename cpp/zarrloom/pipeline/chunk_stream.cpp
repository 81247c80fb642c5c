#include "zarrloom/pipeline/chunk_stream.h"

#include <algorithm>
#include <chrono>

#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/chunk_stream_state.h"
#include "zarrloom/pipeline/for_each_chunk.h"

namespace zarrloom {

using std::chrono::milliseconds;

ChunkStream::State::State(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                          ChunkStreamOptions options)
    : runtime_(std::move(runtime)),
      dataset_(std::move(dataset)),
      options_(std::move(options)),
      plan_(*dataset_, options_),
      executor_(runtime_->executor()),
      inline_(executor_->concurrency() == 0),
      parallel_(options_.parallel) {
  const bool at_once = dataset_->store->capabilities().answers_inline;
  if (parallel_ == 0)
    parallel_ = at_once ? runtime_->options().threads : requests_for(*runtime_, *dataset_);
  if (inline_) parallel_ = 1;
  prefetch_ = options_.prefetch.value_or(parallel_ == 1 ? 0 : parallel_);
  reads_here_ =
      inline_ || (parallel_ == 1 && prefetch_ == 0 && at_once && !options_.timeout.count());
  check_buffers();
  for (std::size_t b = options_.buffers.size(); b-- > 0;) free_buffers_.push_back(b);
  lent_.resize(options_.buffers.size());
}

void ChunkStream::State::check_buffers() const {
  if (dataset_->dtype().is_variable() && !options_.buffers.empty()) {
    fail(ErrorCode::unsupported,
         "elements of type " + dataset_->dtype().numpy_name() + " do not fit into buffers");
  }
  for (const MutableBytes& buffer : options_.buffers) {
    if (buffer.size() >= dataset_->largest_codecs(options_.unit).decoded_size()) continue;
    fail(ErrorCode::invalid_argument,
         "a buffer of " + std::to_string(buffer.size()) + " bytes is too small for a chunk of " +
             std::to_string(dataset_->largest_codecs(options_.unit).decoded_size()));
  }
}

void ChunkStream::State::check_process() const {
  if (!from_before_fork()) return;
  fail(ErrorCode::invalid_argument,
       "this chunk stream was made before the process forked; make a new one in the child");
}

// ---- Taking ----

std::optional<ChunkItem> ChunkStream::State::next(const InterruptCheck& interrupt) {
  check_process();
  std::unique_lock lock(mutex_);
  if (reads_here_) {
    lock.unlock();
    return next_here();
  }
  while (true) {
    SlotPtr slot = advance(lock);
    if (slot) {
      lock.unlock();
      return give(std::move(slot));
    }
    if (ended()) return std::nullopt;
    check_not_starved();
    changed_.wait_for(lock, milliseconds(50));
    if (!interrupt) continue;
    lock.unlock();  // the check may run code of the caller's
    if (interrupt()) fail(ErrorCode::cancelled, "cancelled while waiting for a chunk");
    lock.lock();
  }
}

ChunkStream::Poll ChunkStream::State::poll(ChunkItem& item) {
  check_process();
  std::optional<ChunkItem> found;
  if (inline_) {
    found = next_here();
    if (!found) return Poll::end;
  } else {
    std::unique_lock lock(mutex_);
    SlotPtr slot = advance(lock);
    if (!slot) {
      if (!ended()) check_not_starved();
      return ended() ? Poll::end : Poll::pending;
    }
    lock.unlock();
    found = give(std::move(slot));
  }
  item = std::move(*found);
  return Poll::ready;
}

// A chunk that is ready, or null if there is none and nothing more can be started.
StreamSlotPtr ChunkStream::State::advance(std::unique_lock<std::mutex>& lock) {
  while (true) {
    leave_behind_overdue();
    SlotPtr slot = take_ready();
    if (slot && parallel_ == 1) return slot;  // the next one is begun when it is asked for
    std::vector<SlotPtr> starting = start_some();
    if (starting.empty()) return slot;
    lock.unlock();
    post(std::move(starting));
    lock.lock();
    if (slot) return slot;
  }
}

std::optional<ChunkItem> ChunkStream::State::next_here() {
  while (true) {
    SlotPtr slot;
    {
      const std::lock_guard lock(mutex_);
      if (ended() || next_start_ >= std::min(total(), stop_at_)) return std::nullopt;
      if (!options_.buffers.empty() && free_buffers_.empty()) check_not_starved();
      slot = begin_slot(
          runtime_->budget().try_acquire(bytes_in_flight(*dataset_, options_.unit), false));
    }
    std::optional<Failure> failure;
    ChunkState state = ChunkState::stored;
    try {
      const ArrayView out = view_for(*slot);
      state = fetch_now(*dataset_, options_.unit, slot->task, out, begin(*slot));
    } catch (...) {
      failure = current_failure();
    }
    complete(*slot, std::move(failure), state);
    {
      const std::lock_guard lock(mutex_);
      overdue_.erase(slot->sequence);
      hand_over(*slot);
      take_back_useless(*slot);
      if (slot->item.buffer) lent_[*slot->item.buffer] = true;
      --in_flight_;
      ++given_;
      if (slot->item.failure && !options_.keep_going) stop_at_ = 0;
      changed_.notify_all();
    }
    if (!slot->left_out) return give(std::move(slot));
  }
}

StreamSlotPtr ChunkStream::State::take_ready() {
  SlotPtr slot;
  while (!slot) {
    const auto chosen = closed_ ? ready_.end() : choose_ready();
    if (chosen == ready_.end()) break;
    slot = std::move(chosen->second);
    ready_.erase(chosen);
    ++given_;
    if (slot->left_out) slot.reset();
  }
  if (slot) {
    hand_over(*slot);
    if (slot->item.buffer) lent_[*slot->item.buffer] = true;
    if (slot->item.failure && !options_.keep_going) {
      stop_at_ = 0;
      ready_.clear();
    }
  }
  if (ended()) changed_.notify_all();  // other consumers wait for an end
  return slot;
}

void ChunkStream::State::hand_over(StreamSlot& slot) const {
  if (options_.count_taken && !slot.item.failure) slot.item.lease = std::move(slot.lease);
  slot.lease.release();
}

std::map<std::int64_t, StreamSlotPtr>::iterator ChunkStream::State::choose_ready() {
  if (ready_.empty()) return ready_.end();
  if (options_.ordered) return ready_.begin()->first == given_ ? ready_.begin() : ready_.end();
  if (stop_at_ == kNever) return ready_.begin();
  // A failure is told at once.
  return std::find_if(ready_.begin(), ready_.end(),
                      [](const auto& entry) { return entry.second->item.failure.has_value(); });
}

std::optional<ChunkItem> ChunkStream::State::give(SlotPtr slot) {
  if (!slot->item.failure || options_.keep_going) return std::move(slot->item);
  cancel_.cancel();  // the rest is of no use
  throw Error(std::move(*slot->item.failure));
}

void ChunkStream::State::check_not_starved() const {
  if (options_.buffers.empty() || !free_buffers_.empty() || in_flight_ > 0 || !ready_.empty()) {
    return;
  }
  fail(ErrorCode::invalid_argument,
       "every buffer of this chunk stream is with the caller; give one back first");
}

// ---- Starting ----

bool ChunkStream::State::may_start() const {
  if (closed_ || next_start_ >= std::min(total(), stop_at_)) return false;
  if (!options_.buffers.empty() && free_buffers_.empty()) return false;
  return in_flight_ < parallel_ && in_flight_ + ready_.size() < parallel_ + prefetch_;
}

StreamSlotPtr ChunkStream::State::begin_slot(ByteBudget::Lease lease) {
  auto slot = std::make_unique<Slot>();
  slot->sequence = next_start_++;
  slot->task = plan_.task(slot->sequence);
  slot->item.chunk = slot->task.chunk;
  slot->item.shape = slot->task.count;
  slot->lease = std::move(lease);
  if (!options_.buffers.empty()) {
    slot->item.buffer = free_buffers_.back();
    free_buffers_.pop_back();
  }
  ++in_flight_;
  return slot;
}

std::vector<StreamSlotPtr> ChunkStream::State::start_some() {
  std::vector<SlotPtr> starting;
  while (may_start()) {
    // The oldest chunk that is not taken is always among those held, so holding one is enough to
    // go on by, in order too.
    const bool holding = in_flight_ + ready_.size() > 0;
    ByteBudget::Lease lease =
        runtime_->budget().try_acquire(bytes_in_flight(*dataset_, options_.unit), holding);
    if (!lease) break;
    starting.push_back(begin_slot(std::move(lease)));
  }
  return starting;
}

void ChunkStream::State::post(std::vector<SlotPtr> slots) {
  for (SlotPtr& slot : slots) {
    // std::function wants copyable things, so the slot travels as a bare pointer.
    executor_->post([self = shared_from_this(), raw = slot.release()] { self->run(SlotPtr(raw)); });
  }
}

// ---- The rest ----

void ChunkStream::State::set_listener(std::function<void()> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
  reads_here_ = inline_;
}

void ChunkStream::State::give_back(std::size_t buffer) {
  std::vector<SlotPtr> starting;
  {
    const std::lock_guard lock(mutex_);
    if (buffer >= lent_.size() || !lent_[buffer]) {
      fail(ErrorCode::invalid_argument, "this buffer was not given out");
    }
    lent_[buffer] = false;
    free_buffers_.push_back(buffer);
    if (!reads_here_ && parallel_ > 1) starting = start_some();
    changed_.notify_all();
  }
  post(std::move(starting));
}

void ChunkStream::State::close() {
  std::map<std::int64_t, SlotPtr> dropped;
  std::function<void()> listener;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(ready_);
    listener = listener_;
    changed_.notify_all();
  }
  cancel_.cancel();
  std::unique_lock lock(mutex_);
  while (in_flight_ > 0) {
    leave_behind_overdue();
    if (in_flight_ > 0) changed_.wait_for(lock, milliseconds(50));
  }
  lock.unlock();
  if (listener) listener();
}

ChunkStream::ChunkStream(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                         ChunkStreamOptions options)
    : state_(std::make_shared<State>(std::move(runtime), std::move(dataset), std::move(options))) {}

ChunkStream::~ChunkStream() { close(); }

std::optional<ChunkItem> ChunkStream::next(const InterruptCheck& interrupt) {
  return state_->next(interrupt);
}

ChunkStream::Poll ChunkStream::poll(ChunkItem& item) { return state_->poll(item); }

void ChunkStream::set_listener(std::function<void()> listener) {
  state_->set_listener(std::move(listener));
}

void ChunkStream::give_back(std::size_t buffer) { state_->give_back(buffer); }

void ChunkStream::close() {
  if (!state_->from_before_fork()) return state_->close();
  // Its tasks are in the parent and its mutex may be held for ever: leaked on purpose.
  static_cast<void>(new std::shared_ptr<State>(state_));
}

std::int64_t ChunkStream::total() const { return state_->total(); }
Dims ChunkStream::chunk(std::int64_t i) const {
  if (i < 0 || i >= total()) fail(ErrorCode::selection, "the stream has no such chunk");
  return state_->plan().task(i).chunk;
}
Selection ChunkStream::place(const Dims& chunk) const { return state_->plan().place(chunk); }

}  // namespace zarrloom
