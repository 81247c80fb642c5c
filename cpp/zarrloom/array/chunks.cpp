#include "zarrloom/array/chunks.h"

#include <atomic>
#include <future>
#include <numeric>

#include "zarrloom/base/error.h"
#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/shard_index.h"
#include "zarrloom/pipeline/stored_chunks.h"
#include "zarrloom/pipeline/work.h"
#include "zarrloom/pipeline/write_object.h"

namespace zarrloom {
namespace {

// A shard that is replaced faster than index and chunk can be read is then read as a whole.
constexpr int kMostLooks = 4;

ReadResult read_now(const Store& store, const ReadRequest& request) {
  const auto answer = std::make_shared<std::promise<ReadResult>>();
  std::future<ReadResult> waiting = answer->get_future();
  store.read(request, [answer](ReadResult result) { answer->set_value(std::move(result)); });
  ReadResult result = waiting.get();
  if (result.status == ReadResult::Status::failed) throw Error(std::move(result.failure));
  return result;
}

void check_chunk(const Array& array, const Dims& chunk) {
  chunk_selection(chunk, array.shape(), array.dataset()->chunk_grid);
}

struct Index {
  ShardRanges ranges;
  ObjectVersion version;
  std::uint64_t shard_size = 0;
};

// nullopt: there is no such shard.
std::optional<Index> read_index(const Dataset& dataset, const ShardPlace& shard) {
  const ShardIndexFormat& format = shard.format();
  const std::uint64_t size = format.encoded_size();
  const ByteRange range = format.at_end() ? ByteRange{0, size, true} : ByteRange{0, size};
  const ReadResult result =
      read_now(*dataset.store, {.key = shard.key, .range = range, .want_version = true});
  if (result.status != ReadResult::Status::found) return std::nullopt;
  return Index{format.decode(result.bytes, result.object_size), result.version, result.object_size};
}

std::optional<Bytes> piece_of(const ShardPlace& place, ByteView shard, std::size_t number) {
  const ShardRange range = place.format().find(shard)[number];
  if (range.empty()) return std::nullopt;
  return Bytes::copy_of(shard.subspan(range.offset, range.length));
}

std::optional<Bytes> read_from_shard(const Dataset& dataset, const Dims& chunk) {
  const ShardPlace place = shard_place(dataset, dataset.object_of(chunk));
  const std::string& key = place.key;
  const std::size_t number = index_number(*place.codecs, dataset.index_in_object(chunk));
  for (int look = 0; look < kMostLooks; ++look) {
    const std::optional<Index> index = read_index(dataset, place);
    if (!index || index->ranges[number].empty()) return std::nullopt;
    if (index->version.empty()) break;
    const ShardRange& range = index->ranges[number];
    const ReadResult result =
        read_now(*dataset.store,
                 {.key = key, .range = {range.offset, range.length}, .if_version = index->version});
    if (result.status == ReadResult::Status::found) return Bytes::copy_of(result.bytes);
    if (result.status == ReadResult::Status::missing) return std::nullopt;
  }
  const std::optional<Bytes> shard = read_object(*dataset.store, key);
  return shard ? piece_of(place, shard->view(), number) : std::nullopt;
}

template <typename Work>
auto naming_chunk(const Dataset& dataset, const Dims& chunk, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (!error.failure().chunk.empty()) throw;
    throw Error(fetch_failure(dataset, Unit::chunk, chunk, error.failure()));
  }
}

void edit_one(const Array& array, const Dims& chunk, const ChunkEdit& edit, IfMissing if_missing) {
  const Dataset& dataset = *array.dataset();
  const ObjectWriter writer{*array.runtime(), dataset, {}};
  const Dims inside = dataset.index_in_object(chunk);
  writer.edit(
      dataset.has_shards() ? dataset.object_of(chunk) : chunk, false,
      [&](const Dims& each) {
        return each == inside ? std::vector<ChunkEdit>{edit} : std::vector<ChunkEdit>{};
      },
      if_missing);
}

void check_decodes(const Dataset& dataset, const Dims& chunk, ByteView encoded) {
  Workspace workspace;
  const ChainPtr codecs = dataset.codecs_of(Unit::chunk, chunk);
  Bytes decoded(codecs->decoded_size());
  ArrayView view = c_view(decoded.span(), codecs->spec().shape, dataset.item_size());
  Arena arena;
  view.arena = &arena;
  codecs->decode(encoded, view, workspace);
}

Stored look_at(const Dataset& dataset, const Dims& object) {
  const std::string key = dataset.object_key(object);
  if (dataset.has_shards()) {
    const std::optional<Index> index = read_index(dataset, shard_place(dataset, object));
    if (!index) return {};
    Stored stored{1, 0, index->shard_size};
    for (const ShardRange& range : index->ranges) stored.chunks += range.empty() ? 0 : 1;
    return stored;
  }
  const ReadResult end = read_now(*dataset.store, {.key = key, .range = {0, 1, true}});
  if (end.status != ReadResult::Status::found) return {};
  return {1, 1, end.object_size};
}

// Each of the objects by the process's threads.
void for_each_object(const Array& array, std::span<const std::int64_t> objects,
                     const CallOptions& options, const std::function<void(const Dims&)>& body) {
  const Dims grid = array.object_grid();
  const auto count = static_cast<std::int64_t>(objects.size());
  const std::shared_ptr<Executor> executor = array.runtime()->executor();
  parallel_for(
      *executor, count,
      workers_for(*array.runtime(), work_on(*array.dataset(), Unit::object, count), options),
      [&](std::int64_t i) { body(chunk_from_number(objects[static_cast<std::size_t>(i)], grid)); });
}

}  // namespace

bool chunk_exists(const Array& array, const Dims& chunk) {
  check_chunk(array, chunk);
  const Dataset& dataset = *array.dataset();
  const std::string key = dataset.chunk_key(chunk);
  if (!dataset.has_shards()) return dataset.store->exists(key);
  return naming_chunk(dataset, chunk, [&] {
    const ShardPlace place = shard_place(dataset, dataset.object_of(chunk));
    const std::optional<Index> index = read_index(dataset, place);
    const Dims inside = dataset.index_in_object(chunk);
    return index && !index->ranges[index_number(*place.codecs, inside)].empty();
  });
}

void delete_chunk(const Array& array, const Dims& chunk) {
  check_chunk(array, chunk);
  array.check_writable();
  const Dataset& dataset = *array.dataset();
  if (!dataset.has_shards()) {
    return ObjectWriter{*array.runtime(), dataset, {}}.erase(chunk);
  }
  const ChunkEdit erased{
      true, {}, [&](const ArrayView& view) { strided_fill(view, dataset.fill_element()); }, {}};
  edit_one(array, chunk, erased, IfMissing::leave);
}

std::optional<Bytes> read_raw_chunk(const Array& array, const Dims& chunk) {
  check_chunk(array, chunk);
  const Dataset& dataset = *array.dataset();
  return naming_chunk(dataset, chunk, [&] {
    return dataset.has_shards() ? read_from_shard(dataset, chunk)
                                : read_object(*dataset.store, dataset.chunk_key(chunk));
  });
}

void write_raw_chunk(const Array& array, const Dims& chunk, ByteView encoded) {
  check_chunk(array, chunk);
  array.check_writable();
  const Dataset& dataset = *array.dataset();
  naming_chunk(dataset, chunk, [&] { check_decodes(dataset, chunk, encoded); });
  const ChunkEdit stored{true, {}, {}, encoded};
  edit_one(array, chunk, stored, IfMissing::fill_values);
}

Stored count_stored(const Array& array, const CallOptions& options) {
  const Dataset& dataset = *array.dataset();
  std::atomic<std::int64_t> objects = 0, chunks = 0;
  std::atomic<std::uint64_t> bytes = 0;
  for_each_object(array, objects_of(array), options, [&](const Dims& object) {
    const Stored found = look_at(dataset, object);
    objects += found.objects;
    chunks += found.chunks;
    bytes += found.bytes;
  });
  return {objects, chunks, bytes};
}

bool same_objects(const Array& a, const Array& b) {
  const ArrayMetadata &of_a = a.metadata(), &of_b = b.metadata();
  return of_a.shape == of_b.shape && of_a.chunk_grid() == of_b.chunk_grid() &&
         of_a.dtype == of_b.dtype && of_a.fill_value == of_b.fill_value &&
         a.dataset()->codecs.configs() == b.dataset()->codecs.configs() &&
         of_a.v2.null_fill == of_b.v2.null_fill;
}

std::vector<std::int64_t> objects_of(const Array& array) {
  const Dataset& dataset = *array.dataset();
  if (auto stored = stored_chunks(dataset, Unit::object)) return std::move(*stored);
  const std::int64_t count = checked_product(array.object_grid(), "number of chunks");
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  return all;
}

void copy_objects(const Array& from, const Array& to, std::span<const std::int64_t> objects,
                  const CallOptions& options) {
  to.check_writable();
  if (!same_objects(from, to)) {
    fail(ErrorCode::invalid_argument, "the arrays store their elements in different ways");
  }
  const Dataset &source = *from.dataset(), &target = *to.dataset();
  for_each_object(from, objects, options, [&](const Dims& object) {
    const auto bytes = read_object(*source.store, source.object_key(object));
    if (!bytes) return;
    const std::string key = target.object_key(object);
    const auto lock = to.runtime()->locks().lock(target.store->locate(key));
    target.store->write(key, bytes->view());
  });
}

}  // namespace zarrloom
