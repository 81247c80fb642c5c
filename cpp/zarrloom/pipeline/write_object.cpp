#include "zarrloom/pipeline/write_object.h"

#include <future>

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/write_shard.h"

namespace zarrloom {
namespace {

using Updates = std::span<const ChunkUpdate>;

std::unique_lock<std::mutex> lock_object(const ObjectWriter& writer, const std::string& key) {
  return writer.runtime.locks().lock(writer.dataset.store->locate(key));
}

ArrayView chunk_scratch(const Dataset& dataset, Workspace& workspace) {
  workspace.decoded.resize_uninitialized(dataset.codecs.decoded_size());
  return c_view(workspace.decoded.span(), dataset.object_shape, dataset.item_size());
}

// True if the chunk need not be stored.
bool is_empty(const ObjectWriter& writer, const ConstArrayView& chunk) {
  return !writer.options.write_empty_chunks && all_equal(chunk, writer.dataset.fill_value());
}

// As one of the process's threads that may.
ByteView encode(const ObjectWriter& writer, const ConstArrayView& chunk, const std::string& key) {
  const Gate::Pass pass = writer.runtime.limits().cpu().enter();
  const auto began = Recorder::Clock::now();
  const ByteView encoded = writer.dataset.codecs.encode(chunk, thread_workspace());
  writer.runtime.recorder().add(Stage::encode, began, Recorder::Clock::now(),
                                writer.dataset.codecs.decoded_size(), key);
  return encoded;
}

void store(const ObjectWriter& writer, const std::string& key, ByteView encoded) {
  const Store& store = *writer.dataset.store;
  const Gate::Pass place = writer.runtime.limits().io(store.capabilities().kind).enter();
  const auto began = Recorder::Clock::now();
  store.write(key, encoded);
  writer.runtime.recorder().add(Stage::write, began, Recorder::Clock::now(), encoded.size(), key);
}

void apply(Updates updates, const ArrayView& chunk) {
  for (const ChunkUpdate& update : updates) {
    const ChunkTask& task = update.task;
    strided_copy(update.from, sub_view(chunk, task.start, task.step, task.count));
  }
}

// The first update covers the chunk. Encodes before the lock is taken: the lock is needed only
// against a partial writer that would put back what it read before.
void write_covered(const ObjectWriter& writer, Updates updates) {
  const Dataset& dataset = writer.dataset;
  Workspace& workspace = thread_workspace();
  const ChunkTask& task = updates.front().task;
  ConstArrayView chunk = updates.front().from;
  if (updates.size() > 1 || !(task.count == dataset.object_shape)) {
    const ArrayView scratch = chunk_scratch(dataset, workspace);
    // At the array's edge: filled up.
    if (!(task.count == dataset.object_shape)) strided_fill(scratch, dataset.fill_value());
    apply(updates, scratch);
    chunk = scratch;
  }
  const std::string key = writer.dataset.object_key(task.chunk);
  if (is_empty(writer, chunk)) {
    const auto lock = lock_object(writer, key);
    dataset.store->erase(key);
    return;
  }
  const ByteView encoded = encode(writer, chunk, key);
  const auto lock = lock_object(writer, key);
  store(writer, key, encoded);
}

void change(const ObjectWriter& writer, Updates updates, IfMissing if_missing) {
  const Dataset& dataset = writer.dataset;
  Workspace& workspace = thread_workspace();
  const Dims& index = updates.front().task.chunk;
  const std::string key = writer.dataset.object_key(index);
  const auto lock = lock_object(writer, key);
  const ArrayView chunk = chunk_scratch(dataset, workspace);
  const ChunkState found =
      fetch_now(dataset, Unit::object, whole_chunk(index, dataset.object_shape), chunk);
  if (found == ChunkState::missing && if_missing == IfMissing::leave) return;
  apply(updates, chunk);
  if (is_empty(writer, chunk)) {
    dataset.store->erase(key);
  } else {
    store(writer, key, encode(writer, chunk, key));
  }
}

// Waits. nullopt: there is none.
std::optional<Bytes> read_object_now(const Dataset& dataset, const std::string& key) {
  std::promise<std::optional<Bytes>> promise;
  const Continue at_once = [](const std::function<void()>& rest) { rest(); };
  const PartRequest request{.key = key,
                            .limit = dataset.codecs.max_stored_size(),
                            .expected = dataset.codecs.decoded_size()};
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
void write_shard(const ObjectWriter& writer, Updates updates, IfMissing if_missing) {
  const ChunkTask& task = updates.front().task;
  const std::string key = writer.dataset.object_key(task.chunk);
  if (task.covers_chunk) {
    const Bytes shard = merge_shard(writer, std::nullopt, updates, key);
    const auto lock = lock_object(writer, key);
    return store_or_erase(writer, key, shard);
  }
  const auto lock = lock_object(writer, key);
  const std::optional<Bytes> stored = read_object_now(writer.dataset, key);
  if (!stored && if_missing == IfMissing::leave) return;
  const auto view = stored ? std::optional(stored->view()) : std::nullopt;
  store_or_erase(writer, key, merge_shard(writer, view, updates, key));
}

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

void ObjectWriter::write(Updates updates, IfMissing if_missing) const {
  if (updates.empty()) return;
  // What lies under an update that covers the chunk will not be seen.
  for (std::size_t i = updates.size(); i-- > 0;) {
    if (!updates[i].task.covers_chunk) continue;
    updates = updates.subspan(i);
    break;
  }
  naming_the_chunk(*this, updates.front().task.chunk, [&] {
    if (dataset.has_shards()) {
      write_shard(*this, updates, if_missing);
    } else if (updates.front().task.covers_chunk) {
      write_covered(*this, updates);
    } else {
      change(*this, updates, if_missing);
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
