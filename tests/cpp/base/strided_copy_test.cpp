#include "zarrloom/base/strided_copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <vector>

#include "base/expect_error.h"

namespace zarrloom {
namespace {

using Random = std::mt19937;

std::int64_t pick(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

// A view on its own memory whose dimensions lie in any order, with gaps and negative strides. The
// memory ends where the view does, so that the sanitizer sees a step outside.
struct Scattered {
  Scattered(Random& random, const Dims& shape, std::size_t item_size, bool may_repeat) {
    const std::size_t rank = shape.size();
    std::vector<std::size_t> order(rank);
    std::iota(order.begin(), order.end(), 0);
    if (pick(random, 0, 1) == 1) std::shuffle(order.begin(), order.end(), random);
    view.shape = shape;
    view.item_size = item_size;
    view.strides = Dims::filled(rank, 0);
    auto extent = static_cast<std::int64_t>(item_size);  // bytes from the first to the last used
    std::int64_t first = 0;
    for (std::size_t d : order) {
      if (may_repeat && pick(random, 0, 5) == 0) continue;
      std::int64_t stride = extent + (pick(random, 0, 2) == 0 ? pick(random, 0, 5) : 0);
      const std::int64_t span = stride * (std::max<std::int64_t>(shape[d], 1) - 1);
      if (pick(random, 0, 3) == 0) {
        first += span;
        stride = -stride;
      }
      view.strides[d] = stride;
      extent += span;
    }
    memory.resize(static_cast<std::size_t>(extent));
    for (std::byte& byte : memory) byte = static_cast<std::byte>(pick(random, 0, 255));
    view.data = memory.data() + first;
  }
  std::vector<std::byte> memory;
  ArrayView view;
};

Dims random_shape(Random& random) {
  Dims shape;
  for (auto rank = pick(random, 0, 5); rank > 0; --rank) {
    shape.push_back(pick(random, 0, 30) == 0 ? 0 : pick(random, 1, 6));
  }
  return shape;
}

// Visits the byte offsets of every element in C order.
void for_each_index(const Dims& shape, const std::function<void(const Dims&)>& visit) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return;
  Dims index = Dims::filled(shape.size(), 0);
  while (true) {
    visit(index);
    std::size_t d = shape.size();
    while (d > 0 && ++index[d - 1] == shape[d - 1]) index[--d] = 0;
    if (d == 0) return;
  }
}

std::ptrdiff_t offset_of(const Dims& index, const Dims& strides) {
  std::ptrdiff_t offset = 0;
  for (std::size_t d = 0; d < index.size(); ++d) offset += index[d] * strides[d];
  return offset;
}

void naive_copy(const ConstArrayView& from, const ArrayView& to, std::size_t swap_size) {
  for_each_index(from.shape, [&](const Dims& index) {
    std::vector<std::byte> item(from.item_size);
    std::memcpy(item.data(), from.data + offset_of(index, from.strides), item.size());
    for (std::size_t at = 0; at < item.size(); at += swap_size) {
      std::reverse(item.begin() + static_cast<std::ptrdiff_t>(at),
                   item.begin() + static_cast<std::ptrdiff_t>(at + swap_size));
    }
    std::memcpy(to.data + offset_of(index, to.strides), item.data(), item.size());
  });
}

// The whole memory is compared: bytes between the elements must not change.
void compare_with_naive(Random& random, const Dims& shape, std::size_t item, std::size_t swap) {
  const Scattered from(random, shape, item, true);
  Scattered to(random, shape, item, false);
  std::vector<std::byte> expected = to.memory;
  ArrayView expected_view = to.view;
  expected_view.data = expected.data() + (to.view.data - to.memory.data());
  naive_copy(from.view, expected_view, swap);
  if (swap == 1) {
    strided_copy(from.view, to.view);
  } else {
    strided_copy_swapped(from.view, to.view, swap);
  }
  ASSERT_TRUE(to.memory == expected)
      << to_string(shape) << " from " << to_string(from.view.strides) << " to "
      << to_string(to.view.strides) << " items of " << item << " swapped " << swap;
}

TEST(StridedCopy, SameAsANaiveLoop) {
  Random random(1);
  for (std::size_t item : {1, 2, 3, 4, 8, 16, 24}) {
    for (int i = 0; i < 300; ++i) compare_with_naive(random, random_shape(random), item, 1);
  }
}

TEST(StridedCopy, SwappedSameAsANaiveLoop) {
  Random random(2);
  const std::vector<std::pair<std::size_t, std::size_t>> sizes{{2, 2}, {4, 4},  {8, 8}, {8, 4},
                                                               {4, 2}, {16, 8}, {3, 1}};
  for (auto [item, swap] : sizes) {
    for (int i = 0; i < 200; ++i) compare_with_naive(random, random_shape(random), item, swap);
  }
}

// Large enough for every block size, with edges that no block divides.
TEST(StridedCopy, LargeTransposes) {
  Random random(3);
  for (std::size_t item : {1, 4, 8, 16, 3}) {
    for (const Dims& shape : {Dims{131, 77}, Dims{5, 67, 41}, Dims{67, 5, 41}, Dims{300, 2}}) {
      for (int i = 0; i < 6; ++i) {
        compare_with_naive(random, shape, item, 1);
        if (item == 4) compare_with_naive(random, shape, item, 4);
      }
    }
  }
}

TEST(StridedCopy, UnalignedMemory) {
  std::vector<std::byte> from(8 * 5 + 1, std::byte{7});
  std::vector<std::byte> to(8 * 5 + 3);
  strided_copy_swapped({from.data() + 1, {5}, {8}, 8}, {to.data() + 3, {5}, {8}, 8}, 8);
  EXPECT_TRUE(std::all_of(to.begin() + 3, to.end(), [](std::byte b) { return b == std::byte{7}; }));
}

TEST(StridedCopy, NothingToCopyTouchesNoMemory) {
  const Dims shape{3, 0, 2};
  strided_copy({nullptr, shape, {0, 0, 0}, 4}, {nullptr, shape, {0, 0, 0}, 4});
  strided_copy_swapped({nullptr, shape, {0, 0, 0}, 4}, {nullptr, shape, {0, 0, 0}, 4}, 4);
  const std::byte item[4] = {};
  strided_fill({nullptr, shape, {0, 0, 0}, 4}, item);
  EXPECT_TRUE(all_equal({nullptr, shape, {0, 0, 0}, 4}, item));
}

// The product of the other extents does not fit 64 bits.
TEST(StridedCopy, NothingToCopyFromHugeExtents) {
  const Dims shape{std::int64_t{1} << 40, std::int64_t{1} << 40, 0};
  const Dims strides{0, 0, 0};
  strided_copy({nullptr, shape, strides, 4}, {nullptr, shape, strides, 4});
  const std::byte item[4] = {};
  strided_fill({nullptr, shape, strides, 4}, item);
  EXPECT_TRUE(all_equal({nullptr, shape, strides, 4}, item));
}

TEST(StridedCopy, DifferentShapesAreABug) {
  std::vector<std::byte> memory(16);
  expect_error(ErrorCode::internal, [&] {
    strided_copy({memory.data(), {2}, {4}, 4}, {memory.data() + 8, {1}, {4}, 4});
  });
  expect_error(ErrorCode::internal, [&] {
    strided_copy({memory.data(), {2}, {4}, 4}, {memory.data() + 8, {2}, {4}, 2});
  });
}

TEST(SwapBytes, ReversesEachUnit) {
  for (std::size_t unit : {1, 2, 4, 8}) {
    std::vector<std::byte> bytes(40);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
    std::vector<std::byte> expected(40);
    naive_copy({bytes.data(),
                {40 / static_cast<std::int64_t>(unit)},
                {static_cast<std::int64_t>(unit)},
                unit},
               {expected.data(),
                {40 / static_cast<std::int64_t>(unit)},
                {static_cast<std::int64_t>(unit)},
                unit},
               unit);
    swap_bytes(bytes, unit);
    EXPECT_EQ(bytes, expected) << unit;
    swap_bytes({}, unit);
  }
}

TEST(SwapBytes, OtherUnitsAreABug) {
  std::vector<std::byte> bytes(48);
  expect_error(ErrorCode::internal, [&] { swap_bytes(bytes, 16); });
  expect_error(ErrorCode::internal, [&] {
    strided_copy_swapped({bytes.data(), {1}, {16}, 16}, {bytes.data() + 16, {1}, {16}, 16}, 16);
  });
}

std::vector<std::byte> item_of(Random& random, std::size_t size, bool uniform) {
  std::vector<std::byte> item(size, std::byte{0x5a});
  if (!uniform) {
    for (std::byte& byte : item) byte = static_cast<std::byte>(pick(random, 0, 255));
  }
  return item;
}

TEST(StridedFill, SameAsANaiveLoop) {
  Random random(4);
  for (std::size_t size : {1, 2, 3, 4, 8, 16, 24}) {
    for (int i = 0; i < 200; ++i) {
      const Dims shape = random_shape(random);
      Scattered to(random, shape, size, false);
      const std::vector<std::byte> item = item_of(random, size, pick(random, 0, 1) == 0);
      std::vector<std::byte> expected = to.memory;
      for_each_index(shape, [&](const Dims& index) {
        std::memcpy(
            expected.data() + (to.view.data - to.memory.data()) + offset_of(index, to.view.strides),
            item.data(), size);
      });
      strided_fill(to.view, item);
      ASSERT_TRUE(to.memory == expected) << to_string(shape) << to_string(to.view.strides) << size;
      ASSERT_TRUE(all_equal(to.view, item));
    }
  }
}

TEST(StridedFill, LargeContiguous) {
  Random random(5);
  for (std::size_t size : {3, 4, 24}) {
    const std::vector<std::byte> item = item_of(random, size, false);
    std::vector<std::byte> memory(size * 50021);
    strided_fill(c_view(MutableBytes(memory), {50021}, size), item);
    for (std::size_t at = 0; at < memory.size(); at += size) {
      ASSERT_EQ(std::memcmp(memory.data() + at, item.data(), size), 0) << at;
    }
  }
}

// Any single bit that differs, in any element, must be seen.
TEST(AllEqual, SeesEveryElement) {
  Random random(6);
  for (std::size_t size : {1, 2, 3, 4, 8, 16}) {
    for (int i = 0; i < 60; ++i) {
      const Dims shape = random_shape(random);
      Scattered array(random, shape, size, false);
      const std::vector<std::byte> item = item_of(random, size, false);
      strided_fill(array.view, item);
      for_each_index(shape, [&](const Dims& index) {
        std::byte& byte = array.view.data[offset_of(index, array.view.strides) +
                                          pick(random, 0, static_cast<std::int64_t>(size) - 1)];
        byte ^= std::byte{0x10};
        ASSERT_FALSE(all_equal(array.view, item)) << to_string(shape) << to_string(index);
        byte ^= std::byte{0x10};
      });
      ASSERT_TRUE(all_equal(array.view, item));
    }
  }
}

TEST(AllEqual, ComparesBits) {
  const double zeros[2] = {0.0, -0.0};
  const double zero = 0.0;
  const auto item = std::as_bytes(std::span(&zero, 1));
  EXPECT_FALSE(all_equal(c_view(std::as_bytes(std::span(zeros)), {2}, 8), item));
  EXPECT_TRUE(all_equal(c_view(std::as_bytes(std::span(zeros, 1)), {1}, 8), item));
}

// One element in memory, seen a great many times.
TEST(AllEqual, ABroadcastViewCostsNothing) {
  const std::byte value[2] = {std::byte{1}, std::byte{2}};
  const std::byte other[2] = {std::byte{1}, std::byte{3}};
  const Dims shape = Dims::filled(3, std::int64_t{1} << 40);
  const ConstArrayView view{value, shape, Dims::filled(3, 0), 2};
  EXPECT_TRUE(all_equal(view, value));
  EXPECT_FALSE(all_equal(view, other));
}

}  // namespace
}  // namespace zarrloom
