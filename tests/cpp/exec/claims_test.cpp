#include "zarrloom/exec/claims.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace zarrloom {
namespace {

TEST(Claims, OneHolderAtATime) {
  Claims claims;
  std::optional<Claims::Claim> mine = claims.try_claim("a");
  ASSERT_TRUE(mine);
  EXPECT_FALSE(claims.try_claim("a"));
  EXPECT_TRUE(claims.try_claim("b"));
  const Claims::Claim moved = std::move(*mine);
  mine.reset();
  EXPECT_FALSE(claims.try_claim("a"));
}

TEST(Claims, GivenBackWithItsOwnerOnAnyThread) {
  Claims claims;
  std::atomic<int> holders = 0, taken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const auto claim = claims.try_claim("a");
        if (!claim) continue;
        EXPECT_EQ(++holders, 1);
        ++taken;
        --holders;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(taken, 0);
  EXPECT_TRUE(claims.try_claim("a"));
}

}  // namespace
}  // namespace zarrloom
