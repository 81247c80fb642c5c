#include "zarrloom/array/append.h"

#include <algorithm>

#include "zarrloom/base/error.h"
#include "zarrloom/base/strided_copy.h"
#include "zarrloom/pipeline/write_object.h"

namespace zarrloom {

// A row of chunks: all with the same index along the axis.
struct AppendStream::Row {
  std::int64_t number = 0;  // the index along the axis
  std::int64_t first = 0;   // frames before this one are stored and may be changed by others
  std::int64_t filled = 0;  // frames up to here are in `data`
  ByteBudget::Lease lease;
  Bytes data;
  ArrayView view;
  Arena arena = {};  // of elements of variable size
};

namespace {

// The frames [first, first + count) of a view.
template <typename View>
View frames_of(const View& view, std::size_t axis, std::int64_t first, std::int64_t count) {
  Dims start = Dims::filled(view.shape.size(), 0);
  Dims counts = view.shape;
  start[axis] = first;
  counts[axis] = count;
  return sub_view(view, start, Dims::filled(start.size(), 1), counts);
}

}  // namespace

AppendStream::AppendStream(const Array& array, std::size_t axis)
    : array_(array),
      dataset_(array.dataset()),
      axis_(axis),
      row_shape_(array.shape()),
      length_(0),
      window_(array.runtime(), 0) {
  if (axis >= array.shape().size()) {
    fail(ErrorCode::invalid_argument, "there is no axis " + std::to_string(axis) +
                                          " in an array of shape " + to_string(array.shape()));
  }
  if (dataset_->object_grid[axis].runs() != nullptr) {
    fail(ErrorCode::unsupported,
         "the chunks along axis " + std::to_string(axis) +
             " have sizes of their own (chunk grid \"rectilinear\"), and nothing says how large "
             "those of frames to come are; resize the array, which adds one chunk, and write");
  }
  array.check_writable();
  claim_.emplace(array.claim_shape());
  length_ = array.shape()[axis];
  row_shape_[axis] = row_extent();
}

AppendStream::~AppendStream() = default;

void AppendStream::check_block(const ConstArrayView& block) const {
  if (!claim_) fail(ErrorCode::invalid_argument, "this append stream is closed");
  if (torn_) {
    fail(ErrorCode::invalid_argument,
         "an earlier append did not come to its end; flush or close what was appended before it");
  }
  bool fits = block.shape.size() == row_shape_.size() && block.item_size == dataset_->item_size();
  for (std::size_t d = 0; fits && d < row_shape_.size(); ++d) {
    fits = d == axis_ || block.shape[d] == row_shape_[d];
  }
  if (fits) return;
  fail(ErrorCode::invalid_argument, "a block of shape " + to_string(block.shape) +
                                        " cannot be appended along axis " + std::to_string(axis_) +
                                        " of an array of shape " + to_string(array_.shape()));
}

void AppendStream::append(const ConstArrayView& block, const InterruptCheck& interrupt) {
  window_.check_process();
  check_block(block);
  settle(interrupt);
  throw_if_failed();
  const std::int64_t count = block.shape[axis_];
  torn_ = true;
  for (std::int64_t done = 0; done < count;) {
    Row& row = row_at(length_ + done, interrupt);
    const std::int64_t n = std::min(count - done, row_extent() - row.filled);
    const ArrayView place = frames_of(row.view, axis_, row.filled, n);
    if (dataset_->dtype().is_variable()) {
      deep_copy(frames_of(block, axis_, done, n), place, row.arena);
    } else {
      strided_copy(frames_of(block, axis_, done, n), place);
    }
    row.filled += n;
    done += n;
    if (row.filled < row_extent()) continue;
    store_row();
    row_.reset();
  }
  torn_ = false;
  length_ += count;
}

// The row that the frame at `position` goes to.
AppendStream::Row& AppendStream::row_at(std::int64_t position, const InterruptCheck& interrupt) {
  if (row_) return *row_;
  const auto elements = static_cast<std::size_t>(checked_product(row_shape_, "a row of chunks"));
  const std::size_t bytes = elements * dataset_->item_size();
  const std::int64_t first = position % row_extent();
  auto row = std::make_shared<Row>();
  row->number = position / row_extent();
  row->first = row->filled = first;
  row->lease = window_.acquire(bytes, interrupt);
  row->data = Bytes(bytes);
  row->view = c_view(row->data.span(), row_shape_, dataset_->item_size());
  row_ = std::move(row);
  return *row_;
}

// What of the row is not stored, and fill values from there on: an interrupted writer may have left
// something there.
void AppendStream::store_row() {
  array_.check_unchanged();
  strided_fill(frames_of(row_->view, axis_, row_->filled, row_extent() - row_->filled),
               dataset_->fill_element());
  Dims grid = grid_shape(row_shape_, dataset_->object_grid);
  const std::int64_t count = checked_product(grid, "number of chunks");
  for (std::int64_t n = 0; n < count; ++n) {
    Dims chunk = chunk_from_number(n, grid);
    chunk[axis_] = row_->number;
    window_.post([this, row = row_, chunk] { write_chunk(*row, chunk); });
  }
}

void AppendStream::write_chunk(const Row& row, Dims chunk) {
  try {
    ChunkTask task = whole_chunk(chunk, dataset_->object_grid);
    Dims start = task.start;  // in the row
    for (std::size_t d = 0; d < start.size(); ++d) {
      if (d != axis_) start[d] = dataset_->object_grid[d].origin(chunk[d]);
      task.count[d] = std::min(task.count[d], row_shape_[d] - start[d]);
    }
    task.start[axis_] = start[axis_] = row.first;
    task.count[axis_] -= row.first;
    task.covers_chunk = row.first == 0;
    const ConstArrayView from = sub_view(row.view, start, task.step, task.count);
    const ChunkUpdate update{task, from};
    ObjectWriter{*array_.runtime(), *dataset_, array_.write_options()}.write({&update, 1});
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = current_failure();
  }
}

void AppendStream::throw_if_failed() {
  const std::lock_guard lock(mutex_);
  if (failure_) throw Error(*failure_);
}

// A row that jobs use must not change, nor be stored by others at the same time.
void AppendStream::settle(const InterruptCheck& interrupt) {
  if (!storing_) return;
  window_.wait_all(interrupt);
  storing_ = false;
}

Array AppendStream::flush(const InterruptCheck& interrupt) {
  window_.check_process();
  if (!claim_) return array_;
  settle(interrupt);
  throw_if_failed();
  const bool more = row_ && row_->filled > row_->first;
  storing_ = true;
  if (more) store_row();
  settle(interrupt);
  throw_if_failed();
  if (more) row_->first = row_->filled;
  if (length_ != array_.shape()[axis_]) {
    Dims shape = array_.shape();
    shape[axis_] = length_;
    array_ = array_.with_shape(shape);
  }
  return array_;
}

void AppendStream::end() {
  window_.wait_all();
  row_.reset();
  claim_.reset();
}

Array AppendStream::close(const InterruptCheck& interrupt) {
  try {
    flush(interrupt);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::cancelled && !window_.from_before_fork()) end();
    throw;
  }
  end();
  return array_;
}

}  // namespace zarrloom
