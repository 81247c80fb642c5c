#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/for_each_chunk.h"
#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

// What one part wants of one chunk.
struct Wanted {
  std::int64_t chunk;  // number in the grid
  std::size_t part;
  std::int64_t task;  // number in the part's plan
};

class ManyReads {
 public:
  ManyReads(const Dataset& dataset, std::span<const ReadPart> parts)
      : dataset_(dataset), grid_(grid_shape(dataset.shape, dataset.chunk_grid)), parts_(parts) {
    for (std::size_t p = 0; p < parts.size(); ++p) {
      check_transfer(dataset, parts[p].selection, parts[p].out);
      plans_.emplace_back(dataset.shape, dataset.chunk_grid, parts[p].selection);
      for (std::int64_t i = 0; i < plans_[p].task_count(); ++i) {
        wanted_.push_back({chunk_number(plans_[p].task(i).chunk, grid_), p, i});
      }
    }
    std::stable_sort(wanted_.begin(), wanted_.end(),
                     [](const Wanted& a, const Wanted& b) { return a.chunk < b.chunk; });
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      if (i == 0 || wanted_[i].chunk != wanted_[i - 1].chunk) firsts_.push_back(i);
    }
  }

  std::int64_t chunk_count() const { return static_cast<std::int64_t>(firsts_.size()); }
  bool met_missing() const { return met_missing_; }

  void fetch(std::int64_t i, const Continue& later, const FetchControl& control, RequestDone done) {
    const std::span<const Wanted> wanted = wanted_of(static_cast<std::size_t>(i));
    if (wanted.size() == 1) return fetch_one(wanted[0], later, control, std::move(done));
    fetch_shared(wanted, later, control, std::move(done));
  }

 private:
  std::span<const Wanted> wanted_of(std::size_t i) const {
    const std::size_t end = i + 1 < firsts_.size() ? firsts_[i + 1] : wanted_.size();
    return std::span(wanted_).subspan(firsts_[i], end - firsts_[i]);
  }

  ArrayView out_of(const Wanted& w, const ChunkTask& task) const {
    return task_view(parts_[w.part].out, task);
  }

  void note(ChunkState state) {
    if (state == ChunkState::missing) met_missing_.store(true, std::memory_order_relaxed);
  }

  void fetch_one(const Wanted& wanted, const Continue& later, const FetchControl& control,
                 RequestDone done) {
    const ChunkTask task = plans_[wanted.part].task(wanted.task);
    const auto finish = [this, done = std::move(done)](std::optional<Failure> failure,
                                                       ChunkState state) {
      note(state);
      done(std::move(failure));
    };
    zarrloom::fetch(dataset_, Unit::chunk, task, out_of(wanted, task), later, finish, control);
  }

  // Decodes what all of them lie in, then each copies its part.
  void fetch_shared(std::span<const Wanted> wanted, const Continue& later,
                    const FetchControl& control, RequestDone done) {
    const ChunkTask whole =
        whole_chunk(chunk_from_number(wanted[0].chunk, grid_), dataset_.chunk_grid);
    const auto elements = static_cast<std::size_t>(checked_product(whole.count, "chunk"));
    const auto memory = std::make_shared<Bytes>(elements * dataset_.item_size());
    const ArrayView chunk = c_view(memory->span(), whole.count, dataset_.item_size());
    const auto finish = [this, wanted, memory, chunk, done = std::move(done)](
                            std::optional<Failure> failure, ChunkState state) {
      note(state);
      if (!failure) copy_parts(wanted, chunk);
      done(std::move(failure));
    };
    zarrloom::fetch(dataset_, Unit::chunk, whole, chunk, later, finish, control);
  }

  void copy_parts(std::span<const Wanted> wanted, const ConstArrayView& chunk) const {
    for (const Wanted& w : wanted) {
      const ChunkTask task = plans_[w.part].task(w.task);
      strided_copy(sub_view(chunk, task.start, task.step, task.count), out_of(w, task));
    }
  }

  const Dataset& dataset_;
  const Dims grid_;
  const std::span<const ReadPart> parts_;
  std::vector<Plan> plans_;
  std::vector<Wanted> wanted_;       // by chunk, in the order of the parts within one
  std::vector<std::size_t> firsts_;  // where each chunk's begin
  std::atomic<bool> met_missing_ = false;
};

}  // namespace

void read_selections(Runtime& runtime, const Dataset& dataset, std::span<const ReadPart> parts,
                     const CallOptions& options) {
  ManyReads reads(dataset, parts);
  for_each_chunk(runtime, dataset, work_on(dataset, Unit::chunk, reads.chunk_count()), options,
                 [&reads](std::int64_t i, const Continue& later, const FetchControl& control,
                          RequestDone done) { reads.fetch(i, later, control, std::move(done)); });
  if (reads.met_missing()) check_still_there(dataset);
}

}  // namespace zarrloom
