#include <atomic>
#include <memory>

#include "zarrloom/pipeline/fetch_box.h"
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

ChunkStep step_of(PlainRead& read) {
  return [&read](std::int64_t i, const Continue& later, const FetchControl& control,
                 RequestDone done) { read.read(i, later, control, std::move(done)); };
}

}  // namespace

void read_selection(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                    const ArrayView& out, const CallOptions& options) {
  check_transfer(dataset, selection, out);
  if (dataset.has_shards()) {
    return read_from_shards(runtime, dataset, shards_of(dataset, selection, out), options);
  }
  PlainRead read(dataset, selection, out);
  for_each_chunk(runtime, dataset, read.work(), options, step_of(read));
  if (read.met_missing()) check_still_there(dataset);
}

void start_read_selection(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                          const Selection& selection, const ArrayView& out,
                          const CallOptions& options, TransferDone done) {
  check_transfer(*dataset, selection, out);
  if (dataset->has_shards()) {
    auto wanted = shards_of(*dataset, selection, out);
    return start_read_from_shards(std::move(runtime), std::move(dataset), std::move(wanted),
                                  options, std::move(done));
  }
  const auto read = std::make_shared<PlainRead>(*dataset, selection, out);
  start_for_each_chunk(std::move(runtime), dataset, read->work(), options, step_of(*read),
                       confirmed(dataset, read, std::move(done)));
}

}  // namespace zarrloom
