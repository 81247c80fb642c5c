#include "zarrloom/pipeline/read_shards.h"

#include <algorithm>

#include "zarrloom/pipeline/fetch_box.h"
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

// Two loops, one after the other: find() for each of index_work(), read() for each of range_work().
// Dataset and memory must outlive it.
class ShardedRead {
 public:
  ShardedRead(const Dataset& dataset, std::unique_ptr<WantedOfShards> wanted)
      : dataset_(dataset), wanted_(std::move(wanted)) {}

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
    std::int64_t number;  // in the shard's `wanted`
  };
  // What is wanted of a shard.
  struct Shard {
    Dims object;
    std::unique_ptr<WantedOfShard> wanted;
    ShardPlace place;
    ShardIndexPtr index;
    std::vector<Piece> pieces;  // by where they begin
  };
  struct Range {
    const Shard* shard;
    std::size_t first, count;  // pieces
    std::uint64_t begin, end;  // bytes of the shard
  };

  bool taken_as_a_whole(const Shard& shard) const;
  bool needs_one_request(const Shard& shard) const;
  ChunkDone noted(RequestDone done);
  void look(IndexSource source, std::shared_ptr<Shard> shard, const Continue& later,
            const FetchControl& control, RequestDone done);
  const ShardRange& range_of(const Shard& shard, std::int64_t k) const;
  bool lacks_chunks(const Shard& shard) const;
  void split(const std::shared_ptr<Shard>& shard);
  void fill(const WantedBox& wanted);
  void group(const Shard& shard, const Coalescing& coalescing);
  void answered(const Range& range, PartAnswer& answer, const RequestDone& done);
  void decode(const Range& range, PartAnswer& answer);
  void read_one_by_one(const Range& range, const Continue& later, const FetchControl& control,
                       RequestDone done);

  const Dataset& dataset_;
  const std::unique_ptr<const WantedOfShards> wanted_;
  std::atomic<bool> met_missing_ = false;

  std::mutex mutex_;
  std::vector<std::shared_ptr<Shard>> shards_;  // guarded by mutex_ until range_work()
  std::vector<Range> ranges_;                   // made by range_work(), constant after that
};

// ---- What there is ----

Work ShardedRead::index_work() const {
  const std::size_t index = dataset_.codecs.shard_layout()->index.encoded_size();
  const bool at_once = dataset_.store->capabilities().answers_inline;
  const std::size_t most = dataset_.runtime->options().coalescing.maximum;
  std::size_t whole = dataset_.codecs.decoded_size();  // of the largest, or the largest so taken
  if (!dataset_.object_grid.is_regular()) whole = std::min(whole, most);
  if (at_once || whole > most) whole = 0;
  if (!wanted_->in_place()) whole *= 2;
  return {.count = wanted_->count(), .decoded = index, .in_flight = std::max(index, whole)};
}

// One request rather than two, where each takes its time.
bool ShardedRead::taken_as_a_whole(const Shard& shard) const {
  if (dataset_.store->capabilities().answers_inline) return false;
  if (dataset_.dtype().is_variable()) return false;  // nobody knows how large it is
  const std::size_t size = shard.place.codecs->decoded_size();
  if (size > dataset_.runtime->options().coalescing.maximum) return false;
  const auto wanted = static_cast<std::size_t>(shard.wanted->count());
  return shard.wanted->covers_shard() || wanted >= shard.place.format().inner_chunks() / 2;
}

// Without a version nobody would notice that ranges come of another shard than the index.
bool ShardedRead::needs_one_request(const Shard& shard) const {
  return shard.index && shard.index->version.empty() &&
         !dataset_.store->capabilities().answers_inline;
}

ChunkDone ShardedRead::noted(RequestDone done) {
  return [this, done = std::move(done)](std::optional<Failure> failure, ChunkState state) {
    if (state == ChunkState::missing) met_missing_.store(true, std::memory_order_relaxed);
    done(std::move(failure));
  };
}

void ShardedRead::find(std::int64_t i, const Continue& later, const FetchControl& control,
                       RequestDone done) {
  const Dims object = wanted_->object(i);
  const auto shard = std::make_shared<Shard>(
      Shard{object, wanted_->shard(i), shard_place(dataset_, object), nullptr, {}});
  if (taken_as_a_whole(*shard)) {
    const RequestDone keeping = [shard, done = std::move(done)](std::optional<Failure> failure) {
      done(std::move(failure));
    };
    return fetch_box(dataset_, Unit::object, shard->wanted->whole(), later, noted(keeping),
                     control);
  }
  look(IndexSource::remembered_or_read, shard, later, control, std::move(done));
}

void ShardedRead::look(IndexSource source, std::shared_ptr<Shard> shard, const Continue& later,
                       const FetchControl& control, RequestDone done) {
  const auto found = [this, shard, later, control, done = std::move(done)](
                         ShardIndexPtr index, std::optional<Failure> failure) {
    try {
      if (failure) throw Error(std::move(*failure));
      shard->index = std::move(index);
      if (lacks_chunks(*shard) && shard->index->as_of < control.since) {
        return look(IndexSource::read, shard, later, control, done);
      }
      if (needs_one_request(*shard)) {
        const RequestDone keeping = [shard, done](std::optional<Failure> failed) {
          done(std::move(failed));
        };
        return fetch_box(dataset_, Unit::object, shard->wanted->whole(), later, noted(keeping),
                         control);
      }
      split(shard);
    } catch (...) {
      failure = fetch_failure(dataset_, Unit::object, shard->object, current_failure());
      dataset_.runtime->recorder().add_failure(failure->code);
    }
    done(std::move(failure));
  };
  load_index(dataset_, shard->place, source, control, later, found);
}

const ShardRange& ShardedRead::range_of(const Shard& shard, std::int64_t k) const {
  const Dims inside = dataset_.index_in_object(shard.wanted->chunk(k));
  return shard.index->ranges[index_number(*shard.place.codecs, inside)];
}

bool ShardedRead::lacks_chunks(const Shard& shard) const {
  if (!shard.index) return false;
  for (std::int64_t k = 0; k < shard.wanted->count(); ++k) {
    if (range_of(shard, k).empty()) return true;
  }
  return false;
}

// Fills what is missing, and keeps what is to be read.
void ShardedRead::split(const std::shared_ptr<Shard>& shard) {
  if (!shard->index) return fill(shard->wanted->whole());
  const std::size_t most = dataset_.inner_chain->max_stored_size();
  const std::int64_t count = shard->wanted->count();
  for (std::int64_t k = 0; k < count; ++k) {
    const ShardRange& range = range_of(*shard, k);
    if (range.empty()) {
      fill(shard->wanted->box(k));
    } else if (range.length > most) {
      fail(ErrorCode::corrupt_data, "inner chunk " + to_string(shard->wanted->chunk(k)) +
                                        " holds " + std::to_string(range.length) +
                                        " bytes where at most " + std::to_string(most) +
                                        " can belong");
    } else {
      shard->pieces.push_back({range, k});
    }
  }
  std::sort(shard->pieces.begin(), shard->pieces.end(),
            [](const Piece& a, const Piece& b) { return a.range.offset < b.range.offset; });
  const std::lock_guard lock(mutex_);
  shards_.push_back(shard);
}

void ShardedRead::fill(const WantedBox& wanted) {
  met_missing_.store(true, std::memory_order_relaxed);
  fill_box(dataset_, wanted);
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
    const WantedBox only = shard.wanted->box(shard.pieces[range.first].number);
    if (only.place) request.into = direct_memory({*dataset_.inner_chain, only.box, *only.place});
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
    const WantedBox wanted = shard.wanted->box(piece.number);
    try {
      if (answer.result.status == ReadResult::Status::failed) throw Error(answer.result.failure);
      if (answer.result.status == ReadResult::Status::missing) {  // erased meanwhile
        fill(wanted);
        continue;
      }
      const ByteView stored =
          answer.result.bytes.subspan(static_cast<std::size_t>(piece.range.offset - range.begin),
                                      static_cast<std::size_t>(piece.range.length));
      decode_gated(dataset_, answer, shard.place.key, byte_size(dataset_, wanted.box),
                   [&] { decode_box(*dataset_.inner_chain, wanted, stored); });
      answer.arrived = Recorder::Clock::now();
    } catch (...) {
      throw Error(fetch_failure(dataset_, Unit::chunk, wanted.box.chunk, current_failure()));
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
    fetch_box(dataset_, Unit::chunk, shard.wanted->box(shard.pieces[i].number), later,
              noted([together](std::optional<Failure> failure) {
                together->one_done(std::move(failure));
              }),
              control);
  }
}

// A member of a read as the step of a loop. `read` lives until the loop is over.
ChunkStep step_of(ShardedRead& read,
                  void (ShardedRead::*member)(std::int64_t, const Continue&, const FetchControl&,
                                              RequestDone)) {
  return [&read, member](std::int64_t i, const Continue& later, const FetchControl& control,
                         RequestDone done) { (read.*member)(i, later, control, std::move(done)); };
}

}  // namespace

void read_from_shards(Runtime& runtime, const Dataset& dataset,
                      std::unique_ptr<WantedOfShards> wanted, const CallOptions& options) {
  ShardedRead read(dataset, std::move(wanted));
  for_each_chunk(runtime, dataset, read.index_work(), options, step_of(read, &ShardedRead::find));
  for_each_chunk(runtime, dataset, read.range_work(), options, step_of(read, &ShardedRead::read));
  if (read.met_missing()) check_still_there(dataset);
}

void start_read_from_shards(std::shared_ptr<Runtime> runtime,
                            std::shared_ptr<const Dataset> dataset,
                            std::unique_ptr<WantedOfShards> wanted, const CallOptions& options,
                            TransferDone done) {
  const auto read = std::make_shared<ShardedRead>(*dataset, std::move(wanted));
  const RequestDone finish = confirmed(dataset, read, std::move(done));
  start_for_each_chunk(runtime, dataset, read->index_work(), options,
                       step_of(*read, &ShardedRead::find),
                       [runtime, dataset, read, options, finish](std::optional<Failure> failed) {
                         if (failed) return finish(std::move(failed));
                         start_for_each_chunk(runtime, dataset, read->range_work(), options,
                                              step_of(*read, &ShardedRead::read), finish);
                       });
}

}  // namespace zarrloom
