// Growing an array along one dimension, frame by frame.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "zarrloom/array/array.h"
#include "zarrloom/pipeline/write_window.h"

namespace zarrloom {

// Frames are collected until they fill a row of chunks, which is then encoded and stored in the
// background. The array's shape is changed by flush() and close() alone, after the chunks are
// stored: a crash leaves the array with the shape of the last flush and the right elements below
// it. For one calling thread at a time, and the only one that changes the array's shape meanwhile.
// Rows that are stored count in the byte budget; one row may always be held.
class AppendStream {
 public:
  // Throws read_only, invalid_argument (axis), unsupported for an axis whose chunks have edges of
  // their own (nothing says how large those to come are), conflict (see Array::claim_shape; held
  // until the stream is closed or dies).
  AppendStream(const Array& array, std::size_t axis);
  // Waits for what runs; what was not flushed is not part of the array.
  ~AppendStream();
  AppendStream(const AppendStream&) = delete;
  AppendStream& operator=(const AppendStream&) = delete;

  // Copies the block, whose shape is the array's but for the axis. Throws invalid_argument;
  // conflict; what failed in the background, which ends the stream. An interrupt in the middle
  // throws cancelled: the block is then not part of the array, those before it may be flushed.
  void append(const ConstArrayView& block, const InterruptCheck& interrupt = {});

  // Stores all that was appended, then the shape. Returns the handle that has it. Throws as above.
  Array flush(const InterruptCheck& interrupt = {});
  // Flushes, and no more can be appended, whatever it throws but cancelled. May be called again.
  Array close(const InterruptCheck& interrupt = {});

  std::int64_t length() const { return length_; }  // along the axis, with all that was appended

 private:
  struct Row;
  void check_block(const ConstArrayView& block) const;
  Row& row_at(std::int64_t position, const InterruptCheck& interrupt);
  void store_row();
  void write_chunk(const Row& row, Dims chunk);
  void throw_if_failed();
  void end();
  void settle(const InterruptCheck& interrupt);
  std::int64_t row_extent() const { return dataset_->object_grid[axis_].largest(); }

  Array array_;                         // with the stored shape
  std::optional<Claims::Claim> claim_;  // until closed
  const std::shared_ptr<const Dataset> dataset_;
  const std::size_t axis_;
  Dims row_shape_;
  std::int64_t length_;       // whole blocks only
  std::shared_ptr<Row> row_;  // not yet full; null: none begun. Shared with the jobs that store it.
  bool torn_ = false;         // an append did not come to its end
  bool storing_ = false;      // a flush did not come to its end: jobs may use row_

  std::mutex mutex_;
  std::optional<Failure> failure_;  // guarded by mutex_; of a job, the first

  WriteWindow window_;  // the last: it waits for jobs, which use the rest
};

}  // namespace zarrloom
