// What is wanted, by shards.
#include <algorithm>
#include <utility>

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/read_shards.h"
#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

// ---- Of one box of elements ----

class BoxOfShard final : public WantedOfShard {
 public:
  BoxOfShard(const Dataset& dataset, const Plan& objects, const ChunkTask& object,
             const ArrayView& out)
      : plan_(dataset.shape, dataset.chunk_grid, objects.place(object)),
        object_(object),
        out_(out) {}

  std::int64_t count() const override { return plan_.task_count(); }
  Dims chunk(std::int64_t k) const override { return plan_.task(k).chunk; }
  bool covers_shard() const override { return object_.covers_chunk; }
  WantedBox whole() const override { return {object_, task_view(out_, object_)}; }

  WantedBox box(std::int64_t k) const override {
    const ChunkTask task = plan_.task(k);
    ChunkTask placed = task;
    for (std::size_t d = 0; d < placed.out_start.size(); ++d) {
      placed.out_start[d] += object_.out_start[d];
    }
    return {task, task_view(out_, placed)};
  }

 private:
  const Plan plan_;  // of its chunks
  const ChunkTask object_;
  const ArrayView out_;
};

class BoxOfShards final : public WantedOfShards {
 public:
  BoxOfShards(const Dataset& dataset, const Selection& selection, const ArrayView& out)
      : dataset_(dataset), objects_(dataset.shape, dataset.object_grid, selection), out_(out) {}

  bool in_place() const override { return true; }
  std::int64_t count() const override { return objects_.task_count(); }
  Dims object(std::int64_t i) const override { return objects_.task(i).chunk; }
  std::unique_ptr<WantedOfShard> shard(std::int64_t i) const override {
    return std::make_unique<BoxOfShard>(dataset_, objects_, objects_.task(i), out_);
  }

 private:
  const Dataset& dataset_;
  const Plan objects_;
  const ArrayView out_;
};

// ---- Of any chunks ----

class ChunksOfShard final : public WantedOfShard {
 public:
  ChunksOfShard(const Dataset& dataset, const Wanted& wanted, const Dims& object,
                std::span<const std::int64_t> numbers)
      : dataset_(dataset), wanted_(wanted), object_(object), numbers_(numbers) {}

  std::int64_t count() const override { return static_cast<std::int64_t>(numbers_.size()); }
  Dims chunk(std::int64_t k) const override { return wanted_.chunk(number(k)); }
  WantedBox box(std::int64_t k) const override { return wanted_.box(number(k)); }
  bool covers_shard() const override { return false; }

  // All of the object is decoded, then each chunk takes its part.
  WantedBox whole() const override {
    return {whole_chunk(object_, dataset_.object_grid), std::nullopt,
            [this](const ConstArrayView& elements) {
              const Dims origin = dataset_.object_grid.origin_of(object_);
              for (std::int64_t k = 0; k < count(); ++k) {
                const WantedBox part = box(k);
                Dims start = dataset_.chunk_grid.origin_of(part.box.chunk);
                for (std::size_t d = 0; d < start.size(); ++d) {
                  start[d] += part.box.start[d] - origin[d];
                }
                deliver(part, sub_view(elements, start, part.box.step, part.box.count));
              }
            },
            arena()};
  }

 private:
  Arena* arena() const {
    const WantedBox first = box(0);
    return first.place ? first.place->arena : first.arena;
  }
  std::int64_t number(std::int64_t k) const { return numbers_[static_cast<std::size_t>(k)]; }

  const Dataset& dataset_;
  const Wanted& wanted_;
  const Dims object_;
  const std::span<const std::int64_t> numbers_;  // of its chunks
};

class ChunksOfShards final : public WantedOfShards {
 public:
  ChunksOfShards(const Dataset& dataset, std::shared_ptr<const Wanted> wanted)
      : dataset_(dataset),
        wanted_(std::move(wanted)),
        grid_(grid_shape(dataset.shape, dataset.object_grid)) {
    std::vector<std::pair<std::int64_t, std::int64_t>> pairs;  // object, chunk
    pairs.reserve(static_cast<std::size_t>(wanted_->count()));
    for (std::int64_t i = 0; i < wanted_->count(); ++i) {
      pairs.emplace_back(chunk_number(dataset.object_of(wanted_->chunk(i)), grid_), i);
    }
    std::sort(pairs.begin(), pairs.end());
    for (const auto& [object, number] : pairs) {
      if (objects_.empty() || objects_.back() != object) {
        objects_.push_back(object);
        firsts_.push_back(numbers_.size());
      }
      numbers_.push_back(number);
    }
    firsts_.push_back(numbers_.size());
  }

  bool in_place() const override { return false; }
  std::int64_t count() const override { return static_cast<std::int64_t>(objects_.size()); }
  Dims object(std::int64_t i) const override {
    return chunk_from_number(objects_[static_cast<std::size_t>(i)], grid_);
  }
  std::unique_ptr<WantedOfShard> shard(std::int64_t i) const override {
    const auto at = static_cast<std::size_t>(i);
    const std::span<const std::int64_t> mine =
        std::span(numbers_).subspan(firsts_[at], firsts_[at + 1] - firsts_[at]);
    return std::make_unique<ChunksOfShard>(dataset_, *wanted_, object(i), mine);
  }

 private:
  const Dataset& dataset_;
  const std::shared_ptr<const Wanted> wanted_;
  const Dims grid_;
  std::vector<std::int64_t> objects_;  // numbers of the shards
  std::vector<std::size_t> firsts_;    // where each shard's begin; one more at the end
  std::vector<std::int64_t> numbers_;  // of chunks in wanted_, by shard
};

}  // namespace

std::unique_ptr<WantedOfShards> shards_of(const Dataset& dataset, const Selection& selection,
                                          const ArrayView& out) {
  return std::make_unique<BoxOfShards>(dataset, selection, out);
}

std::unique_ptr<WantedOfShards> shards_of(const Dataset& dataset,
                                          std::shared_ptr<const Wanted> wanted) {
  return std::make_unique<ChunksOfShards>(dataset, std::move(wanted));
}

}  // namespace zarrloom
