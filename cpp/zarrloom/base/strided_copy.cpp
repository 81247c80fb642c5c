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

// A source that is walked across its own order (a transpose) would load a cache line for every
// element. Then the loop that follows the source's order comes second to last, and the innermost
// one is cut into strips whose source lines stay cached until they are used up. 0 = no strips.
std::int64_t choose_strips(Loops& plan, std::size_t item_size) {
  constexpr std::int64_t kLine = 64;
  const std::int64_t stride = magnitude(plan.inner().from);
  if (plan.size < 2 || stride < kLine) return 0;
  auto* const end = plan.loops.data() + plan.size - 1;
  auto* const along = std::min_element(plan.loops.data(), end, [](const Loop& a, const Loop& b) {
    return magnitude(a.from) < magnitude(b.from);
  });
  if (magnitude(along->from) >= std::min(stride, kLine)) return 0;
  std::rotate(along, along + 1, end);
  return std::max<std::int64_t>(16, kLine / static_cast<std::int64_t>(item_size));
}

// Calls row(from, to, loop) for every combination of the outer loops. False as soon as a row is.
template <typename Row>
bool for_each_row(const Loops& plan, const std::byte* from, std::byte* to, std::size_t depth,
                  const Row& row) {
  const Loop& loop = plan.loops[depth];
  if (depth + 1 == plan.size) return row(from, to, loop);
  for (std::int64_t i = 0; i < loop.count; ++i) {
    if (!for_each_row(plan, from + i * loop.from, to + i * loop.to, depth + 1, row)) return false;
  }
  return true;
}

template <typename Row>
void for_each_strip(const Loops& plan, std::int64_t strip, const std::byte* from, std::byte* to,
                    const Row& row) {
  if (strip == 0) {
    for_each_row(plan, from, to, 0, row);
    return;
  }
  Loops outer = plan;
  outer.size -= 2;
  if (outer.size == 0) outer.loops[outer.size++] = {1, 0, 0};
  const Loop along = plan.loops[plan.size - 2];
  const Loop across = plan.inner();
  for_each_row(outer, from, to, 0, [&](const std::byte* f0, std::byte* t0, const Loop& last) {
    for (std::int64_t n = 0; n < last.count; ++n, f0 += last.from, t0 += last.to) {
      for (std::int64_t j = 0; j < across.count; j += strip) {
        const Loop part{std::min(strip, across.count - j), across.from, across.to};
        const std::byte* f = f0 + j * across.from;
        std::byte* t = t0 + j * across.to;
        for (std::int64_t i = 0; i < along.count; ++i) {
          row(f + i * along.from, t + i * along.to, part);
        }
      }
    }
    return true;
  });
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
    case 1:
      return copy_items<1>(from, to, loop);
    case 2:
      return copy_items<2>(from, to, loop);
    case 4:
      return copy_items<4>(from, to, loop);
    case 8:
      return copy_items<8>(from, to, loop);
    case 16:
      return copy_items<16>(from, to, loop);
    default:
      break;
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
void swap_unit(const std::byte* from, std::byte* to) {
  Unit value;
  std::memcpy(&value, from, sizeof(Unit));
  value = reversed(value);
  std::memcpy(to, &value, sizeof(Unit));
}

template <typename Unit>
void swap_items(const std::byte* from, std::byte* to, Loop loop, std::size_t units) {
  const auto item = static_cast<std::int64_t>(units * sizeof(Unit));
  if (loop.from == item && loop.to == item) {
    // Known strides: compilers make vector code of this one.
    const std::size_t run = static_cast<std::size_t>(loop.count) * units * sizeof(Unit);
    for (std::size_t at = 0; at < run; at += sizeof(Unit)) swap_unit<Unit>(from + at, to + at);
    return;
  }
  for (std::int64_t i = 0; i < loop.count; ++i) {
    for (std::size_t at = 0; at < units * sizeof(Unit); at += sizeof(Unit)) {
      swap_unit<Unit>(from + at, to + at);
    }
    from += loop.from;
    to += loop.to;
  }
}

template <typename Unit>
void swap_in_place(MutableBytes bytes) {
  for (std::size_t at = 0; at + sizeof(Unit) <= bytes.size(); at += sizeof(Unit)) {
    swap_unit<Unit>(bytes.data() + at, bytes.data() + at);
  }
}

[[noreturn]] void fail_unit(std::size_t swap_size) {
  fail(ErrorCode::internal, "no units of " + std::to_string(swap_size) + " bytes to swap");
}

void check_alike(const ConstArrayView& from, const ArrayView& to) {
  if (from.shape == to.shape && from.item_size == to.item_size) return;
  fail(ErrorCode::internal,
       "copy between shapes " + to_string(from.shape) + " and " + to_string(to.shape));
}

}  // namespace

void strided_copy(const ConstArrayView& from, const ArrayView& to) {
  check_alike(from, to);
  if (to.element_count() == 0) return;
  Loops plan = plan_loops(from.shape, from.strides, to.strides);
  const Loop& inner = plan.inner();
  const auto item = static_cast<std::int64_t>(from.item_size);
  if (inner.count == 1 || (inner.from == item && inner.to == item)) {
    const std::size_t run = static_cast<std::size_t>(inner.count) * from.item_size;
    for_each_row(plan, from.data, to.data, 0, [&](const std::byte* f, std::byte* t, const Loop&) {
      std::memcpy(t, f, run);
      return true;
    });
    return;
  }
  const std::int64_t strip = choose_strips(plan, from.item_size);
  for_each_strip(plan, strip, from.data, to.data,
                 [&](const std::byte* f, std::byte* t, const Loop& loop) {
                   copy_items(f, t, loop, from.item_size);
                   return true;
                 });
}

void strided_copy_swapped(const ConstArrayView& from, const ArrayView& to, std::size_t swap_size) {
  check_alike(from, to);
  if (to.element_count() == 0) return;
  if (swap_size <= 1) return strided_copy(from, to);
  if (swap_size != 2 && swap_size != 4 && swap_size != 8) fail_unit(swap_size);
  Loops plan = plan_loops(from.shape, from.strides, to.strides);
  const std::int64_t strip = choose_strips(plan, from.item_size);
  const std::size_t units = from.item_size / swap_size;
  for_each_strip(plan, strip, from.data, to.data,
                 [&](const std::byte* f, std::byte* t, const Loop& loop) {
                   if (swap_size == 2) swap_items<std::uint16_t>(f, t, loop, units);
                   if (swap_size == 4) swap_items<std::uint32_t>(f, t, loop, units);
                   if (swap_size == 8) swap_items<std::uint64_t>(f, t, loop, units);
                   return true;
                 });
}

void swap_bytes(MutableBytes bytes, std::size_t swap_size) {
  switch (swap_size) {
    case 0:
    case 1:
      return;
    case 2:
      return swap_in_place<std::uint16_t>(bytes);
    case 4:
      return swap_in_place<std::uint32_t>(bytes);
    case 8:
      return swap_in_place<std::uint64_t>(bytes);
    default:
      fail_unit(swap_size);
  }
}

namespace {

bool is_one_byte_repeated(ByteView item) {
  return std::all_of(item.begin(), item.end(), [&](std::byte b) { return b == item[0]; });
}

// Copies what is already there, twice as much every time, up to blocks that stay cached.
void fill_run(std::byte* to, std::size_t size, ByteView item) {
  constexpr std::size_t kBlock = 4096;
  std::memcpy(to, item.data(), item.size());
  std::size_t block = item.size();
  for (std::size_t done = block; done < size;) {
    const std::size_t part = std::min(block, size - done);
    std::memcpy(to + done, to, part);
    done += part;
    if (done < kBlock) block = done;
  }
}

}  // namespace

void strided_fill(const ArrayView& view, ByteView item) {
  if (view.element_count() == 0) return;
  constexpr std::size_t kLongRun = 256;  // shorter ones are quicker item by item
  // The item repeated with strides of zero is an array of the same shape.
  const Loops plan = plan_loops(view.shape, Dims::filled(view.shape.size(), 0), view.strides);
  const std::size_t run = static_cast<std::size_t>(plan.inner().count) * item.size();
  const bool dense = plan.inner().to == static_cast<std::int64_t>(item.size());
  const bool one_byte = dense && is_one_byte_repeated(item);
  const auto row = [&](const std::byte* f, std::byte* t, const Loop& loop) {
    if (one_byte) {
      std::memset(t, std::to_integer<int>(item[0]), run);
    } else if (dense && run >= kLongRun) {
      fill_run(t, run, item);
    } else {
      copy_items(f, t, loop, item.size());
    }
    return true;
  };
  for_each_row(plan, item.data(), view.data, 0, row);
}

bool all_equal(const ConstArrayView& view, ByteView item) {
  if (view.element_count() == 0) return true;
  Dims shape = view.shape;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (view.strides[d] == 0) shape[d] = 1;  // the same element again and again
  }
  const Loops plan = plan_loops(shape, view.strides, view.strides);
  const std::size_t size = item.size();
  const std::size_t run = static_cast<std::size_t>(plan.inner().count) * size;
  const bool dense = plan.inner().from == static_cast<std::int64_t>(size);
  // The loops walk two views: nothing is written through the second.
  auto* const unused = const_cast<std::byte*>(view.data);
  const auto row = [&](const std::byte* f, std::byte*, const Loop& loop) {
    if (std::memcmp(f, item.data(), size) != 0) return false;
    // All bytes equal those one item before them: then every item equals the first.
    if (dense) return std::memcmp(f, f + size, run - size) == 0;
    for (std::int64_t i = 1; i < loop.count; ++i) {
      if (std::memcmp(f + i * loop.from, item.data(), size) != 0) return false;
    }
    return true;
  };
  return for_each_row(plan, view.data, unused, 0, row);
}

}  // namespace zarrloom
