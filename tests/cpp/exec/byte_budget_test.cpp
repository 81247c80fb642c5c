#include "zarrloom/exec/byte_budget.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <utility>
#include <vector>

namespace zarrloom {
namespace {

TEST(ByteBudget, GrantsUpToTheCap) {
  ByteBudget budget(100);
  auto first = budget.try_acquire(60, false);
  auto second = budget.try_acquire(40, true);
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  EXPECT_FALSE(budget.try_acquire(1, true));
  EXPECT_TRUE(budget.try_acquire(0, true));
  EXPECT_EQ(budget.in_use(), 100u);
  first.release();
  first.release();
  EXPECT_FALSE(first);
  EXPECT_EQ(budget.in_use(), 40u);
  EXPECT_FALSE(budget.try_acquire(61, true));
  EXPECT_TRUE(budget.try_acquire(60, true));
  EXPECT_EQ(budget.in_use(), 40u);
  EXPECT_EQ(budget.highest(), 100u);
}

TEST(ByteBudget, OneLeaseIsGrantedAboveTheCap) {
  ByteBudget budget(100);
  const auto lease = budget.try_acquire(150, false);
  EXPECT_TRUE(lease);
  EXPECT_EQ(budget.in_use(), 150u);
  EXPECT_FALSE(budget.try_acquire(1, true));
  EXPECT_TRUE(budget.try_acquire(1, false));
  EXPECT_EQ(budget.highest(), 151u);
}

TEST(ByteBudget, HugeRequestsDoNotWrapAround) {
  ByteBudget budget(100);
  const auto lease = budget.try_acquire(50, false);
  EXPECT_FALSE(budget.try_acquire(std::numeric_limits<std::size_t>::max() - 10, true));
  EXPECT_EQ(budget.in_use(), 50u);
}

TEST(ByteBudget, CapMayChange) {
  ByteBudget budget(100);
  const auto lease = budget.try_acquire(100, false);
  budget.set_cap(50);
  EXPECT_EQ(budget.cap(), 50u);
  EXPECT_FALSE(budget.try_acquire(1, true));
  budget.set_cap(120);
  EXPECT_TRUE(budget.try_acquire(20, true));
}

TEST(ByteBudget, MovedLeasesAreGivenBackOnce) {
  ByteBudget budget(100);
  auto a = budget.try_acquire(30, false);
  auto b = budget.try_acquire(20, true);
  a = std::move(b);  // gives back 30
  EXPECT_EQ(budget.in_use(), 20u);
  EXPECT_FALSE(b);
  ByteBudget::Lease c(std::move(a));
  EXPECT_FALSE(a);
  auto& same = c;
  c = std::move(same);
  EXPECT_TRUE(c);
  EXPECT_EQ(budget.in_use(), 20u);
  c = {};
  EXPECT_EQ(budget.in_use(), 0u);
}

TEST(ByteBudget, HoldsUnderManyThreads) {
  ByteBudget budget(1000);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 20'000; ++i) {
        const auto lease = budget.try_acquire(100 + (i * 7 + t) % 300, true);
        if (lease) {
          EXPECT_LE(budget.in_use(), 1000u);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.in_use(), 0u);
  EXPECT_LE(budget.highest(), 1000u);
  EXPECT_GT(budget.highest(), 0u);
}

}  // namespace
}  // namespace zarrloom
