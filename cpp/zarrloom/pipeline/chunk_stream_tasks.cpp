// How the chunks of a stream are read and decoded.
#include <algorithm>
#include <chrono>

#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/chunk_stream_state.h"

namespace zarrloom {
namespace {

using Clock = std::chrono::steady_clock;

// What a store that keeps its word is given beyond the deadline before its chunk is left behind.
constexpr std::chrono::milliseconds kGrace{20};

Failure cancelled() { return {.code = ErrorCode::cancelled, .message = "stream closed"}; }

}  // namespace

MutableBytes ChunkStream::State::memory_for(Slot& slot) const {
  const auto bytes =
      static_cast<std::size_t>(checked_product(slot.item.shape, "chunk")) * dataset_->item_size();
  if (slot.item.buffer) return options_.buffers[*slot.item.buffer].first(bytes);
  if (slot.item.data.size() != bytes) slot.item.data = Bytes(bytes);
  return slot.item.data.span();
}

ArrayView ChunkStream::State::view_for(Slot& slot) const {
  ArrayView view = c_view(memory_for(slot), slot.item.shape, dataset_->item_size());
  if (!dataset_->dtype().is_variable()) return view;
  slot.item.arena = std::make_unique<Arena>();
  view.arena = slot.item.arena.get();
  return view;
}

FetchControl ChunkStream::State::begin(const Slot& slot) {
  FetchControl control{.cancel = cancel_, .since = began_};
  if (options_.timeout.count() == 0) return control;
  control.deadline = Clock::now() + options_.timeout;
  const std::lock_guard lock(mutex_);
  overdue_[slot.sequence] = control.deadline + kGrace;
  return control;
}

void ChunkStream::State::run(SlotPtr slot) {
  ArrayView out;
  try {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) throw Error(cancelled());
    }
    out = view_for(*slot);
  } catch (...) {
    slot->item.failure =
        fetch_failure(*dataset_, options_.unit, slot->item.chunk, current_failure());
    return finished(std::move(slot));
  }
  const ChunkTask task = slot->task;
  const FetchControl control = begin(*slot);
  fetch(
      *dataset_, options_.unit, task, out,
      [executor = executor_](std::function<void()> rest) { executor->post(std::move(rest)); },
      [self = shared_from_this(), raw = slot.release()](std::optional<Failure> failure,
                                                        ChunkState state) {
        self->fetched(SlotPtr(raw), std::move(failure), state);
      },
      control);
}

void ChunkStream::State::fetched(SlotPtr slot, std::optional<Failure> failure, ChunkState state) {
  if (options_.timeout.count() != 0) {
    const std::lock_guard lock(mutex_);
    if (overdue_.erase(slot->sequence) == 0) return;  // left behind: the chunk was told as failed
  }
  complete(*slot, std::move(failure), state);
  trim_workspace(thread_workspace());
  finished(std::move(slot));
}

// What follows decoding.
void ChunkStream::State::complete(Slot& slot, std::optional<Failure> failure, ChunkState state) {
  slot.item.failure = std::move(failure);
  if (state == ChunkState::missing && !slot.item.failure) confirm_missing(slot);
  if (slot.item.failure) return;
  slot.left_out = options_.skip_missing && state == ChunkState::missing;
  if (slot.left_out || !options_.each) return;
  try {
    options_.each(slot.item, memory_for(slot));
  } catch (...) {
    slot.item.failure = fetch_failure(*dataset_, options_.unit, slot.item.chunk, current_failure());
  }
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
    slot.item.failure = current_failure();
  }
}

void ChunkStream::State::finished(SlotPtr slot) {
  std::vector<SlotPtr> starting;
  std::function<void()> listener;
  {
    const std::lock_guard lock(mutex_);
    if (slot->item.failure && !options_.keep_going) {
      stop_at_ = std::min(stop_at_, slot->sequence + 1);
    }
    take_back_useless(*slot);
    if (closed_ || stop_at_ == 0) {
      slot.reset();  // the lease with it, before the task counts as finished
    } else {
      ready_.emplace(slot->sequence, std::move(slot));
    }
    --in_flight_;
    if (parallel_ > 1) starting = start_some();
    listener = listener_;
    changed_.notify_all();
  }
  post(std::move(starting));
  if (listener) listener();
}

// What was lent to a chunk that nobody will see.
void ChunkStream::State::take_back_useless(Slot& slot) {
  if (!slot.left_out && !slot.item.failure) return;
  slot.item.data = Bytes();
  slot.item.arena.reset();
  slot.lease.release();
  if (slot.item.buffer) free_buffers_.push_back(*slot.item.buffer);
  slot.item.buffer.reset();
}

// The tasks of chunks that hang keep their memory, and drop it when they end after all.
void ChunkStream::State::leave_behind_overdue() {
  if (overdue_.empty() || !options_.buffers.empty()) return;
  const auto now = Clock::now();
  for (auto it = overdue_.begin(); it != overdue_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    auto slot = std::make_unique<Slot>();
    slot->sequence = it->first;
    slot->item.chunk = plan_.task(it->first).chunk;
    slot->item.failure = fetch_failure(
        *dataset_, options_.unit, slot->item.chunk,
        {.code = ErrorCode::deadline, .message = "reading and decoding took longer than allowed"});
    if (!options_.keep_going) stop_at_ = std::min(stop_at_, slot->sequence + 1);
    ready_.emplace(slot->sequence, std::move(slot));
    --in_flight_;
    it = overdue_.erase(it);
  }
}

}  // namespace zarrloom
