#include "zarrloom/base/bytes.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <utility>

#include "base/expect_error.h"

namespace zarrloom {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST(BytesMemory, DefaultAndZeroSizeAreEmpty) {
  EXPECT_TRUE(Bytes().empty());
  const Bytes zero(0);
  EXPECT_TRUE(zero.empty());
  EXPECT_TRUE(zero.view().empty());
}

TEST(BytesMemory, CopyOfIsASeparateCopy) {
  std::string text = "chunk";
  const Bytes bytes = Bytes::copy_of(as_byte_view(text));
  text[0] = 'X';
  EXPECT_EQ(as_text(bytes.view()), "chunk");
  EXPECT_TRUE(Bytes::copy_of({}).empty());
}

TEST(BytesMemory, MoveLeavesAnEmptySourceThatCanBeReused) {
  Bytes from = Bytes::copy_of(as_byte_view("abc"));
  const std::byte* memory = from.data();
  Bytes to(std::move(from));
  EXPECT_EQ(to.data(), memory);
  EXPECT_EQ(as_text(to.view()), "abc");
  EXPECT_EQ(from.size(),
            0U);  // NOLINT(bugprone-use-after-move): what a move leaves is the contract
  EXPECT_EQ(from.capacity(), 0U);
  from.resize_uninitialized(2);
  std::memset(from.data(), 'z', 2);
  to = std::move(from);
  EXPECT_EQ(as_text(to.view()), "zz");
  EXPECT_EQ(from.capacity(), 0U);  // NOLINT(bugprone-use-after-move)
}

TEST(BytesMemory, SelfMoveKeepsTheContents) {
  Bytes bytes = Bytes::copy_of(as_byte_view("abc"));
  Bytes& same = bytes;
  bytes = std::move(same);
  EXPECT_EQ(as_text(bytes.view()), "abc");
}

TEST(BytesMemory, ResizeWithinTheCapacityKeepsMemoryAndContents) {
  Bytes bytes = Bytes::copy_of(as_byte_view("abcdef"));
  const std::byte* memory = bytes.data();
  bytes.resize_uninitialized(2);
  EXPECT_EQ(as_text(bytes.view()), "ab");
  bytes.resize_uninitialized(6);
  EXPECT_EQ(bytes.data(), memory);
  EXPECT_EQ(as_text(bytes.view()), "abcdef");
}

TEST(BytesMemory, ResizeGrows) {
  Bytes bytes(3);
  bytes.resize_uninitialized(5 * kMiB);
  EXPECT_EQ(bytes.size(), 5 * kMiB);
  EXPECT_GE(bytes.capacity(), bytes.size());
  std::memset(bytes.data(), 1, bytes.size());
}

TEST(BytesMemory, LargeMemoryBeginsOnALargePage) {
  for (std::size_t size : {4 * kMiB, 4 * kMiB + 1, 9 * kMiB}) {
    Bytes bytes(size);
    EXPECT_EQ(bytes.size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % (2 * kMiB), 0U);
    std::memset(bytes.data(), 1, bytes.capacity());
  }
}

TEST(BytesMemory, ImpossibleSizesAreOutOfMemoryAndLeaveAnEmptyObject) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (std::size_t size :
       {most, most - 1, most - 2 * kMiB, most / 2, most / 2 + 1, most / 2 + kMiB}) {
    expect_error(ErrorCode::out_of_memory, [&] { Bytes bytes(size); });
  }
  Bytes bytes = Bytes::copy_of(as_byte_view("abc"));
  expect_error(ErrorCode::out_of_memory, [&] { bytes.resize_uninitialized(most); });
  EXPECT_TRUE(bytes.view().empty());
  bytes.resize_uninitialized(1);
  EXPECT_EQ(bytes.size(), 1U);
}

}  // namespace
}  // namespace zarrloom
