#include "zarrloom/pipeline/wanted.h"

#include <algorithm>

#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

// One selection, as it touches chunks.
class PartPlan {
 public:
  PartPlan(const Dataset& dataset, const AnySelection& selection, const ArrayView& out)
      : rank_(dataset.shape.size()), plan_(make(dataset, selection)), out_(out) {}

  std::int64_t count() const {
    return std::visit([](const auto& plan) { return plan.task_count(); }, plan_);
  }
  Dims chunk(std::int64_t i) const {
    if (const Plan* plan = std::get_if<Plan>(&plan_)) return plan->task(i).chunk;
    return std::get<IndexPlan>(plan_).chunk(i);
  }

  Arena* arena() const { return out_.arena; }

  WantedBox box(std::int64_t i) const {
    if (const Plan* plan = std::get_if<Plan>(&plan_)) {
      const ChunkTask task = plan->task(i);
      return {task, task_view(out_, task)};
    }
    auto task = std::make_shared<const IndexTask>(std::get<IndexPlan>(plan_).task(i));
    const ChunkTask box = box_of(*task, rank_);
    if (const auto place = place_of_box(*task, out_, rank_)) return {box, place};
    return {box, std::nullopt,
            [task, box, out = out_](const ConstArrayView& elements) {
              gather(*task, box, elements, out);
            },
            out_.arena};
  }

 private:
  using AnyPlan = std::variant<Plan, IndexPlan>;

  static AnyPlan make(const Dataset& dataset, const AnySelection& selection) {
    if (const auto* box = std::get_if<Selection>(&selection)) {
      return AnyPlan(std::in_place_type<Plan>, dataset.shape, dataset.chunk_grid, *box);
    }
    return AnyPlan(std::in_place_type<IndexPlan>, dataset.shape, dataset.chunk_grid,
                   std::get<IndexSelection>(selection));
  }

  std::size_t rank_;
  AnyPlan plan_;
  ArrayView out_;
};

class OneWanted final : public Wanted {
 public:
  OneWanted(const Dataset& dataset, const IndexSelection& selection, const ArrayView& out)
      : part_(dataset, selection, out) {}

  std::int64_t count() const override { return part_.count(); }
  Dims chunk(std::int64_t i) const override { return part_.chunk(i); }
  WantedBox box(std::int64_t i) const override { return part_.box(i); }

 private:
  const PartPlan part_;
};

// What one part wants of one chunk.
struct Want {
  std::int64_t chunk;  // number in the grid
  std::size_t part;
  std::int64_t task;  // number in the part's plan
};

class ManyWanted final : public Wanted {
 public:
  ManyWanted(const Dataset& dataset, std::span<const ReadPart> parts)
      : dataset_(dataset), grid_(grid_shape(dataset.shape, dataset.chunk_grid)) {
    parts_.reserve(parts.size());
    for (std::size_t p = 0; p < parts.size(); ++p) {
      check_any(dataset, parts[p].selection, parts[p].out);
      parts_.emplace_back(dataset, parts[p].selection, parts[p].out);
      for (std::int64_t i = 0; i < parts_[p].count(); ++i) {
        wants_.push_back({chunk_number(parts_[p].chunk(i), grid_), p, i});
      }
    }
    std::stable_sort(wants_.begin(), wants_.end(),
                     [](const Want& a, const Want& b) { return a.chunk < b.chunk; });
    for (std::size_t i = 0; i < wants_.size(); ++i) {
      if (i == 0 || wants_[i].chunk != wants_[i - 1].chunk) firsts_.push_back(i);
    }
  }

  std::int64_t count() const override { return static_cast<std::int64_t>(firsts_.size()); }

  Dims chunk(std::int64_t i) const override {
    return chunk_from_number(wants_[firsts_[static_cast<std::size_t>(i)]].chunk, grid_);
  }

  WantedBox box(std::int64_t i) const override {
    const std::span<const Want> wants = wants_of(static_cast<std::size_t>(i));
    if (wants.size() == 1) return parts_[wants[0].part].box(wants[0].task);
    // The whole chunk; then each copies its part.
    return {whole_chunk(chunk(i), dataset_.chunk_grid), std::nullopt,
            [this, wants](const ConstArrayView& elements) {
              for (const Want& want : wants) {
                const WantedBox part = parts_[want.part].box(want.task);
                deliver(part, sub_view(elements, part.box.start, part.box.step, part.box.count));
              }
            },
            parts_[wants[0].part].arena()};
  }

 private:
  std::span<const Want> wants_of(std::size_t i) const {
    const std::size_t end = i + 1 < firsts_.size() ? firsts_[i + 1] : wants_.size();
    return std::span(wants_).subspan(firsts_[i], end - firsts_[i]);
  }

  const Dataset& dataset_;
  const Dims grid_;
  std::vector<PartPlan> parts_;
  std::vector<Want> wants_;          // by chunk, in the order of the parts within one
  std::vector<std::size_t> firsts_;  // where each chunk's begin
};

}  // namespace

void deliver(const WantedBox& wanted, const ConstArrayView& elements) {
  if (wanted.place) {
    strided_copy(elements, *wanted.place);
  } else {
    wanted.take(elements);
  }
}

std::unique_ptr<Wanted> wanted_by(const Dataset& dataset, const IndexSelection& selection,
                                  const ArrayView& out) {
  return std::make_unique<OneWanted>(dataset, selection, out);
}

std::unique_ptr<Wanted> wanted_by(const Dataset& dataset, std::span<const ReadPart> parts) {
  return std::make_unique<ManyWanted>(dataset, parts);
}

}  // namespace zarrloom
