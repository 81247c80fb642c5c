#include <atomic>
#include <memory>

#include "zarrloom/pipeline/for_each_chunk.h"
#include "zarrloom/pipeline/index_plan.h"
#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

class IndexedRead {
 public:
  IndexedRead(const Dataset& dataset, const IndexSelection& selection, const ArrayView& out)
      : dataset_(dataset), plan_(dataset.shape, dataset.chunk_grid, selection), out_(out) {}

  Work work() const { return work_on(dataset_, Unit::chunk, plan_.task_count()); }
  bool met_missing() const { return met_missing_; }

  void read(std::int64_t i, const Continue& later, const FetchControl& control, RequestDone done) {
    IndexTask task = plan_.task(i);
    ChunkTask box = box_of(task, dataset_.shape.size());
    if (const auto place = place_of_box(task, out_, dataset_.shape.size())) {
      const auto note = [this, done = std::move(done)](std::optional<Failure> failure,
                                                       ChunkState state) {
        if (state == ChunkState::missing) met_missing_.store(true, std::memory_order_relaxed);
        done(std::move(failure));
      };
      return fetch(dataset_, Unit::chunk, box, *place, later, note, control);
    }
    read_through_memory(std::move(task), std::move(box), later, control, std::move(done));
  }

 private:
  // The box is decoded to memory of its own, what is wanted is copied from there.
  void read_through_memory(IndexTask task, ChunkTask box, const Continue& later,
                           const FetchControl& control, RequestDone done) {
    struct Decoded {
      IndexTask task;
      ChunkTask box;
      Bytes memory;
      ArrayView elements;
    };
    const auto decoded =
        std::make_shared<Decoded>(Decoded{std::move(task), std::move(box), Bytes(), {}});
    const Dims& shape = decoded->box.count;
    const auto elements = static_cast<std::size_t>(checked_product(shape, "box"));
    decoded->memory = Bytes(elements * dataset_.item_size());
    decoded->elements = c_view(decoded->memory.span(), shape, dataset_.item_size());
    const auto finish = [this, decoded, done = std::move(done)](std::optional<Failure> failure,
                                                                ChunkState state) {
      if (state == ChunkState::missing) met_missing_.store(true, std::memory_order_relaxed);
      if (!failure) gather(decoded->task, decoded->box, decoded->elements, out_);
      done(std::move(failure));
    };
    fetch(dataset_, Unit::chunk, decoded->box, decoded->elements, later, finish, control);
  }

  const Dataset& dataset_;
  const IndexPlan plan_;
  const ArrayView out_;
  std::atomic<bool> met_missing_ = false;
};

ChunkStep step_of(IndexedRead& read) {
  return [&read](std::int64_t i, const Continue& later, const FetchControl& control,
                 RequestDone done) { read.read(i, later, control, std::move(done)); };
}

}  // namespace

void read_indexed(Runtime& runtime, const Dataset& dataset, const IndexSelection& selection,
                  const ArrayView& out, const CallOptions& options) {
  check_memory(dataset, selection.shape(), out);
  IndexedRead read(dataset, selection, out);
  for_each_chunk(runtime, dataset, read.work(), options, step_of(read));
  if (read.met_missing()) check_still_there(dataset);
}

void start_read_indexed(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                        const IndexSelection& selection, const ArrayView& out,
                        const CallOptions& options, TransferDone done) {
  check_memory(*dataset, selection.shape(), out);
  const auto read = std::make_shared<IndexedRead>(*dataset, selection, out);
  const auto finish = [dataset, read, done = std::move(done)](std::optional<Failure> failed) {
    try {
      if (!failed && read->met_missing()) check_still_there(*dataset);
    } catch (...) {
      failed = current_failure();
    }
    done(std::move(failed));
  };
  start_for_each_chunk(std::move(runtime), dataset, read->work(), options, step_of(*read), finish);
}

}  // namespace zarrloom
