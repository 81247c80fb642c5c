#include "zarrloom/pipeline/chunk_writer.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <unordered_set>

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/for_each_chunk.h"
#include "zarrloom/pipeline/write_object.h"
#include "zarrloom/pipeline/write_window.h"

namespace zarrloom {
namespace {

// Failed chunks may keep one part in so many of the budget for another try.
constexpr std::size_t kKeptShare = 4;

constexpr std::int64_t kNoChunk = -1;  // the number of an index outside the grid

// One pushed chunk on its way.
struct Pushed {
  std::int64_t sequence = 0;
  ChunkTask task;
  Bytes data;
  std::unique_ptr<Arena> arena;  // of elements of variable size
  ByteBudget::Lease lease;
};

// The chunk's elements that lie inside the array.
ChunkTask covering_task(const Dataset& dataset, const Dims& chunk) {
  const Selection inside = chunk_selection(chunk, dataset.shape, dataset.object_grid);
  ChunkTask task = whole_chunk(chunk, dataset.object_grid);
  task.count = inside.count;
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
  const Dims shape = dataset.object_grid.shape_of(task.chunk);
  if (data.shape == shape) return sub_view(data, task.start, task.step, task.count);
  const std::string whole = task.count == shape ? "" : " (or whole " + to_string(shape) + ")";
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
        grid_(grid_shape(dataset_->shape, dataset_->object_grid)),
        window_(std::move(runtime), options.parallel) {}

  void push(const Dims& chunk, const ConstArrayView& data, const InterruptCheck& interrupt);
  std::int64_t wait(std::int64_t seen, const InterruptCheck& interrupt);
  WrittenChunks finish(const InterruptCheck& interrupt);

 private:
  void refuse(const Dims& chunk, const Failure& cause, const InterruptCheck& interrupt);
  std::int64_t begin(std::int64_t number);
  void write(Pushed pushed);
  void end(std::int64_t sequence, std::optional<FailedChunk> failed);
  void keep(FailedChunk& failed, Pushed& pushed);
  bool is_running(std::int64_t number);
  void throw_first_failure();

  const std::shared_ptr<Runtime> runtime_;
  const std::shared_ptr<const Dataset> dataset_;
  const ChunkWriterOptions options_;
  const Dims grid_;

  std::mutex mutex_;
  std::vector<std::int64_t> pushed_;            // guarded by mutex_; chunk numbers by sequence
  std::map<std::int64_t, FailedChunk> failed_;  // guarded by mutex_; by sequence
  std::set<std::int64_t> running_;              // guarded by mutex_; chunk numbers
  std::int64_t finished_ = 0;                   // guarded by mutex_
  std::size_t kept_bytes_ = 0;                  // guarded by mutex_; of failed chunks

  WriteWindow window_;  // the last: it waits for jobs, which use the rest
};

void ChunkWriter::State::push(const Dims& chunk, const ConstArrayView& data,
                              const InterruptCheck& interrupt) {
  window_.check_process();
  throw_first_failure();
  auto pushed = std::make_shared<Pushed>();
  ConstArrayView part;
  try {
    pushed->task = covering_task(*dataset_, chunk);
    part = fitted(*dataset_, pushed->task, data);
  } catch (const Error& error) {
    return refuse(chunk, error.failure(), interrupt);
  }
  const std::int64_t number = chunk_number(chunk, grid_);
  window_.wait_until([&] { return !is_running(number); }, interrupt);
  pushed->lease = window_.acquire(bytes_in_flight(*dataset_, Unit::object), interrupt);
  pushed->data = Bytes(part.byte_size());
  const ArrayView copy = c_view(pushed->data.span(), part.shape, part.item_size);
  if (dataset_->dtype().is_variable()) {
    pushed->arena = std::make_unique<Arena>();
    deep_copy(part, copy, *pushed->arena);
  } else {
    strided_copy(part, copy);
  }
  pushed->sequence = begin(number);
  window_.post([this, pushed] { write(std::move(*pushed)); });
}

// What cannot be written.
void ChunkWriter::State::refuse(const Dims& chunk, const Failure& cause,
                                const InterruptCheck& interrupt) {
  Failure failure = with_context(cause, "chunk " + to_string(chunk));
  failure.chunk.assign(chunk.begin(), chunk.end());
  const bool exists = cause.code != ErrorCode::selection;
  if (exists) failure.key = dataset_->object_key(chunk);
  if (!options_.keep_going) {
    window_.wait_all(interrupt);
    throw Error(std::move(failure));
  }
  const std::lock_guard lock(mutex_);
  const auto sequence = static_cast<std::int64_t>(pushed_.size());
  pushed_.push_back(exists ? chunk_number(chunk, grid_) : kNoChunk);
  failed_.emplace(sequence, FailedChunk{.chunk = chunk, .failure = std::move(failure)});
  ++finished_;
}

std::int64_t ChunkWriter::State::begin(std::int64_t number) {
  const std::lock_guard lock(mutex_);
  pushed_.push_back(number);
  running_.insert(number);
  return static_cast<std::int64_t>(pushed_.size()) - 1;
}

void ChunkWriter::State::write(Pushed pushed) {
  std::optional<FailedChunk> failed;
  try {
    const ObjectWriter writer{*runtime_, *dataset_, options_.write, options_.parallel};
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
  const std::size_t size = bytes_in_flight(*dataset_, Unit::object);
  {
    const std::lock_guard lock(mutex_);
    if (kept_bytes_ > 0 && kept_bytes_ + size > runtime_->budget().cap() / kKeptShare) return;
    kept_bytes_ += size;
  }
  failed.shape = pushed.task.count;
  failed.data = std::move(pushed.data);
  failed.arena = std::move(pushed.arena);
  failed.lease = std::move(pushed.lease);
}

void ChunkWriter::State::end(std::int64_t sequence, std::optional<FailedChunk> failed) {
  const std::lock_guard lock(mutex_);
  running_.erase(pushed_[static_cast<std::size_t>(sequence)]);
  if (failed) failed_.emplace(sequence, std::move(*failed));
  ++finished_;
}

bool ChunkWriter::State::is_running(std::int64_t number) {
  const std::lock_guard lock(mutex_);
  return running_.contains(number);
}

// The one that was pushed first, when nothing runs any more.
void ChunkWriter::State::throw_first_failure() {
  {
    const std::lock_guard lock(mutex_);
    if (options_.keep_going || failed_.empty()) return;
  }
  window_.wait_all();
  const std::lock_guard lock(mutex_);
  throw Error(failed_.begin()->second.failure);
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
  throw_first_failure();
  const std::lock_guard lock(mutex_);
  WrittenChunks result;
  std::unordered_set<std::int64_t> later;
  for (std::size_t i = pushed_.size(); i-- > 0;) {
    const std::int64_t number = pushed_[i];
    if (number != kNoChunk && !later.insert(number).second) continue;
    const auto failed = failed_.find(static_cast<std::int64_t>(i));
    if (failed == failed_.end()) {
      result.written.push_back(number);
    } else {
      result.failed.push_back(std::move(failed->second));
    }
  }
  std::reverse(result.written.begin(), result.written.end());
  std::reverse(result.failed.begin(), result.failed.end());
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
