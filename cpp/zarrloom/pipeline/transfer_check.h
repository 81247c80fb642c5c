// What reading and writing a selection check and choose alike.
#pragma once

#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/transfer.h"

namespace zarrloom {

template <typename View>
void check_memory(const Dataset& dataset, const Dims& shape, const View& view) {
  if (view.shape == shape && view.item_size == dataset.item_size()) return;
  fail(ErrorCode::invalid_argument,
       "memory of shape " + to_string(view.shape) + " with items of " +
           std::to_string(view.item_size) + " bytes does not fit a selection of shape " +
           to_string(shape) + " with items of " + std::to_string(dataset.item_size()));
}

// The selection's own array must have the selection's shape and the dataset's item size.
template <typename View>
void check_transfer(const Dataset& dataset, const Selection& selection, const View& view) {
  check_selection(selection, dataset.shape);
  check_memory(dataset, selection.count, view);
}

// The part of the selection's array that a task fills or reads.
template <typename View>
View task_view(const View& view, const ChunkTask& task) {
  return sub_view(view, task.out_start, Dims::filled(task.count.size(), 1), task.count);
}

}  // namespace zarrloom
