#include "zarrloom/pipeline/read_wanted.h"

#include <atomic>

#include "zarrloom/pipeline/fetch_box.h"
#include "zarrloom/pipeline/read_shards.h"

namespace zarrloom {
namespace {

// One fetch for each chunk.
class ChunkReads {
 public:
  ChunkReads(const Dataset& dataset, std::shared_ptr<const Wanted> wanted)
      : dataset_(dataset), wanted_(std::move(wanted)) {}

  Work work() const { return work_on(dataset_, Unit::chunk, wanted_->count()); }
  bool met_missing() const { return met_missing_; }

  void read(std::int64_t i, const Continue& later, const FetchControl& control, RequestDone done) {
    const auto note = [this, done = std::move(done)](std::optional<Failure> failure,
                                                     ChunkState state) {
      if (state == ChunkState::missing) met_missing_.store(true, std::memory_order_relaxed);
      done(std::move(failure));
    };
    fetch_box(dataset_, Unit::chunk, wanted_->box(i), later, note, control);
  }

 private:
  const Dataset& dataset_;
  const std::shared_ptr<const Wanted> wanted_;
  std::atomic<bool> met_missing_ = false;
};

ChunkStep step_of(ChunkReads& reads) {
  return [&reads](std::int64_t i, const Continue& later, const FetchControl& control,
                  RequestDone done) { reads.read(i, later, control, std::move(done)); };
}

// Requests are worth putting together where each takes its time. Where they do not, the chunks of a
// list are found faster one by one, by the shard's remembered index.
bool by_ranges(const Dataset& dataset) {
  return dataset.has_shards() && !dataset.store->capabilities().answers_inline;
}

}  // namespace

void read_wanted(Runtime& runtime, const Dataset& dataset, std::shared_ptr<const Wanted> wanted,
                 const CallOptions& options) {
  if (by_ranges(dataset)) {
    return read_from_shards(runtime, dataset, shards_of(dataset, std::move(wanted)), options);
  }
  ChunkReads reads(dataset, std::move(wanted));
  for_each_chunk(runtime, dataset, reads.work(), options, step_of(reads));
  if (reads.met_missing()) check_still_there(dataset);
}

void start_read_wanted(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                       std::shared_ptr<const Wanted> wanted, const CallOptions& options,
                       TransferDone done) {
  if (by_ranges(*dataset)) {
    auto shards = shards_of(*dataset, std::move(wanted));
    return start_read_from_shards(std::move(runtime), std::move(dataset), std::move(shards),
                                  options, std::move(done));
  }
  const auto reads = std::make_shared<ChunkReads>(*dataset, std::move(wanted));
  start_for_each_chunk(std::move(runtime), dataset, reads->work(), options, step_of(*reads),
                       confirmed(dataset, reads, std::move(done)));
}

}  // namespace zarrloom
