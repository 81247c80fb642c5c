#include "zarrloom/base/strided_copy.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

// One dimension of a loop over two views.
struct Loop {
  std::int64_t count;
  std::int64_t from;  // byte strides
  std::int64_t to;
};

// The loops of a copy, outermost first, without those of extent 1, neighbours merged where both
// sides run on. At least one loop.
struct Loops {
  std::array<Loop, kMaxRank + 1> loops;
  std::size_t size = 0;
  const Loop& inner() const { return loops[size - 1]; }
};

std::int64_t magnitude(std::int64_t stride) { return stride < 0 ? -stride : stride; }

Loops plan_loops(const Dims& shape, const Dims& from, const Dims& to) {
  Loops plan;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] != 1) plan.loops[plan.size++] = {shape[d], from[d], to[d]};
  }
  // Walk the destination in the order of its memory. Stable, so that C order stays as it is.
  std::stable_sort(plan.loops.begin(), plan.loops.begin() + static_cast<std::ptrdiff_t>(plan.size),
                   [](const Loop& a, const Loop& b) { return magnitude(a.to) > magnitude(b.to); });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < plan.size; ++i) {
    const Loop& next = plan.loops[i];
    if (kept > 0) {
      Loop& last = plan.loops[kept - 1];
      if (last.from == next.from * next.count && last.to == next.to * next.count) {
        last = {last.count * next.count, next.from, next.to};
        continue;
      }
    }
    plan.loops[kept++] = next;
  }
  plan.size = kept;
  if (plan.size == 0) plan.loops[plan.size++] = {1, 0, 0};
  return plan;
}

// Calls row(from, to) for every combination of the outer loops.
template <typename Row>
void for_each_row(const Loops& plan, const std::byte* from, std::byte* to, std::size_t depth,
                  const Row& row) {
  if (depth + 1 == plan.size) {
    row(from, to);
    return;
  }
  const Loop& loop = plan.loops[depth];
  for (std::int64_t i = 0; i < loop.count; ++i) {
    for_each_row(plan, from, to, depth + 1, row);
    from += loop.from;
    to += loop.to;
  }
}

template <std::size_t Size>
void copy_items(const std::byte* from, std::byte* to, const Loop& loop) {
  for (std::int64_t i = 0; i < loop.count; ++i) {
    std::memcpy(to, from, Size);
    from += loop.from;
    to += loop.to;
  }
}

void copy_items(const std::byte* from, std::byte* to, const Loop& loop, std::size_t item_size) {
  switch (item_size) {
    case 1: return copy_items<1>(from, to, loop);
    case 2: return copy_items<2>(from, to, loop);
    case 4: return copy_items<4>(from, to, loop);
    case 8: return copy_items<8>(from, to, loop);
    case 16: return copy_items<16>(from, to, loop);
    default: break;
  }
  for (std::int64_t i = 0; i < loop.count; ++i) {
    std::memcpy(to, from, item_size);
    from += loop.from;
    to += loop.to;
  }
}

template <typename Unit>
Unit reversed(Unit value) {
  if constexpr (sizeof(Unit) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(Unit) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(Unit) == 8) return __builtin_bswap64(value);
}

template <typename Unit>
void swap_items(const std::byte* from, std::byte* to, const Loop& loop, std::size_t units) {
  for (std::int64_t i = 0; i < loop.count; ++i) {
    for (std::size_t u = 0; u < units; ++u) {
      Unit value;
      std::memcpy(&value, from + u * sizeof(Unit), sizeof(Unit));
      value = reversed(value);
      std::memcpy(to + u * sizeof(Unit), &value, sizeof(Unit));
    }
    from += loop.from;
    to += loop.to;
  }
}

void check_alike(const ConstArrayView& from, const ArrayView& to) {
  if (from.shape == to.shape && from.item_size == to.item_size) return;
  fail(ErrorCode::internal, "copy between shapes " + to_string(from.shape) + " and " +
                                to_string(to.shape));
}

}  // namespace

void strided_copy(const ConstArrayView& from, const ArrayView& to) {
  check_alike(from, to);
  if (to.element_count() == 0) return;
  const Loops plan = plan_loops(from.shape, from.strides, to.strides);
  const Loop& inner = plan.inner();
  const auto item = static_cast<std::int64_t>(from.item_size);
  if (inner.count == 1 || (inner.from == item && inner.to == item)) {
    const std::size_t run = static_cast<std::size_t>(inner.count) * from.item_size;
    for_each_row(plan, from.data, to.data, 0,
                 [&](const std::byte* f, std::byte* t) { std::memcpy(t, f, run); });
    return;
  }
  for_each_row(plan, from.data, to.data, 0, [&](const std::byte* f, std::byte* t) {
    copy_items(f, t, inner, from.item_size);
  });
}

void strided_copy_swapped(const ConstArrayView& from, const ArrayView& to, std::size_t swap_size) {
  check_alike(from, to);
  if (to.element_count() == 0) return;
  if (swap_size <= 1) return strided_copy(from, to);
  const Loops plan = plan_loops(from.shape, from.strides, to.strides);
  const std::size_t units = from.item_size / swap_size;
  for_each_row(plan, from.data, to.data, 0, [&](const std::byte* f, std::byte* t) {
    if (swap_size == 2) return swap_items<std::uint16_t>(f, t, plan.inner(), units);
    if (swap_size == 4) return swap_items<std::uint32_t>(f, t, plan.inner(), units);
    if (swap_size == 8) return swap_items<std::uint64_t>(f, t, plan.inner(), units);
    fail(ErrorCode::internal, "no units of " + std::to_string(swap_size) + " bytes to swap");
  });
}

void swap_bytes(MutableBytes bytes, std::size_t swap_size) {
  if (swap_size <= 1) return;
  for (std::size_t at = 0; at + swap_size <= bytes.size(); at += swap_size) {
    std::reverse(bytes.data() + at, bytes.data() + at + swap_size);
  }
}

namespace {

bool is_one_byte_repeated(ByteView item) {
  return std::all_of(item.begin(), item.end(), [&](std::byte b) { return b == item[0]; });
}

}  // namespace

void strided_fill(const ArrayView& view, ByteView item) {
  if (view.element_count() == 0) return;
  if (is_c_contiguous(view) && is_one_byte_repeated(item)) {
    std::memset(view.data, std::to_integer<int>(item[0]), view.byte_size());
    return;
  }
  // The item repeated with strides of zero is an array of the same shape.
  strided_copy({item.data(), view.shape, Dims::filled(view.shape.size(), 0), view.item_size}, view);
}

bool all_equal(const ConstArrayView& view, ByteView item) {
  const std::int64_t count = view.element_count();
  if (count == 0) return true;
  if (std::memcmp(view.data, item.data(), item.size()) != 0) return false;
  if (is_c_contiguous(view)) {
    // All bytes equal those one item before them: then every item equals the first.
    return std::memcmp(view.data, view.data + view.item_size, view.byte_size() - view.item_size) ==
           0;
  }
  Dims shape = view.shape;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (view.strides[d] == 0) shape[d] = 1;  // the same element again and again
  }
  const Loops plan = plan_loops(shape, view.strides, view.strides);
  bool equal = true;
  // The loops walk two views: nothing is written through the second.
  auto* const unused = const_cast<std::byte*>(view.data);
  for_each_row(plan, view.data, unused, 0, [&](const std::byte* f, std::byte*) {
    for (std::int64_t i = 0; equal && i < plan.inner().count; ++i) {
      equal = std::memcmp(f + i * plan.inner().from, item.data(), item.size()) == 0;
    }
  });
  return equal;
}

}  // namespace zarrloom
