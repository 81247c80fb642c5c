#include "zarrloom/pipeline/fetch.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "zarrloom/base/strided_copy.h"

namespace zarrloom {
namespace {

// Scratch that is offered to the store before an object's size is known.
constexpr std::size_t kMinScratch = std::size_t{64} << 10;
constexpr std::size_t kMaxScratch = std::size_t{16} << 20;

struct Fetch {
  const Dataset* dataset;
  ChunkTask task;
  ArrayView out;
  ChunkDone done;
  FetchControl control;
};

bool is_whole_chunk(const ChunkTask& task, const Dims& chunk_shape) {
  return task.count == chunk_shape;  // then start is 0 and a step cannot matter
}

// Memory that the stored bytes may be read straight into, as elements.
MutableBytes direct_target(const Dataset& dataset, const ChunkTask& task, const ArrayView& out) {
  if (!dataset.codecs.is_memory_image() || !is_whole_chunk(task, dataset.chunk_shape)) return {};
  if (!is_c_contiguous(out)) return {};
  return {out.data, out.byte_size()};
}

MutableBytes scratch_target(const Dataset& dataset, Workspace& workspace) {
  const std::size_t wanted = std::clamp(dataset.codecs.decoded_size(), kMinScratch, kMaxScratch);
  if (workspace.stored.capacity() < wanted) workspace.stored = Bytes(wanted);
  workspace.stored.resize_uninitialized(workspace.stored.capacity());
  return workspace.stored.span();
}

void decode_into(const Fetch& fetch, ByteView stored) {
  const CodecChain& codecs = fetch.dataset->codecs;
  if (stored.data() == fetch.out.data && !stored.empty() && codecs.is_memory_image() &&
      stored.size() == codecs.decoded_size()) {
    codecs.check_memory_image(stored);
    return;
  }
  codecs.decode_part(stored, fetch.task.start, fetch.task.step, fetch.out, thread_workspace());
}

// Times of one fetch, from when it wanted to begin.
struct Course {
  Recorder::Clock::time_point began{};
  Recorder::Clock::time_point asked{};  // the store
  Recorder::Clock::time_point answered{};
};

// Decodes where there is something to decode, as one of the process's threads that may.
void decode_as_one_of_many(const Fetch& fetch, ByteView stored, const Course& course,
                           std::string_view key) {
  Runtime& runtime = *fetch.dataset->runtime;
  const Gate::Pass pass = runtime.limits().cpu().enter();
  const auto began = Recorder::Clock::now();
  decode_into(fetch, stored);
  runtime.recorder().add(Stage::queue, course.answered, began, 0, key);
  runtime.recorder().add(Stage::decode, began, Recorder::Clock::now(), fetch.out.byte_size(), key);
}

void record_answer(const Fetch& fetch, const Course& course, const ReadResult& result,
                   std::string_view key) {
  Recorder& recorder = fetch.dataset->runtime->recorder();
  recorder.add(Stage::queue, course.began, course.asked, 0, key);
  recorder.add(Stage::io, course.asked, course.answered, result.bytes.size(), key);
  if (result.status == ReadResult::Status::missing) recorder.add(Count::missing_chunks);
}

void finish(const Fetch& fetch, ReadResult result, const Course& course, std::string_view key) {
  std::optional<Failure> failure;
  try {
    if (result.status == ReadResult::Status::failed) {
      throw Error(std::move(result.failure));
    }
    if (result.status == ReadResult::Status::missing) {
      if (fetch.control.fill_missing) strided_fill(fetch.out, fetch.dataset->fill_value());
    } else {
      decode_as_one_of_many(fetch, result.bytes, course, key);
    }
    if (has_passed(fetch.control.deadline)) {
      fail(ErrorCode::deadline, "reading and decoding took longer than allowed");
    }
  } catch (...) {
    failure = chunk_failure(*fetch.dataset, fetch.task.chunk, current_failure());
    fetch.dataset->runtime->recorder().add_failure(failure->code);
  }
  fetch.done(std::move(failure), result.status == ReadResult::Status::missing ? ChunkState::missing
                                                                              : ChunkState::stored);
}

ReadRequest request_for(const Fetch& fetch, std::string_view key, MutableBytes into) {
  return {.key = key,
          .range = {},
          .into = into,
          .limit = fetch.dataset->codecs.max_stored_size(),
          .cancel = fetch.control.cancel,
          .deadline = fetch.control.deadline};
}

Gate::Pass enter_store(const Fetch& fetch, Course& course) {
  const IoKind kind = fetch.dataset->store->capabilities().kind;
  Gate::Pass place;
  if (kind != IoKind::memory) {
    place = fetch.dataset->runtime->limits().io(kind).enter(&course.began);
  }
  course.asked = Recorder::Clock::now();
  if (course.began == Recorder::Clock::time_point{}) course.began = course.asked;
  return place;
}

// The store answers inside read(): everything lies on this thread's stack and workspace.
void fetch_inline(Fetch& fetch, const std::string& key) {
  Workspace& workspace = thread_workspace();
  MutableBytes into = direct_target(*fetch.dataset, fetch.task, fetch.out);
  if (into.empty()) into = scratch_target(*fetch.dataset, workspace);
  Course course;
  Gate::Pass place = enter_store(fetch, course);
  fetch.dataset->store->read(request_for(fetch, key, into), [&](ReadResult result) {
    course.answered = Recorder::Clock::now();
    place.release();
    record_answer(fetch, course, result, key);
    // An object above the scratch came in memory of its own: keep that as the next scratch.
    Bytes owned = std::move(result.owned);
    finish(fetch, std::move(result), course, key);
    if (!owned.empty()) workspace.stored = std::move(owned);
  });
}

// A fetch whose store answers later, and what it needs until then.
struct LateFetch {
  Fetch fetch;
  std::string key;
  Continue later;
  Course course;
};

void ask(const std::shared_ptr<LateFetch>& late, std::shared_ptr<Gate::Pass> place) {
  const Fetch& fetch = late->fetch;
  late->course.asked = Recorder::Clock::now();
  const MutableBytes into = direct_target(*fetch.dataset, fetch.task, fetch.out);
  fetch.dataset->store->read(request_for(fetch, late->key, into), [late, place = std::move(place)](
                                                                      ReadResult result) {
    place->release();
    late->course.answered = Recorder::Clock::now();
    record_answer(late->fetch, late->course, result, late->key);
    auto kept = std::make_shared<ReadResult>(std::move(result));
    late->later([late, kept] { finish(late->fetch, std::move(*kept), late->course, late->key); });
  });
}

void fetch_later(Fetch& fetch, const std::string& key, const Continue& later) {
  const auto late =
      std::make_shared<LateFetch>(LateFetch{fetch, key, later, {Recorder::Clock::now(), {}, {}}});
  Gate& gate = fetch.dataset->runtime->limits().io(fetch.dataset->store->capabilities().kind);
  gate.enter_later(fetch.control.cancel, later,
                   [late](std::shared_ptr<Gate::Pass> place) { ask(late, std::move(place)); });
}

void start(Fetch& fetch, const Continue& later) {
  const std::string key = fetch.dataset->chunk_key(fetch.task.chunk);
  if (fetch.dataset->store->capabilities().answers_inline) {
    fetch_inline(fetch, key);
  } else {
    fetch_later(fetch, key, later);
  }
}

}  // namespace

Failure chunk_failure(const Dataset& dataset, const Dims& chunk, const Failure& cause) {
  const std::string key = dataset.chunk_key(chunk);
  const std::string place = dataset.store->locate(key);
  Failure failure = cause;
  // A store's own failures already begin with the place.
  if (!failure.message.starts_with(place)) failure = with_context(std::move(failure), place);
  failure.message = "chunk " + to_string(chunk) + " at " + failure.message;
  failure.chunk.assign(chunk.begin(), chunk.end());
  failure.key = key;
  return failure;
}

void fetch_chunk(const Dataset& dataset, const ChunkTask& task, const ArrayView& out,
                 const Continue& later, ChunkDone done, const FetchControl& control) {
  Fetch fetch{&dataset, task, out, std::move(done), control};
  try {
    start(fetch, later);
  } catch (...) {
    // Only what comes ahead of an answer throws: no memory for scratch, a key that is none. Whoever
    // waits must hear of it like of any other failure, since a task of the pool must not throw.
    fetch.done(chunk_failure(dataset, task.chunk, current_failure()), ChunkState::stored);
  }
}

ChunkState fetch_chunk_now(const Dataset& dataset, const ChunkTask& task, const ArrayView& out,
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
  fetch_chunk(dataset, task, out, at_once, answer, control);
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
