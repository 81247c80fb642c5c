#include "zarrloom/pipeline/write_object.h"

#include <future>

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/transfer_check.h"
#include "zarrloom/pipeline/write_shard.h"

namespace zarrloom {
namespace {

using Updates = std::span<const ChunkUpdate>;
using Edits = std::span<const ChunkEdit>;

std::unique_lock<std::mutex> lock_object(const ObjectWriter& writer, const std::string& key) {
  return writer.runtime.locks().lock(writer.dataset.store->locate(key));
}

ArrayView chunk_scratch(const CodecChain& codecs, Workspace& workspace, Arena& arena) {
  workspace.decoded.resize_uninitialized(codecs.decoded_size());
  const ChunkSpec& spec = codecs.spec();
  ArrayView chunk = c_view(workspace.decoded.span(), spec.shape, spec.dtype.item_size);
  chunk.arena = &arena;
  return chunk;
}

// True if the chunk need not be stored.
bool is_empty(const ObjectWriter& writer, const ConstArrayView& chunk) {
  return !writer.options.write_empty_chunks && writer.dataset.codecs.spec().is_all_fill(chunk);
}

// As one of the process's threads that may.
ByteView encode(const ObjectWriter& writer, const CodecChain& codecs, const ConstArrayView& chunk,
                const std::string& key) {
  const Gate::Pass pass = writer.runtime.limits().cpu().enter();
  const auto began = Recorder::Clock::now();
  const ByteView encoded = codecs.encode(chunk, thread_workspace());
  writer.runtime.recorder().add(Stage::encode, began, Recorder::Clock::now(), codecs.decoded_size(),
                                key);
  return encoded;
}

void store(const ObjectWriter& writer, const std::string& key, ByteView encoded) {
  const Store& store = *writer.dataset.store;
  const Gate::Pass place = writer.runtime.limits().io(store.capabilities().kind).enter();
  const auto began = Recorder::Clock::now();
  store.write(key, encoded);
  writer.runtime.recorder().add(Stage::write, began, Recorder::Clock::now(), encoded.size(), key);
}

void apply(Edits edits, const ArrayView& chunk) {
  for (const ChunkEdit& edit : edits) edit.apply(chunk);
}

// The first edit covers the chunk. Encodes before the lock is taken: the lock is needed only
// against a partial writer that would put back what it read before.
void write_covered(const ObjectWriter& writer, const Dims& index, Edits edits) {
  const Dataset& dataset = writer.dataset;
  const ChainPtr codecs = dataset.codecs_of(Unit::object, index);
  ConstArrayView chunk = edits.front().whole;
  Arena arena;
  if (edits.size() > 1 || chunk.data == nullptr) {
    const ArrayView scratch = chunk_scratch(*codecs, thread_workspace(), arena);
    // At the array's edge: filled up.
    if (chunk.data == nullptr) strided_fill(scratch, dataset.fill_element());
    apply(edits, scratch);
    chunk = scratch;
  }
  const std::string key = writer.dataset.object_key(index);
  if (is_empty(writer, chunk)) {
    const auto lock = lock_object(writer, key);
    dataset.store->erase(key);
    return;
  }
  const ByteView encoded = encode(writer, *codecs, chunk, key);
  const auto lock = lock_object(writer, key);
  store(writer, key, encoded);
}

void change(const ObjectWriter& writer, const Dims& index, Edits edits, IfMissing if_missing) {
  const Dataset& dataset = writer.dataset;
  const std::string key = writer.dataset.object_key(index);
  const ChainPtr codecs = dataset.codecs_of(Unit::object, index);
  const auto lock = lock_object(writer, key);
  Arena arena;
  const ArrayView chunk = chunk_scratch(*codecs, thread_workspace(), arena);
  const ChunkState found =
      fetch_now(dataset, Unit::object, whole_chunk(index, dataset.object_grid), chunk);
  if (found == ChunkState::missing && if_missing == IfMissing::leave) return;
  apply(edits, chunk);
  if (is_empty(writer, chunk)) {
    dataset.store->erase(key);
  } else {
    store(writer, key, encode(writer, *codecs, chunk, key));
  }
}

// Waits. nullopt: there is none.
std::optional<Bytes> read_object_now(const Dataset& dataset, const CodecChain& codecs,
                                     const std::string& key) {
  std::promise<std::optional<Bytes>> promise;
  const Continue at_once = [](const std::function<void()>& rest) { rest(); };
  const PartRequest request{
      .key = key, .limit = codecs.max_stored_size(), .expected = codecs.decoded_size()};
  read_part(dataset, request, {}, at_once, [&promise](PartAnswer& answer) {
    try {
      if (answer.result.status == ReadResult::Status::failed) {
        throw Error(std::move(answer.result.failure));
      }
      const bool found = answer.result.status == ReadResult::Status::found;
      promise.set_value(found ? std::optional(Bytes::copy_of(answer.result.bytes)) : std::nullopt);
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  });
  return promise.get_future().get();
}

void store_or_erase(const ObjectWriter& writer, const std::string& key, const Bytes& shard) {
  if (shard.empty()) {
    writer.dataset.store->erase(key);
  } else {
    store(writer, key, shard.view());
  }
}

// Like chunks: what covers the shard is encoded before the lock is taken.
void write_shard(const ObjectWriter& writer, const Dims& index, bool covers,
                 const EditsOf& edits_of, IfMissing if_missing) {
  const std::string key = writer.dataset.object_key(index);
  if (covers) {
    const Bytes shard = merge_shard(writer, index, std::nullopt, edits_of);
    const auto lock = lock_object(writer, key);
    return store_or_erase(writer, key, shard);
  }
  const auto lock = lock_object(writer, key);
  const ChainPtr codecs = writer.dataset.codecs_of(Unit::object, index);
  const std::optional<Bytes> stored = read_object_now(writer.dataset, *codecs, key);
  if (!stored && if_missing == IfMissing::leave) return;
  const auto view = stored ? std::optional(stored->view()) : std::nullopt;
  store_or_erase(writer, key, merge_shard(writer, index, view, edits_of));
}

// The task's elements become `from`.
ChunkEdit edit_by(const ObjectWriter& writer, const ChunkTask& task, const ConstArrayView& from,
                  const Dims& chunk_shape) {
  const bool covers = task.covers_chunk && !writer.options.part;
  const bool whole = covers && task.count == chunk_shape;
  return {covers,
          whole ? from : ConstArrayView{},
          [&writer, &task, &from](const ArrayView& chunk) {
            const ArrayView part = part_of(writer, chunk);
            strided_copy(from, sub_view(part, task.start, task.step, task.count));
          },
          {}};
}

// Updates of a shard, by its chunks.
class ShardUpdates {
 public:
  ShardUpdates(const ObjectWriter& writer, Updates updates)
      : writer_(writer), dataset_(writer.dataset), updates_(updates) {
    for (const ChunkUpdate& update : updates) {
      const ChunkTask& task = update.task;
      plans_.emplace_back(dataset_.object_grid.shape_of(task.chunk), dataset_.chunk_grid,
                          Selection{task.start, task.step, task.count});
    }
  }

  std::vector<ChunkEdit> edits_of(const Dims& chunk) const {
    std::vector<ChunkEdit> edits;
    for (std::size_t u = 0; u < updates_.size(); ++u) {
      const auto number = plans_[u].find(chunk);
      if (!number) continue;
      const auto part = std::make_shared<const ChunkUpdate>(part_of(u, *number));
      edits.push_back(edit_by(writer_, part->task, part->from, dataset_.chunk_grid.largest()));
      edits.back().apply = [part, apply = std::move(edits.back().apply)](const ArrayView& view) {
        apply(view);
      };
    }
    return edits;
  }

 private:
  ChunkUpdate part_of(std::size_t update, std::int64_t number) const {
    ChunkTask task = plans_[update].task(number);
    const ConstArrayView from = task_view(updates_[update].from, task);
    return {std::move(task), from};
  }

  const ObjectWriter& writer_;
  const Dataset& dataset_;
  const Updates updates_;
  std::vector<Plan> plans_;  // of each update, over the chunks of the shard
};

template <typename Work>
void naming_the_chunk(const ObjectWriter& writer, const Dims& chunk, const Work& work) {
  try {
    work();
  } catch (...) {
    Failure failure = current_failure();
    if (failure.chunk.empty()) {  // not fetch_now's, which says it already
      failure = fetch_failure(writer.dataset, Unit::object, chunk, failure);
      writer.runtime.recorder().add_failure(failure.code);
    }
    throw Error(std::move(failure));
  }
}

}  // namespace

EditsOf edits_by(const ObjectWriter& writer, ChunkUpdate update) {
  struct Kept {
    ChunkUpdate update;
    std::optional<ShardUpdates> of_shard = {};
  };
  const auto kept = std::make_shared<Kept>(Kept{std::move(update)});
  if (writer.dataset.has_shards()) kept->of_shard.emplace(writer, Updates(&kept->update, 1));
  return [&writer, kept](const Dims& chunk) {
    if (kept->of_shard) return kept->of_shard->edits_of(chunk);
    const ChunkUpdate& all = kept->update;
    const Dims shape = writer.dataset.object_grid.shape_of(all.task.chunk);
    std::vector<ChunkEdit> edits{edit_by(writer, all.task, all.from, shape)};
    edits.back().apply = [kept, apply = std::move(edits.back().apply)](const ArrayView& view) {
      apply(view);
    };
    return edits;
  };
}

std::span<const ChunkEdit> seen(std::span<const ChunkEdit> edits) {
  for (std::size_t i = edits.size(); i-- > 0;) {
    if (edits[i].covers_chunk) return edits.subspan(i);
  }
  return edits;
}

ArrayView part_of(const ObjectWriter& writer, const ArrayView& chunk) {
  if (!writer.options.part) return chunk;
  return {chunk.data + writer.options.part->offset, chunk.shape, chunk.strides,
          writer.options.part->size};
}

void ObjectWriter::write(Updates updates, IfMissing if_missing) const {
  if (updates.empty()) return;
  bool covers = false;
  for (const ChunkUpdate& update : updates) covers = covers || update.task.covers_chunk;
  covers = covers && !options.part;
  const Dims& index = updates.front().task.chunk;
  if (dataset.has_shards()) {
    const ShardUpdates shard(*this, updates);
    return edit(
        index, covers, [&](const Dims& chunk) { return shard.edits_of(chunk); }, if_missing);
  }
  const auto all = [&](const Dims&) {
    std::vector<ChunkEdit> edits;
    const Dims shape = dataset.object_grid.shape_of(index);
    for (const ChunkUpdate& u : updates) {
      edits.push_back(edit_by(*this, u.task, u.from, shape));
    }
    return edits;
  };
  edit(index, covers, all, if_missing);
}

void ObjectWriter::edit(const Dims& object, bool covers, const EditsOf& edits_of,
                        IfMissing if_missing) const {
  naming_the_chunk(*this, object, [&] {
    if (dataset.has_shards()) return write_shard(*this, object, covers, edits_of, if_missing);
    const std::vector<ChunkEdit> edits = edits_of(object);
    if (!edits.back().encoded.empty()) {
      const std::string key = dataset.object_key(object);
      const auto lock = lock_object(*this, key);
      store(*this, key, edits.back().encoded);
    } else if (covers) {
      write_covered(*this, object, seen(edits));
    } else {
      change(*this, object, edits, if_missing);
    }
  });
  trim_workspace(thread_workspace());
}

void ObjectWriter::erase(const Dims& chunk) const {
  naming_the_chunk(*this, chunk, [&] {
    const std::string key = dataset.object_key(chunk);
    const auto lock = lock_object(*this, key);
    dataset.store->erase(key);
  });
}

}  // namespace zarrloom
