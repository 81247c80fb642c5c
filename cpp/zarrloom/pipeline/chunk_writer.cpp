#include "zarrloom/pipeline/chunk_writer.h"

#include <map>
#include <mutex>

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/for_each_chunk.h"
#include "zarrloom/pipeline/write_object.h"
#include "zarrloom/pipeline/write_window.h"

namespace zarrloom {
namespace {

// Failed chunks may keep one part in so many of the budget for another try.
constexpr std::size_t kKeptShare = 4;

// One pushed chunk on its way.
struct Pushed {
  std::int64_t sequence = 0;
  ChunkTask task;
  Bytes data;
  ByteBudget::Lease lease;
};

// The chunk's elements that lie inside the array.
ChunkTask covering_task(const Dataset& dataset, const Dims& chunk) {
  ChunkTask task = whole_chunk(chunk, dataset.chunk_shape);
  task.count = chunk_selection(chunk, dataset.shape, dataset.chunk_shape).count;
  return task;
}

ConstArrayView fitted(const Dataset& dataset, const ChunkTask& task, const ConstArrayView& data) {
  if (data.item_size != dataset.item_size()) {
    fail(ErrorCode::invalid_argument,
         "items of " + std::to_string(data.item_size) + " bytes are not those of the array");
  }
  if (data.shape.empty()) {
    return {data.data, task.count, Dims::filled(task.count.size(), 0), data.item_size};
  }
  if (data.shape == task.count) return data;
  if (data.shape == dataset.chunk_shape) return sub_view(data, task.start, task.step, task.count);
  const std::string whole =
      task.count == dataset.chunk_shape ? "" : " (or whole " + to_string(dataset.chunk_shape) + ")";
  fail(ErrorCode::invalid_argument, "data of shape " + to_string(data.shape) +
                                        " does not fit the chunk's shape " + to_string(task.count) +
                                        whole);
}

}  // namespace

class ChunkWriter::State {
 public:
  State(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
        ChunkWriterOptions options)
      : runtime_(runtime),
        dataset_(std::move(dataset)),
        options_(options),
        window_(std::move(runtime), options.parallel) {}

  void push(const Dims& chunk, const ConstArrayView& data, const InterruptCheck& interrupt);
  std::int64_t wait(std::int64_t seen, const InterruptCheck& interrupt);
  WrittenChunks finish(const InterruptCheck& interrupt);

 private:
  struct Outcome {
    Dims chunk;
    std::optional<FailedChunk> failed = {};
  };

  std::int64_t begin(const Dims& chunk);
  void write(Pushed pushed);
  void end(std::int64_t sequence, std::optional<FailedChunk> failed);
  void keep(FailedChunk& failed, Pushed& pushed);
  bool in_flight(const Dims& chunk);
  bool has_failed();
  [[noreturn]] void throw_first_failure();

  const std::shared_ptr<Runtime> runtime_;
  const std::shared_ptr<const Dataset> dataset_;
  const ChunkWriterOptions options_;

  std::mutex mutex_;
  std::vector<Outcome> outcomes_;  // guarded by mutex_; by sequence
  std::int64_t finished_ = 0;      // guarded by mutex_
  std::int64_t failures_ = 0;      // guarded by mutex_
  std::size_t kept_bytes_ = 0;     // guarded by mutex_; of failed chunks
  std::map<std::vector<std::int64_t>, std::int64_t> running_;  // guarded by mutex_; chunk: sequence

  WriteWindow window_;  // the last: it waits for jobs, which use the rest
};

void ChunkWriter::State::push(const Dims& chunk, const ConstArrayView& data,
                              const InterruptCheck& interrupt) {
  window_.check_process();
  if (!options_.keep_going && has_failed()) {
    window_.wait_all(interrupt);
    throw_first_failure();
  }
  auto pushed = std::make_shared<Pushed>();
  ConstArrayView part;
  try {
    pushed->task = covering_task(*dataset_, chunk);
    part = fitted(*dataset_, pushed->task, data);
  } catch (const Error& error) {
    Failure failure = with_context(error.failure(), "chunk " + to_string(chunk));
    failure.chunk.assign(chunk.begin(), chunk.end());
    if (error.code() != ErrorCode::selection) failure.key = dataset_->chunk_key(chunk);
    if (!options_.keep_going) {
      window_.wait_all(interrupt);
      throw Error(std::move(failure));
    }
    return end(begin(chunk), FailedChunk{.chunk = chunk, .failure = std::move(failure)});
  }
  window_.wait_until([&] { return !in_flight(chunk); }, interrupt);
  pushed->lease = window_.acquire(bytes_in_flight(*dataset_), interrupt);
  pushed->data = Bytes(part.byte_size());
  strided_copy(part, c_view(pushed->data.span(), part.shape, part.item_size));
  pushed->sequence = begin(chunk);
  window_.post([this, pushed] { write(std::move(*pushed)); });
}

std::int64_t ChunkWriter::State::begin(const Dims& chunk) {
  const std::lock_guard lock(mutex_);
  const auto sequence = static_cast<std::int64_t>(outcomes_.size());
  outcomes_.push_back({.chunk = chunk});
  running_[{chunk.begin(), chunk.end()}] = sequence;
  return sequence;
}

void ChunkWriter::State::write(Pushed pushed) {
  std::optional<FailedChunk> failed;
  try {
    const ObjectWriter writer{*runtime_, *dataset_, options_.write};
    const ChunkUpdate update{pushed.task,
                             c_view(pushed.data.view(), pushed.task.count, dataset_->item_size())};
    writer.write({&update, 1});
  } catch (...) {
    failed.emplace(FailedChunk{.chunk = pushed.task.chunk, .failure = current_failure()});
    keep(*failed, pushed);
  }
  const std::int64_t sequence = pushed.sequence;
  pushed = {};  // the lease is given back before it counts as finished
  end(sequence, std::move(failed));
}

void ChunkWriter::State::keep(FailedChunk& failed, Pushed& pushed) {
  if (!options_.keep_going) return;
  const std::size_t size = bytes_in_flight(*dataset_);
  {
    const std::lock_guard lock(mutex_);
    if (kept_bytes_ > 0 && kept_bytes_ + size > runtime_->budget().cap() / kKeptShare) return;
    kept_bytes_ += size;
  }
  failed.shape = pushed.task.count;
  failed.data = std::move(pushed.data);
  failed.lease = std::move(pushed.lease);
}

void ChunkWriter::State::end(std::int64_t sequence, std::optional<FailedChunk> failed) {
  const std::lock_guard lock(mutex_);
  Outcome& outcome = outcomes_[static_cast<std::size_t>(sequence)];
  failures_ += failed ? 1 : 0;
  outcome.failed = std::move(failed);
  running_.erase({outcome.chunk.begin(), outcome.chunk.end()});
  ++finished_;
}

bool ChunkWriter::State::in_flight(const Dims& chunk) {
  const std::lock_guard lock(mutex_);
  return running_.contains({chunk.begin(), chunk.end()});
}

bool ChunkWriter::State::has_failed() {
  const std::lock_guard lock(mutex_);
  return failures_ > 0;
}

void ChunkWriter::State::throw_first_failure() {
  const std::lock_guard lock(mutex_);
  for (const Outcome& outcome : outcomes_) {
    if (outcome.failed) throw Error(outcome.failed->failure);
  }
  fail(ErrorCode::internal, "a failed chunk was lost");
}

std::int64_t ChunkWriter::State::wait(std::int64_t seen, const InterruptCheck& interrupt) {
  const auto finished = [this] {
    const std::lock_guard lock(mutex_);
    return finished_;
  };
  window_.wait_until([&] { return finished() > seen; }, interrupt);
  return finished();
}

WrittenChunks ChunkWriter::State::finish(const InterruptCheck& interrupt) {
  window_.wait_all(interrupt);
  if (!options_.keep_going && has_failed()) throw_first_failure();
  const std::lock_guard lock(mutex_);
  std::map<std::vector<std::int64_t>, std::size_t> last;
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    const Dims& chunk = outcomes_[i].chunk;
    last[{chunk.begin(), chunk.end()}] = i;
  }
  WrittenChunks result;
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    Outcome& outcome = outcomes_[i];
    if (last[{outcome.chunk.begin(), outcome.chunk.end()}] != i) continue;
    if (outcome.failed) {
      result.failed.push_back(std::move(*outcome.failed));
    } else {
      result.written.push_back(outcome.chunk);
    }
  }
  return result;
}

ChunkWriter::ChunkWriter(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                         ChunkWriterOptions options)
    : state_(std::make_unique<State>(std::move(runtime), std::move(dataset), options)) {}

ChunkWriter::~ChunkWriter() = default;

void ChunkWriter::push(const Dims& chunk, const ConstArrayView& data,
                       const InterruptCheck& interrupt) {
  state_->push(chunk, data, interrupt);
}

std::int64_t ChunkWriter::wait(std::int64_t seen, const InterruptCheck& interrupt) {
  return state_->wait(seen, interrupt);
}

WrittenChunks ChunkWriter::finish(const InterruptCheck& interrupt) {
  return state_->finish(interrupt);
}

}  // namespace zarrloom
