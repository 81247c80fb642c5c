#include "zarrloom/base/cancel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace zarrloom {
namespace {

TEST(Cancel, ADefaultTokenIsNeverCancelled) {
  const CancelToken token;
  token.cancel();
  EXPECT_FALSE(token.cancelled());
}

TEST(Cancel, CopiesShareTheFlagAndCallbacksRunOnce) {
  const CancelToken token = CancelToken::make();
  const CancelToken copy = token;
  int ran = 0;
  const OnCancel early(token.stop_token(), [&] { ++ran; });
  copy.cancel();
  token.cancel();
  EXPECT_TRUE(token.cancelled());
  EXPECT_EQ(ran, 1);
  const OnCancel late(token.stop_token(), [&] { ++ran; });
  EXPECT_EQ(ran, 2);
}

TEST(Cancel, NoCallbackRunsAfterItsObjectIsGone) {
  for (int round = 0; round < 200; ++round) {
    const CancelToken token = CancelToken::make();
    std::atomic<bool> alive = true;
    std::atomic<bool> late = false;
    std::thread canceller([&] { token.cancel(); });
    {
      const OnCancel callback(token.stop_token(), [&] { late = late || !alive; });
    }
    alive = false;
    canceller.join();
    EXPECT_FALSE(late);
  }
}

TEST(Cancel, Deadlines) {
  EXPECT_FALSE(has_passed(kNoDeadline));
  const auto now = std::chrono::steady_clock::now();
  EXPECT_TRUE(has_passed(now));
  EXPECT_FALSE(has_passed(now + std::chrono::hours(1)));
}

}  // namespace
}  // namespace zarrloom
