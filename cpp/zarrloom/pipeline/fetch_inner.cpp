#include "zarrloom/pipeline/fetch_inner.h"

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/shard_index.h"

namespace zarrloom {
namespace {

// A shard that is replaced faster than index and chunk can be read is then read as a whole.
constexpr int kMostLooks = 4;

class InnerFetch : public std::enable_shared_from_this<InnerFetch> {
 public:
  InnerFetch(const Dataset& dataset, const ChunkTask& task, const ArrayView& out,
             const Continue& later, ChunkDone done, const FetchControl& control)
      : dataset_(dataset),
        task_(task),
        out_(out),
        later_(later),
        done_(std::move(done)),
        control_(control),
        shard_(shard_place(dataset, dataset.object_of(task.chunk))) {}

  void look(IndexSource source = IndexSource::remembered_or_read) {
    ++looks_;
    try {
      load_index(dataset_, shard_, source, control_, later_,
                 [self = shared_from_this()](ShardIndexPtr index, std::optional<Failure> failure) {
                   self->indexed(std::move(index), std::move(failure));
                 });
    } catch (...) {  // no memory to ask: nothing was called
      finish(current_failure());
    }
  }

 private:
  void finish(std::optional<Failure> failure, ChunkState state = ChunkState::stored) const {
    finish_fetch(dataset_, Unit::chunk, task_.chunk, std::move(failure), state, done_);
  }

  DecodeTarget target() const { return {*dataset_.inner_chain, task_, out_}; }

  void indexed(ShardIndexPtr index, std::optional<Failure> failure) {
    if (failure) return finish(std::move(failure));
    if (!index) return missing();
    if (index->version.empty()) return read_whole();
    const ShardRange range =
        index->ranges[index_number(*shard_.codecs, dataset_.index_in_object(task_.chunk))];
    if (range.empty() && index->as_of < control_.since) return look(IndexSource::read);
    if (range.empty()) return missing();
    try {
      read(range, index->version);
    } catch (...) {
      finish(current_failure());
    }
  }

  // Index and chunk come with one request: also where the store cannot tell versions.
  void read_whole() {
    ChunkTask of_object = task_;
    of_object.chunk = dataset_.object_of(task_.chunk);
    of_object.covers_chunk = false;
    for (std::size_t d = 0; d < task_.chunk.size(); ++d) {
      of_object.start[d] += dataset_.chunk_grid[d].origin(task_.chunk[d]) -
                            dataset_.object_grid[d].origin(of_object.chunk[d]);
    }
    fetch(dataset_, Unit::object, of_object, out_, later_, done_, control_);
  }

  void read(const ShardRange& range, const ObjectVersion& version) {
    const PartRequest request{.key = shard_.key,
                              .range = {range.offset, range.length},
                              .limit = target().codecs.max_stored_size(),
                              .into = direct_memory(target()),
                              .expected = static_cast<std::size_t>(range.length),
                              .if_version = version};
    bool changed = false;  // told at once
    read_part(dataset_, request, control_, later_,
              [self = shared_from_this(), &changed,
               at_once = dataset_.store->capabilities().answers_inline](PartAnswer& answer) {
                if (answer.result.status != ReadResult::Status::changed) {
                  return self->answered(answer);
                }
                if (at_once) {
                  changed = true;
                } else {
                  self->look_again();
                }
              });
    if (changed) look_again();
  }

  void look_again() {
    forget_index(dataset_, shard_);
    if (looks_ < kMostLooks) return look(IndexSource::read);
    read_whole();
  }

  void missing() const {
    if (control_.fill_missing) strided_fill(out_, dataset_.fill_element());
    finish(std::nullopt, ChunkState::missing);
  }

  void answered(PartAnswer& answer) const {
    if (answer.result.status == ReadResult::Status::missing) return missing();
    std::optional<Failure> failure;
    try {
      if (answer.result.status == ReadResult::Status::failed) {
        throw Error(std::move(answer.result.failure));
      }
      decode_gated(dataset_, answer, shard_.key, out_.byte_size(),
                   [&] { decode_to(target(), answer.result.bytes); });
      check_deadline(control_);
    } catch (...) {
      failure = current_failure();
    }
    finish(std::move(failure));
  }

  const Dataset& dataset_;
  const ChunkTask task_;
  const ArrayView out_;
  const Continue later_;
  const ChunkDone done_;
  const FetchControl control_;
  const ShardPlace shard_;
  int looks_ = 0;  // by one thread after another
};

}  // namespace

void fetch_inner(const Dataset& dataset, const ChunkTask& task, const ArrayView& out,
                 const Continue& later, ChunkDone done, const FetchControl& control) {
  std::shared_ptr<InnerFetch> fetch;
  try {
    fetch = std::make_shared<InnerFetch>(dataset, task, out, later, done, control);
  } catch (...) {  // no memory, or for codecs of a shard of another shape
    return finish_fetch(dataset, Unit::chunk, task.chunk, current_failure(), ChunkState::stored,
                        done);
  }
  fetch->look();
}

}  // namespace zarrloom
