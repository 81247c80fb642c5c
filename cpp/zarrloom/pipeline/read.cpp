#include <atomic>
#include <memory>

#include "zarrloom/pipeline/for_each_chunk.h"
#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

struct ReadCall {
  ReadCall(const Dataset& from, const Selection& selection, const ArrayView& into)
      : dataset(from), plan(from.shape, from.chunk_shape, selection), out(into) {}

  const Dataset& dataset;
  const Plan plan;
  const ArrayView out;
  std::atomic<bool> met_missing = false;

  void fetch(std::int64_t i, const Continue& later, const FetchControl& control, RequestDone done) {
    const ChunkTask task = plan.task(i);
    const auto note = [this, done = std::move(done)](std::optional<Failure> failure,
                                                     ChunkState state) {
      if (state == ChunkState::missing) met_missing.store(true, std::memory_order_relaxed);
      done(std::move(failure));
    };
    fetch_chunk(dataset, task, task_view(out, task), later, note, control);
  }
};

}  // namespace

void read_selection(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                    const ArrayView& out, const CallOptions& options) {
  check_transfer(dataset, selection, out);
  ReadCall call(dataset, selection, out);
  for_each_chunk(runtime, dataset, call.plan.task_count(), options,
                 [&call](std::int64_t i, const Continue& later, const FetchControl& control,
                         RequestDone done) { call.fetch(i, later, control, std::move(done)); });
  if (call.met_missing) check_still_there(dataset);
}

void start_read_selection(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                          const Selection& selection, const ArrayView& out,
                          const CallOptions& options, TransferDone done) {
  check_transfer(*dataset, selection, out);
  const auto call = std::make_shared<ReadCall>(*dataset, selection, out);
  const auto finish = [dataset, call, done = std::move(done)](std::optional<Failure> failed) {
    try {
      if (!failed && call->met_missing) check_still_there(*dataset);
    } catch (...) {
      failed = current_failure();
    }
    done(std::move(failed));
  };
  start_for_each_chunk(
      std::move(runtime), dataset, call->plan.task_count(), options,
      [call](std::int64_t i, const Continue& later, const FetchControl& control, RequestDone each) {
        call->fetch(i, later, control, std::move(each));
      },
      finish);
}

}  // namespace zarrloom
