#include "zarrloom/base/array_view.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "base/expect_error.h"

namespace zarrloom {
namespace {

// One byte an element, so that an element's value tells where it lies.
struct Counted {
  explicit Counted(const Dims& shape) {
    memory.resize(static_cast<std::size_t>(checked_product(shape, "shape")));
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::byte>(i);
    view = c_view(MutableBytes(memory), shape, 1);
  }
  std::vector<std::byte> memory;
  ArrayView view;
};

int at(const ConstArrayView& view, const Dims& index) {
  std::ptrdiff_t offset = 0;
  for (std::size_t d = 0; d < index.size(); ++d) offset += index[d] * view.strides[d];
  return std::to_integer<int>(view.data[offset]);
}

TEST(ArrayView, CStridesAreInBytesLastFastest) {
  EXPECT_EQ(c_strides({2, 3, 4}, 8), (Dims{96, 32, 8}));
  EXPECT_EQ(c_strides({5}, 2), (Dims{2}));
  EXPECT_EQ(c_strides({}, 2), (Dims{}));
}

TEST(ArrayView, CStridesOfShapesWithoutMemory) {
  constexpr std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_EQ(c_strides({huge, huge, 0}, 8).size(), 3U);
  EXPECT_EQ(c_strides({huge, huge}, 8)[1], 8);
}

TEST(ArrayView, Contiguity) {
  EXPECT_TRUE(is_c_contiguous({nullptr, {2, 3}, {12, 4}, 4}));
  EXPECT_TRUE(is_c_contiguous({nullptr, {}, {}, 4}));
  EXPECT_TRUE(is_c_contiguous({nullptr, {2, 1, 3}, {12, 999, 4}, 4}));
  EXPECT_TRUE(is_c_contiguous({nullptr, {0, 3}, {1, 1}, 4}));
  EXPECT_TRUE(is_c_contiguous({nullptr, {3, 0}, {1, 1}, 4}));
  EXPECT_FALSE(is_c_contiguous({nullptr, {2, 3}, {16, 4}, 4}));
  EXPECT_FALSE(is_c_contiguous({nullptr, {2, 3}, {4, 8}, 4}));
  EXPECT_FALSE(is_c_contiguous({nullptr, {3}, {-4}, 4}));
  EXPECT_FALSE(is_c_contiguous({nullptr, {3}, {0}, 4}));
}

// A broadcast view has memory for one element and may have any extents.
TEST(ArrayView, ContiguityOfABroadcastViewOfAnyExtent) {
  constexpr std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_FALSE(is_c_contiguous({nullptr, {huge, huge, huge}, {0, 0, 0}, 8}));
  EXPECT_TRUE(is_c_contiguous({nullptr, {0, huge, huge}, {0, 0, 0}, 8}));
}

TEST(ArrayView, CViewChecksTheSize) {
  std::vector<std::byte> memory(24);
  const ArrayView view = c_view(MutableBytes(memory), {2, 3}, 4);
  EXPECT_EQ(view.data, memory.data());
  EXPECT_EQ(view.strides, (Dims{12, 4}));
  EXPECT_EQ(view.item_size, 4U);
  EXPECT_EQ(view.byte_size(), 24U);
  expect_error(ErrorCode::internal, [&] { c_view(MutableBytes(memory), {2, 4}, 4); });
  expect_error(ErrorCode::internal, [&] { c_view(ByteView(memory), {2, 2}, 4); });
  constexpr std::int64_t two42 = std::int64_t{1} << 42;
  expect_error(ErrorCode::internal, [&] { c_view(ByteView(), {two42, two42, two42, 2}, 2); });
}

TEST(ArrayView, SubView) {
  const Counted whole({4, 6});
  const ArrayView part = sub_view(whole.view, {1, 2}, {2, 3}, {2, 2});
  EXPECT_EQ(part.shape, (Dims{2, 2}));
  EXPECT_EQ(at(part, {0, 0}), 8);
  EXPECT_EQ(at(part, {0, 1}), 11);
  EXPECT_EQ(at(part, {1, 0}), 20);
  EXPECT_EQ(at(part, {1, 1}), 23);
  const ConstArrayView again = sub_view(ConstArrayView(part), {1, 0}, {1, 1}, {1, 2});
  EXPECT_EQ(at(again, {0, 1}), 23);
}

TEST(ArrayView, SubViewThatIsEmptyStaysInsideTheMemory) {
  const Counted whole({4, 6});
  const ArrayView part = sub_view(whole.view, {4, 0}, {1, 1}, {0, 6});
  EXPECT_EQ(part.element_count(), 0);
  EXPECT_GE(part.data, whole.memory.data());
  EXPECT_LE(part.data, whole.memory.data() + whole.memory.size());
}

TEST(ArrayView, SubViewOfNothingAtAll) {
  const ArrayView empty{nullptr, {0}, {4}, 4};
  EXPECT_EQ(sub_view(empty, {0}, {1}, {0}).data, nullptr);
}

TEST(ArrayView, SubViewOfOneElementWithAHugeStep) {
  const Counted whole({4});
  const ArrayView part = sub_view(whole.view, {3}, {std::int64_t{1} << 62}, {1});
  EXPECT_EQ(at(part, {0}), 3);
}

TEST(ArrayView, TransposedTakesDimensionsInTheGivenOrder) {
  const Counted whole({2, 3, 4});
  const ArrayView turned = transposed(whole.view, {2, 0, 1});
  EXPECT_EQ(turned.shape, (Dims{4, 2, 3}));
  EXPECT_EQ(turned.strides, (Dims{1, 12, 4}));
  EXPECT_EQ(at(turned, {3, 1, 2}), at(whole.view, {1, 2, 3}));
  EXPECT_EQ(transposed(ConstArrayView(whole.view), {2, 0, 1}).strides, turned.strides);
}

}  // namespace
}  // namespace zarrloom
