#include "zarrloom/array/resize.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/stored_chunks.h"
#include "zarrloom/pipeline/work.h"
#include "zarrloom/pipeline/write_object.h"

namespace zarrloom {
namespace {

// Also those that lie outside the grid, where an interrupted writer may have left some.
std::vector<Dims> chunks_to_look_at(const Dataset& dataset) {
  std::vector<Dims> chunks;
  if (!dataset.store->capabilities().listable) {
    const Dims grid = grid_shape(dataset.shape, dataset.object_grid);
    const std::int64_t count = checked_product(grid, "number of chunks");
    for (std::int64_t n = 0; n < count; ++n) chunks.push_back(chunk_from_number(n, grid));
    return chunks;
  }
  const Dims anywhere =
      Dims::filled(dataset.shape.size(), std::numeric_limits<std::int64_t>::max());
  for (const ListEntry& entry : dataset.store->list(dataset.path, ListDepth::all)) {
    if (auto chunk = chunk_from_key(dataset.key_encoding, entry.name, anywhere)) {
      chunks.push_back(*chunk);
    }
  }
  return chunks;
}

// Sees to one chunk after another: nothing of them remains outside `kept`.
class Clearing {
 public:
  Clearing(const Array& array, const Dims& kept, const Dims& changed)
      : dataset_(*array.dataset()),
        writer_{*array.runtime(), dataset_, array.write_options()},
        kept_(kept),
        changed_(changed) {}

  void clear(const Dims& chunk) const {
    for (std::size_t d = 0; d < kept_.size(); ++d) {
      if (outside(chunk, d)) return writer_.erase(chunk);
    }
    std::vector<ChunkUpdate> updates;
    for (std::size_t d = 0; d < kept_.size(); ++d) {
      if (changed_[d] != 0 && kept_in(chunk, d) < dataset_.object_grid[d].size(chunk[d])) {
        updates.push_back(reset(chunk, d));
      }
    }
    writer_.write(updates, IfMissing::leave);
  }

 private:
  std::int64_t kept_in(const Dims& chunk, std::size_t d) const {
    return kept_[d] - dataset_.object_grid[d].origin(chunk[d]);
  }
  bool outside(const Dims& chunk, std::size_t d) const {
    return kept_[d] == 0 || chunk[d] > dataset_.object_grid[d].chunk_at(kept_[d] - 1);
  }

  // Fill values from the edge on in dimension d.
  ChunkUpdate reset(const Dims& chunk, std::size_t d) const {
    ChunkTask task = whole_chunk(chunk, dataset_.object_grid);
    task.covers_chunk = false;
    task.start[d] = kept_in(chunk, d);
    task.count[d] -= task.start[d];
    const Dims repeated = Dims::filled(kept_.size(), 0);
    return {task, {ByteView(fill_).data(), task.count, repeated, dataset_.item_size()}};
  }

  const Dataset& dataset_;
  const FillElement fill_ = dataset_.fill_element();
  const ObjectWriter writer_;
  const Dims kept_;
  const Dims changed_;  // 1 for each dimension whose extent changes, else 0
};

void clear_outside(const Array& array, const Dims& kept, const Dims& changed,
                   const CallOptions& options) {
  const Clearing clearing(array, kept, changed);
  const std::vector<Dims> chunks = chunks_to_look_at(*array.dataset());
  const auto count = static_cast<std::int64_t>(chunks.size());
  const std::shared_ptr<Executor> executor = array.runtime()->executor();
  parallel_for(
      *executor, count,
      workers_for(*array.runtime(), work_on(*array.dataset(), Unit::object, count), options),
      [&](std::int64_t i) { clearing.clear(chunks[static_cast<std::size_t>(i)]); });
}

}  // namespace

Array resize(const Array& array, const Dims& shape, const CallOptions& options) {
  array.check_writable();
  const Dims& old = array.shape();
  if (shape.size() != old.size() ||
      std::any_of(shape.begin(), shape.end(), [](std::int64_t extent) { return extent < 0; })) {
    fail(ErrorCode::invalid_argument,
         "an array of shape " + to_string(old) + " cannot be given the shape " + to_string(shape));
  }
  Dims kept = old, changed = old;
  for (std::size_t d = 0; d < old.size(); ++d) {
    kept[d] = std::min(old[d], shape[d]);
    changed[d] = old[d] == shape[d] ? 0 : 1;
  }
  const Claims::Claim claim = array.claim_shape();
  if (shape == old) return array;
  const Array smaller = kept == old ? array : array.with_shape(kept);
  clear_outside(array, kept, changed, options);
  return shape == kept ? smaller : smaller.with_shape(shape);
}

}  // namespace zarrloom
