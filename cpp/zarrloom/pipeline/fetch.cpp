#include "zarrloom/pipeline/fetch.h"

#include <condition_variable>
#include <mutex>

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/fetch_inner.h"

namespace zarrloom {
namespace {

struct ObjectFetch {
  const Dataset& dataset;
  const ChunkTask task;
  const ArrayView out;
  const ChunkDone done;
  const FetchControl control;
  ChainPtr codecs = {};

  DecodeTarget target() const { return {*codecs, task, out}; }

  void answered(PartAnswer& answer, std::string_view key) const {
    std::optional<Failure> failure;
    const bool missing = answer.result.status == ReadResult::Status::missing;
    try {
      if (answer.result.status == ReadResult::Status::failed) {
        throw Error(std::move(answer.result.failure));
      }
      if (missing) {
        if (control.fill_missing) strided_fill(out, dataset.fill_element());
      } else {
        decode_gated(dataset, answer, key, out.byte_size(),
                     [&] { decode_to(target(), answer.result.bytes); });
      }
      check_deadline(control);
    } catch (...) {
      failure = current_failure();
    }
    finish_fetch(dataset, Unit::object, task.chunk, std::move(failure),
                 missing ? ChunkState::missing : ChunkState::stored, done);
  }
};

void start(const std::shared_ptr<ObjectFetch>& fetch, const Continue& later) {
  const std::string key = fetch->dataset.object_key(fetch->task.chunk);
  fetch->codecs = fetch->dataset.codecs_of(Unit::object, fetch->task.chunk);
  const PartRequest request{.key = key,
                            .limit = fetch->codecs->max_stored_size(),
                            .into = direct_memory(fetch->target()),
                            .expected = fetch->codecs->decoded_size()};
  if (fetch->dataset.store->capabilities().answers_inline) {
    read_part(fetch->dataset, request, fetch->control, later,
              [&](PartAnswer& answer) { fetch->answered(answer, key); });
  } else {
    read_part(fetch->dataset, request, fetch->control, later,
              [fetch, key](PartAnswer& answer) { fetch->answered(answer, key); });
  }
}

}  // namespace

MutableBytes direct_memory(const DecodeTarget& target) {
  if (!target.codecs.is_memory_image() || !is_c_contiguous(target.out)) return {};
  if (!(target.task.count == target.codecs.spec().shape)) return {};
  return {target.out.data, target.out.byte_size()};
}

void decode_to(const DecodeTarget& target, ByteView stored) {
  const CodecChain& codecs = target.codecs;
  if (stored.data() == target.out.data && !stored.empty() && codecs.is_memory_image() &&
      stored.size() == codecs.decoded_size()) {
    return codecs.check_memory_image(stored);
  }
  codecs.decode_part(stored, target.task.start, target.task.step, target.out, thread_workspace());
}

void check_deadline(const FetchControl& control) {
  if (!has_passed(control.deadline)) return;
  fail(ErrorCode::deadline, "reading and decoding took longer than allowed");
}

void finish_fetch(const Dataset& dataset, Unit unit, const Dims& index,
                  std::optional<Failure> failure, ChunkState state, const ChunkDone& done) {
  if (failure) {
    failure = fetch_failure(dataset, unit, index, *failure);
    dataset.runtime->recorder().add_failure(failure->code);
  }
  done(std::move(failure), state);
}

Failure fetch_failure(const Dataset& dataset, Unit unit, const Dims& index, const Failure& cause) {
  const std::string key = dataset.key_of(unit, index);
  const std::string place = dataset.store->locate(key);
  Failure failure = cause;
  // A store's own failures already begin with the place.
  if (!failure.message.starts_with(place)) failure = with_context(std::move(failure), place);
  const bool is_shard = unit == Unit::object && dataset.has_shards();
  failure.message = (is_shard ? "shard " : "chunk ") + to_string(index) + " at " + failure.message;
  failure.chunk.assign(index.begin(), index.end());
  failure.key = key;
  return failure;
}

void fetch(const Dataset& dataset, Unit unit, const ChunkTask& task, const ArrayView& out,
           const Continue& later, ChunkDone done, const FetchControl& control) {
  if (unit == Unit::chunk && dataset.has_shards()) {
    return fetch_inner(dataset, task, out, later, std::move(done), control);
  }
  const auto fetch =
      std::make_shared<ObjectFetch>(ObjectFetch{dataset, task, out, std::move(done), control});
  try {
    start(fetch, later);
  } catch (...) {
    // Only what comes ahead of an answer throws: no memory for scratch, a key that is none. Whoever
    // waits must hear of it like of any other failure, since a task of the pool must not throw.
    fetch->done(fetch_failure(dataset, Unit::object, task.chunk, current_failure()),
                ChunkState::stored);
  }
}

ChunkState fetch_now(const Dataset& dataset, Unit unit, const ChunkTask& task, const ArrayView& out,
                     const FetchControl& control) {
  std::mutex mutex;
  std::condition_variable answered;
  bool done = false;                      // guarded by mutex
  std::optional<Failure> failed;          // guarded by mutex
  ChunkState found = ChunkState::stored;  // guarded by mutex
  const Continue at_once = [](const std::function<void()>& rest) { rest(); };
  const ChunkDone answer = [&](std::optional<Failure> failure, ChunkState state) {
    const std::lock_guard lock(mutex);
    failed = std::move(failure);
    found = state;
    done = true;
    answered.notify_one();  // under the lock: the waiter owns all of this and may leave
  };
  fetch(dataset, unit, task, out, at_once, answer, control);
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return done; });
  if (failed) throw Error(std::move(*failed));
  return found;
}

void check_still_there(const Dataset& dataset) {
  if (!dataset.store->capabilities().answers_inline) return;  // would cost a request
  if (dataset.store->exists(dataset.metadata_key)) return;
  fail(ErrorCode::node_not_found,
       dataset.store->locate(dataset.metadata_key) +
           ": gone since the array was opened (moved or deleted?), so its chunks are not read as "
           "fill values; open it again at its new place");
}

}  // namespace zarrloom
