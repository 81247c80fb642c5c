#include "zarrloom/pipeline/read_shards.h"

#include <algorithm>

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

// Ranges for each thread, so that all of them have something to do until the end...
constexpr std::size_t kRangesForEachThread = 4;
// ...but none for which opening the file costs more than what is in it.
constexpr std::size_t kSmallestTarget = std::size_t{256} << 10;

// Says once that all of a number of fetches are done, with the first failure.
class Together {
 public:
  Together(std::size_t count, RequestDone done) : left_(count), done_(std::move(done)) {}

  void one_done(std::optional<Failure> failure) {
    {
      const std::lock_guard lock(mutex_);
      if (failure && !failed_) failed_ = std::move(failure);
      if (--left_ > 0) return;
    }
    done_(std::move(failed_));
  }

 private:
  std::mutex mutex_;
  std::size_t left_;               // guarded by mutex_
  std::optional<Failure> failed_;  // guarded by mutex_
  const RequestDone done_;
};

}  // namespace

ShardedRead::ShardedRead(const Dataset& dataset, const Selection& selection, const ArrayView& out)
    : dataset_(dataset), objects_(dataset.shape, dataset.object_grid, selection), out_(out) {}

// ---- What there is ----

Work ShardedRead::index_work() const {
  const std::size_t index = dataset_.codecs.shard_layout()->index.encoded_size();
  const bool at_once = dataset_.store->capabilities().answers_inline;
  const std::size_t object = dataset_.codecs.decoded_size();
  const bool perhaps_whole = !at_once && object <= dataset_.runtime->options().coalescing.maximum;
  return {.count = objects_.task_count(),
          .decoded = index,
          .in_flight = perhaps_whole ? std::max(index, object) : index};
}

// One request rather than two, where each takes its time.
bool ShardedRead::taken_as_a_whole(const ChunkTask& object, const Shard& shard) const {
  if (dataset_.store->capabilities().answers_inline) return false;
  const std::size_t size = shard.place.codecs->decoded_size();
  if (size > dataset_.runtime->options().coalescing.maximum) return false;
  const auto wanted = static_cast<std::size_t>(shard.plan.task_count());
  return object.covers_chunk || wanted >= shard.place.format().inner_chunks() / 2;
}

void ShardedRead::find(std::int64_t i, const Continue& later, const FetchControl& control,
                       RequestDone done) {
  const ChunkTask object = objects_.task(i);
  const auto shard = std::make_shared<Shard>(
      Shard{Plan(dataset_.shape, dataset_.chunk_grid, objects_.place(object)),
            object.out_start,
            shard_place(dataset_, object.chunk),
            nullptr,
            {}});
  if (taken_as_a_whole(object, *shard)) {
    return fetch(
        dataset_, Unit::object, object, task_view(out_, object), later,
        [this, done = std::move(done)](std::optional<Failure> failure, ChunkState state) {
          if (state == ChunkState::missing) met_missing_ = true;
          done(std::move(failure));
        },
        control);
  }
  look(IndexSource::remembered_or_read, object, shard, later, control, std::move(done));
}

void ShardedRead::look(IndexSource source, const ChunkTask& object, std::shared_ptr<Shard> shard,
                       const Continue& later, const FetchControl& control, RequestDone done) {
  const auto found = [this, object, shard, later, control, done = std::move(done)](
                         ShardIndexPtr index, std::optional<Failure> failure) {
    try {
      if (failure) throw Error(std::move(*failure));
      shard->index = std::move(index);
      if (lacks_chunks(*shard) && shard->index->as_of < control.since) {
        return look(IndexSource::read, object, shard, later, control, done);
      }
      split(object, shard);
    } catch (...) {
      failure = fetch_failure(dataset_, Unit::object, object.chunk, current_failure());
      dataset_.runtime->recorder().add_failure(failure->code);
    }
    done(std::move(failure));
  };
  load_index(dataset_, shard->place, source, control, later, found);
}

const ShardRange& ShardedRead::range_of(const Shard& shard, const Dims& chunk) const {
  return shard.index->ranges[index_number(*shard.place.codecs, dataset_.index_in_object(chunk))];
}

bool ShardedRead::lacks_chunks(const Shard& shard) const {
  if (!shard.index) return false;
  for (std::int64_t i = 0; i < shard.plan.task_count(); ++i) {
    if (range_of(shard, shard.plan.task(i).chunk).empty()) return true;
  }
  return false;
}

// Fills what is missing, and keeps what is to be read.
void ShardedRead::split(const ChunkTask& object, const std::shared_ptr<Shard>& shard) {
  if (!shard->index) return fill(task_view(out_, object));
  const std::size_t most = dataset_.inner_chain->max_stored_size();
  const std::int64_t count = shard->plan.task_count();
  for (std::int64_t i = 0; i < count; ++i) {
    const ChunkTask task = shard->plan.task(i);
    const ShardRange& range = range_of(*shard, task.chunk);
    if (range.empty()) {
      fill(out_of(*shard, task));
    } else if (range.length > most) {
      fail(ErrorCode::corrupt_data, "inner chunk " + to_string(task.chunk) + " holds " +
                                        std::to_string(range.length) + " bytes where at most " +
                                        std::to_string(most) + " can belong");
    } else {
      shard->pieces.push_back({range, i});
    }
  }
  std::sort(shard->pieces.begin(), shard->pieces.end(),
            [](const Piece& a, const Piece& b) { return a.range.offset < b.range.offset; });
  const std::lock_guard lock(mutex_);
  shards_.push_back(shard);
}

void ShardedRead::fill(const ArrayView& part) {
  met_missing_.store(true, std::memory_order_relaxed);
  strided_fill(part, dataset_.fill_value());
}

ArrayView ShardedRead::out_of(const Shard& shard, const ChunkTask& task) const {
  ChunkTask placed = task;
  for (std::size_t d = 0; d < placed.out_start.size(); ++d) {
    placed.out_start[d] += shard.out_start[d];
  }
  return task_view(out_, placed);
}

// ---- Ranges ----

Work ShardedRead::range_work() {
  const std::lock_guard lock(mutex_);
  const RuntimeOptions options = dataset_.runtime->options();
  Coalescing coalescing = options.coalescing;
  std::size_t bytes = 0, chunks = 0;
  for (const auto& shard : shards_) {
    chunks += shard->pieces.size();
    for (const Piece& piece : shard->pieces) bytes += piece.range.length;
  }
  const std::size_t target = bytes / (options.threads * kRangesForEachThread);
  coalescing.maximum = std::min(coalescing.maximum, std::max(target, kSmallestTarget));
  for (const auto& shard : shards_) group(*shard, coalescing);
  std::uint64_t longest = 0;
  for (const Range& range : ranges_) longest = std::max(longest, range.end - range.begin);
  const CodecChain& codecs = *dataset_.inner_chain;
  return {.count = static_cast<std::int64_t>(ranges_.size()),
          .decoded = ranges_.empty() ? 0 : codecs.decoded_size() * chunks / ranges_.size(),
          .in_flight = static_cast<std::size_t>(longest),
          .copied_only = codecs.is_memory_image()};
}

void ShardedRead::group(const Shard& shard, const Coalescing& coalescing) {
  const std::size_t mine = ranges_.size();
  for (std::size_t i = 0; i < shard.pieces.size(); ++i) {
    const auto& [offset, length] = shard.pieces[i].range;
    if (ranges_.size() > mine) {
      Range& last = ranges_.back();
      const std::uint64_t end = std::max(last.end, offset + length);
      const bool near = offset <= last.end || offset - last.end <= coalescing.gap;
      if (near && end - last.begin <= coalescing.maximum) {
        last.end = end;
        ++last.count;
        continue;
      }
    }
    ranges_.push_back({&shard, i, 1, offset, offset + length});
  }
}

void ShardedRead::read(std::int64_t i, const Continue& later, const FetchControl& control,
                       RequestDone done) {
  const Range& range = ranges_[static_cast<std::size_t>(i)];
  const Shard& shard = *range.shard;
  const auto length = static_cast<std::size_t>(range.end - range.begin);
  PartRequest request{.key = shard.place.key,
                      .range = {range.begin, length},
                      .limit = length,
                      .expected = length,
                      .if_version = shard.index->version};
  if (range.count == 1) {
    const ChunkTask task = shard.plan.task(shard.pieces[range.first].task);
    request.into = direct_memory({*dataset_.inner_chain, task, out_of(shard, task)});
  }
  bool changed = false;
  const bool at_once = dataset_.store->capabilities().answers_inline;
  read_part(dataset_, request, control, later,
            [this, &range, later, control, done, at_once, &changed](PartAnswer& answer) {
              if (answer.result.status != ReadResult::Status::changed) {
                return answered(range, answer, done);
              }
              // Not from within the answer: what follows reads again, into the same scratch.
              if (at_once) {
                changed = true;
              } else {
                read_one_by_one(range, later, control, done);
              }
            });
  if (at_once && changed) read_one_by_one(range, later, control, std::move(done));
}

void ShardedRead::answered(const Range& range, PartAnswer& answer, const RequestDone& done) {
  std::optional<Failure> failure;
  try {
    decode(range, answer);
  } catch (...) {
    failure = current_failure();
    dataset_.runtime->recorder().add_failure(failure->code);
  }
  done(std::move(failure));
}

void ShardedRead::decode(const Range& range, PartAnswer& answer) {
  const Shard& shard = *range.shard;
  for (std::size_t i = range.first; i < range.first + range.count; ++i) {
    const Piece& piece = shard.pieces[i];
    const ChunkTask task = shard.plan.task(piece.task);
    const ArrayView part = out_of(shard, task);
    try {
      if (answer.result.status == ReadResult::Status::failed) throw Error(answer.result.failure);
      if (answer.result.status == ReadResult::Status::missing) {  // erased meanwhile
        fill(part);
        continue;
      }
      const ByteView stored =
          answer.result.bytes.subspan(static_cast<std::size_t>(piece.range.offset - range.begin),
                                      static_cast<std::size_t>(piece.range.length));
      decode_gated(dataset_, answer, shard.place.key, part.byte_size(),
                   [&] { decode_to({*dataset_.inner_chain, task, part}, stored); });
      answer.arrived = Recorder::Clock::now();
    } catch (...) {
      throw Error(fetch_failure(dataset_, Unit::chunk, task.chunk, current_failure()));
    }
  }
}

// The shard is another one by now: each chunk finds its own way.
void ShardedRead::read_one_by_one(const Range& range, const Continue& later,
                                  const FetchControl& control, RequestDone done) {
  const Shard& shard = *range.shard;
  forget_index(dataset_, shard.place);
  const auto together = std::make_shared<Together>(range.count, std::move(done));
  // Once the last fetch has begun, another thread may end the read: nothing of it is looked at
  // after that.
  const std::size_t end = range.first + range.count;
  for (std::size_t i = range.first; i < end; ++i) {
    const ChunkTask task = shard.plan.task(shard.pieces[i].task);
    fetch(
        dataset_, Unit::chunk, task, out_of(shard, task), later,
        [this, together](std::optional<Failure> failure, ChunkState state) {
          if (state == ChunkState::missing) met_missing_ = true;
          together->one_done(std::move(failure));
        },
        control);
  }
}

}  // namespace zarrloom
