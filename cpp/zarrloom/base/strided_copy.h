// Moving elements between array views: the one place that loops over elements.
#pragma once

#include "zarrloom/base/array_view.h"

namespace zarrloom {

// Copies every element of `from` to the same place of `to`. Shapes and item sizes must be equal
// and the memory must not overlap. Dimensions are merged and runs copied by memcpy where they can.
void strided_copy(const ConstArrayView& from, const ArrayView& to);

// The same, with the bytes of every `swap_size`-byte unit reversed (2, 4 or 8; an item is one unit,
// or two for complex numbers).
void strided_copy_swapped(const ConstArrayView& from, const ArrayView& to, std::size_t swap_size);

// Reverses the bytes of each unit in place.
void swap_bytes(MutableBytes bytes, std::size_t swap_size);

// Sets every element to `item` (view.item_size bytes).
void strided_fill(const ArrayView& view, ByteView item);

// True if every element equals `item`, compared bit by bit: -0.0 is not 0.0, NaN payloads count.
bool all_equal(const ConstArrayView& view, ByteView item);

}  // namespace zarrloom
