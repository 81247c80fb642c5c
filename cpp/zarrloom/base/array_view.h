// A window on array memory: shape and byte strides over bytes that somebody else owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "zarrloom/base/bytes.h"
#include "zarrloom/base/dims.h"

namespace zarrloom {

class Arena;  // base/variable.h

// Byte is std::byte or const std::byte. Strides are in bytes and may be negative or zero.
template <typename Byte>
struct BasicArrayView {
  Byte* data = nullptr;
  Dims shape;
  Dims strides;
  std::size_t item_size = 1;
  // Where the bytes of elements of variable size go that are written through this view; not owned.
  Arena* arena = nullptr;

  // Only views that repeat elements can have more of them than 64 bits count: then it wraps, but
  // never to 0.
  std::int64_t element_count() const {
    std::uint64_t n = 1;
    for (std::int64_t extent : shape) {
      if (extent == 0) return 0;
      n *= static_cast<std::uint64_t>(extent);
    }
    return n == 0 ? std::numeric_limits<std::int64_t>::max() : static_cast<std::int64_t>(n);
  }
  std::size_t byte_size() const { return static_cast<std::size_t>(element_count()) * item_size; }
  operator BasicArrayView<const std::byte>() const
    requires(!std::is_const_v<Byte>)
  {
    return {data, shape, strides, item_size};
  }
};

using ArrayView = BasicArrayView<std::byte>;
using ConstArrayView = BasicArrayView<const std::byte>;

// Byte strides of a C-ordered (last dimension fastest) array.
Dims c_strides(const Dims& shape, std::size_t item_size);

// True if the elements lie one after another in C order without gaps (dimensions of extent 1 may
// have any stride). An empty view is contiguous.
bool is_c_contiguous(const ConstArrayView& view);

// A C-ordered view on `bytes`, whose size must be that of the shape.
ArrayView c_view(MutableBytes bytes, const Dims& shape, std::size_t item_size);
ConstArrayView c_view(ByteView bytes, const Dims& shape, std::size_t item_size);

// The part of `view` that starts at `start`, takes every step-th element and has `count` elements
// in each dimension. Steps are positive. Nothing is checked.
ArrayView sub_view(const ArrayView& view, const Dims& start, const Dims& step, const Dims& count);
ConstArrayView sub_view(const ConstArrayView& view, const Dims& start, const Dims& step,
                        const Dims& count);

// Dimension d of the result is dimension order[d] of the view.
ArrayView transposed(const ArrayView& view, const Dims& order);
ConstArrayView transposed(const ConstArrayView& view, const Dims& order);

}  // namespace zarrloom
