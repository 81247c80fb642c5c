#include <atomic>
#include <memory>

#include "zarrloom/pipeline/read_shards.h"
#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

// Of an array whose chunks are objects.
class PlainRead {
 public:
  PlainRead(const Dataset& dataset, const Selection& selection, const ArrayView& out)
      : dataset_(dataset), plan_(dataset.shape, dataset.chunk_grid, selection), out_(out) {}

  Work work() const { return work_on(dataset_, Unit::chunk, plan_.task_count()); }
  bool met_missing() const { return met_missing_; }

  void read(std::int64_t i, const Continue& later, const FetchControl& control, RequestDone done) {
    const ChunkTask task = plan_.task(i);
    const auto note = [this, done = std::move(done)](std::optional<Failure> failure,
                                                     ChunkState state) {
      if (state == ChunkState::missing) met_missing_.store(true, std::memory_order_relaxed);
      done(std::move(failure));
    };
    fetch(dataset_, Unit::chunk, task, task_view(out_, task), later, note, control);
  }

 private:
  const Dataset& dataset_;
  const Plan plan_;
  const ArrayView out_;
  std::atomic<bool> met_missing_ = false;
};

// A member of a read as the step of a loop. `read` lives until the loop is over.
template <typename Read>
ChunkStep step_of(Read& read, void (Read::*member)(std::int64_t, const Continue&,
                                                   const FetchControl&, RequestDone)) {
  return [&read, member](std::int64_t i, const Continue& later, const FetchControl& control,
                         RequestDone done) { (read.*member)(i, later, control, std::move(done)); };
}

// What is said to `done`, once the missing chunks are known to be none of an array that is gone.
template <typename Read>
RequestDone confirmed(std::shared_ptr<const Dataset> dataset, std::shared_ptr<Read> read,
                      TransferDone done) {
  return [dataset = std::move(dataset), read = std::move(read),
          done = std::move(done)](std::optional<Failure> failed) {
    try {
      if (!failed && read->met_missing()) check_still_there(*dataset);
    } catch (...) {
      failed = current_failure();
    }
    done(std::move(failed));
  };
}

void read_shards(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                 const ArrayView& out, const CallOptions& options) {
  ShardedRead read(dataset, selection, out);
  for_each_chunk(runtime, dataset, read.index_work(), options, step_of(read, &ShardedRead::find));
  for_each_chunk(runtime, dataset, read.range_work(), options, step_of(read, &ShardedRead::read));
  if (read.met_missing()) check_still_there(dataset);
}

void start_read_shards(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                       const Selection& selection, const ArrayView& out, const CallOptions& options,
                       TransferDone done) {
  const auto read = std::make_shared<ShardedRead>(*dataset, selection, out);
  const auto finish = confirmed(dataset, read, std::move(done));
  start_for_each_chunk(runtime, dataset, read->index_work(), options,
                       step_of(*read, &ShardedRead::find),
                       [runtime, dataset, read, options, finish](std::optional<Failure> failed) {
                         if (failed) return finish(std::move(failed));
                         start_for_each_chunk(runtime, dataset, read->range_work(), options,
                                              step_of(*read, &ShardedRead::read), finish);
                       });
}

}  // namespace

void read_selection(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                    const ArrayView& out, const CallOptions& options) {
  check_transfer(dataset, selection, out);
  if (dataset.has_shards()) return read_shards(runtime, dataset, selection, out, options);
  PlainRead read(dataset, selection, out);
  for_each_chunk(runtime, dataset, read.work(), options, step_of(read, &PlainRead::read));
  if (read.met_missing()) check_still_there(dataset);
}

void start_read_selection(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                          const Selection& selection, const ArrayView& out,
                          const CallOptions& options, TransferDone done) {
  check_transfer(*dataset, selection, out);
  if (dataset->has_shards()) {
    return start_read_shards(std::move(runtime), std::move(dataset), selection, out, options,
                             std::move(done));
  }
  const auto read = std::make_shared<PlainRead>(*dataset, selection, out);
  start_for_each_chunk(std::move(runtime), dataset, read->work(), options,
                       step_of(*read, &PlainRead::read), confirmed(dataset, read, std::move(done)));
}

}  // namespace zarrloom
