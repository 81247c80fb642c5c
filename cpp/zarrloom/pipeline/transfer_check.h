// What reading and writing a selection check and choose alike.
#pragma once

#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/transfer.h"

namespace zarrloom {

template <typename View>
void check_memory(const Dataset& dataset, const Dims& shape, const View& view,
                  const std::optional<ItemPart>& part = {}) {
  const std::size_t size = part ? part->size : dataset.item_size();
  if (part && (size == 0 || part->offset + size > dataset.item_size())) {
    fail(ErrorCode::invalid_argument, "a part that is not inside the element");
  }
  if (view.shape == shape && view.item_size == size) return;
  fail(ErrorCode::invalid_argument,
       "memory of shape " + to_string(view.shape) + " with items of " +
           std::to_string(view.item_size) + " bytes does not fit a selection of shape " +
           to_string(shape) + " with items of " + std::to_string(size));
}

// The selection's own array must have the selection's shape and the dataset's item size.
template <typename View>
void check_transfer(const Dataset& dataset, const Selection& selection, const View& view,
                    const std::optional<ItemPart>& part = {}) {
  check_selection(selection, dataset.shape);
  check_memory(dataset, selection.count, view, part);
}

template <typename View>
void check_any(const Dataset& dataset, const AnySelection& selection, const View& view,
               const std::optional<ItemPart>& part = {}) {
  if (const auto* box = std::get_if<Selection>(&selection)) {
    return check_transfer(dataset, *box, view, part);
  }
  check_memory(dataset, std::get<IndexSelection>(selection).shape(), view, part);
}

// The part of the selection's array that a task fills or reads.
template <typename View>
View task_view(const View& view, const ChunkTask& task) {
  return sub_view(view, task.out_start, Dims::filled(task.count.size(), 1), task.count);
}

}  // namespace zarrloom
