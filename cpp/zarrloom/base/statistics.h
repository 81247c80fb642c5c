// Statistics of elements as they come, block by block: accumulators that can be merged.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "zarrloom/base/bytes.h"
#include "zarrloom/base/dims.h"
#include "zarrloom/base/dtype.h"
#include "zarrloom/base/histogram.h"

namespace zarrloom {

enum class Statistic : std::uint8_t {
  min,
  max,
  sum,
  mean,
  variance,
  count,
  argmin,
  argmax,
  histogram,
};

// The name in lower case ("variance"), and back; throws invalid_argument naming what is known.
std::string_view statistic_name(Statistic statistic);
Statistic statistic_from_name(std::string_view name);

struct StatisticsOptions {
  std::vector<Statistic> wanted;
  bool skipna = false;               // NaN does not count; without meaning for types that have none
  double ddof = 0;                   // variance: the divisor is the count less this
  std::shared_ptr<const Bins> bins;  // histogram: these

  bool wants(Statistic statistic) const;
};

// Throws unsupported, naming both, for a statistic that elements of this type do not have.
void check_statistics(const StatisticsOptions& options, const DataType& dtype);

// Which elements of a C-contiguous block go to which output. All lists have an entry for each
// dimension. The outputs of a block are its kept dimensions in C order.
struct BlockShape {
  Dims count;    // elements of the block
  Dims reduced;  // 1 where the dimension is reduced, 0 where it is kept
  Dims start;    // the block's first element within the whole
  Dims whole;    // elements of all blocks together

  std::int64_t outputs() const;        // of the block
  std::int64_t elements() const;       // of the block, for each output
  std::int64_t most_elements() const;  // of the whole, for each output
  bool is_line() const;                // at most one reduced dimension is longer than 1
  // The place among the reduced dimensions of the whole, in C order, of an element that has place
  // `local` among those of the block.
  std::int64_t place(std::int64_t local) const;
};

// The accumulators of a block's outputs. One block is added to a fresh object; those of several
// blocks are then merged. What comes out depends on the blocks and on which merges are made, to the
// last bit, and on nothing else. Not for several threads at once.
class Statistics {
 public:
  virtual ~Statistics() = default;

  // As freshly made, for a block of this shape and of the same whole. Memory is kept.
  virtual void clear(const BlockShape& shape) = 0;

  // `data` holds the block's elements. Called once, or else add_repeated.
  virtual void add(const BlockShape& shape, ByteView data) = 0;
  // As if each element of the block was `item`.
  virtual void add_repeated(const BlockShape& shape, ByteView item) = 0;

  // Takes in another block of the same outputs, whose elements come later.
  virtual void merge(const Statistics& later) = 0;

  // Writes a result for each output, of statistic_size() bytes. Throws invalid_argument where
  // argmin or argmax has only NaN to choose from.
  virtual void write(Statistic statistic, MutableBytes out) const = 0;
};

// For a block of this shape. The options must outlive it.
std::unique_ptr<Statistics> make_statistics(const StatisticsOptions& options, const DataType& dtype,
                                            const BlockShape& shape);

// Bytes of one result.
//   min, max     the element's own type; bool as a byte, float16 as float32
//   sum          integers and bool: 128 bits, low half first; floats: double; complex: two doubles
//   mean         double; complex: two doubles
//   variance     double
//   count, argmin, argmax   int64
//   histogram    int64 for each bin; the whole has one output
std::size_t statistic_size(Statistic statistic, const StatisticsOptions& options,
                           const DataType& dtype);

}  // namespace zarrloom
