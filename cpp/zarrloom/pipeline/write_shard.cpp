#include "zarrloom/pipeline/write_shard.h"

#include <span>
#include <vector>

#include "zarrloom/base/error.h"
#include "zarrloom/base/strided_copy.h"
#include "zarrloom/exec/parallel_for.h"
#include "zarrloom/pipeline/shard_index.h"
#include "zarrloom/pipeline/work.h"

namespace zarrloom {
namespace {

using Clock = Recorder::Clock;

class ShardMerge {
 public:
  ShardMerge(const ObjectWriter& writer, const Dims& shard, std::optional<ByteView> stored,
             const EditsOf& edits_of)
      : writer_(writer),
        dataset_(writer.dataset),
        place_(shard_place(dataset_, shard)),
        codecs_(*dataset_.inner_chain),
        grid_(dataset_.chunks_in(shard)),
        stored_(stored),
        edits_of_(edits_of),
        made_(place_.format().inner_chunks()),
        kept_(made_.size()) {
    if (stored) ranges_ = place_.format().find(*stored);
  }

  std::int64_t count() const { return static_cast<std::int64_t>(made_.size()); }

  // Chunk i of the shard, in C order. Several at a time.
  void merge(std::int64_t i) {
    const Dims chunk = chunk_from_number(i, grid_);
    const std::size_t number = index_number(*place_.codecs, chunk);
    const std::vector<ChunkEdit> edits = edits_of_(chunk);
    if (edits.empty()) {
      kept_[number] = stored_chunk(number);
      return;
    }
    if (!edits.back().encoded.empty()) {
      kept_[number] = edits.back().encoded;
      return;
    }
    try {
      Arena arena;
      made_[number] = encode(elements(number, edits, arena));
    } catch (...) {
      throw Error(with_context(current_failure(), "inner chunk " + to_string(chunk)));
    }
  }

  Bytes put_together() {
    ShardBuilder builder(place_.format());
    for (std::size_t number = 0; number < made_.size(); ++number) {
      if (kept_[number]) builder.add(number, *kept_[number]);
      if (made_[number]) builder.add(number, made_[number]->view());
    }
    Bytes shard;
    if (builder.has_chunks()) builder.finish(shard);
    return shard;
  }

 private:
  std::optional<ByteView> stored_chunk(std::size_t number) const {
    if (!stored_ || ranges_[number].empty()) return std::nullopt;
    return stored_->subspan(ranges_[number].offset, ranges_[number].length);
  }

  // The chunk as it will be: the caller's memory itself, or this thread's scratch.
  ConstArrayView elements(std::size_t number, std::span<const ChunkEdit> edits,
                          Arena& arena) const {
    edits = seen(edits);
    const ChunkEdit& first = edits.front();
    if (first.whole.data != nullptr && edits.size() == 1) return first.whole;
    Workspace& workspace = thread_workspace();
    workspace.decoded.resize_uninitialized(codecs_.decoded_size());
    ArrayView chunk =
        c_view(workspace.decoded.span(), dataset_.chunk_grid.largest(), dataset_.item_size());
    chunk.arena = &arena;
    if (!first.covers_chunk) {
      restore(number, chunk);
    } else if (first.whole.data == nullptr) {  // at the array's edge: filled up
      strided_fill(chunk, dataset_.fill_element());
    }
    for (const ChunkEdit& edit : edits) edit.apply(chunk);
    return chunk;
  }

  void restore(std::size_t number, const ArrayView& chunk) const {
    const std::optional<ByteView> encoded = stored_chunk(number);
    if (!encoded) return strided_fill(chunk, dataset_.fill_element());
    const Gate::Pass pass = writer_.runtime.limits().cpu().enter();
    const auto began = Clock::now();
    codecs_.decode(*encoded, chunk, thread_workspace());
    writer_.runtime.recorder().add(Stage::decode, began, Clock::now(), chunk.byte_size(),
                                   place_.key);
  }

  std::optional<Bytes> encode(const ConstArrayView& chunk) const {
    if (!writer_.options.write_empty_chunks && dataset_.codecs.spec().is_all_fill(chunk)) {
      return std::nullopt;
    }
    const Gate::Pass pass = writer_.runtime.limits().cpu().enter();
    const auto began = Clock::now();
    Bytes encoded = Bytes::copy_of(codecs_.encode(chunk, thread_workspace()));
    writer_.runtime.recorder().add(Stage::encode, began, Clock::now(), chunk.byte_size(),
                                   place_.key);
    return encoded;
  }

  const ObjectWriter& writer_;
  const Dataset& dataset_;
  const ShardPlace place_;
  const CodecChain& codecs_;  // of its chunks
  const Dims grid_;           // chunks of a shard
  const std::optional<ByteView> stored_;
  const EditsOf& edits_of_;
  ShardRanges ranges_;
  // By number in the index; each is set by the one thread that merges its chunk.
  std::vector<std::optional<Bytes>> made_;
  std::vector<std::optional<ByteView>> kept_;
};

}  // namespace

Bytes merge_shard(const ObjectWriter& writer, const Dims& shard, std::optional<ByteView> stored,
                  const EditsOf& edits_of) {
  ShardMerge merge(writer, shard, stored, edits_of);
  const std::shared_ptr<Executor> executor = writer.runtime.executor();
  const Work work = work_on(writer.dataset, Unit::chunk, merge.count());
  parallel_for(*executor, work.count,
               workers_for(writer.runtime, work, {.parallel = writer.parallel}),
               [&merge](std::int64_t i) { merge.merge(i); });
  return merge.put_together();
}

}  // namespace zarrloom
