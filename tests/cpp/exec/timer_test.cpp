#include "zarrloom/exec/timer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "exec/fork.h"
#include "fakes/in_child.h"
#include "zarrloom/exec/token_bucket.h"

namespace zarrloom {
namespace {

using namespace std::chrono_literals;
using Clock = Timer::Clock;

// What was called, in order.
class Calls {
 public:
  void add(int i) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(i);
    changed_.notify_all();
  }
  std::vector<int> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 30s, [&] { return calls_.size() >= count; });
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> calls_;  // guarded by mutex_
};

TEST(Timer, CallsInTheOrderOfTimeAndNotBefore) {
  Calls calls;
  Timer timer;
  const auto now = Clock::now();
  std::atomic<bool> early = false;
  for (int i : {3, 1, 2}) {
    timer.call_at(now + i * 20ms, {}, [&, i] {
      if (Clock::now() < now + i * 20ms) early = true;
      calls.add(i);
    });
  }
  EXPECT_EQ(calls.wait_for(3), (std::vector{1, 2, 3}));
  EXPECT_FALSE(early);
}

TEST(Timer, ACancelledOneIsCalledAtOnceAndOnce) {
  Calls calls;
  {
    Timer timer;
    const CancelToken token = CancelToken::make();
    timer.call_at(Clock::now() + 1h, token, [&] { calls.add(1); });
    timer.call_at(Clock::now() + 1h, {}, [&] { calls.add(2); });
    token.cancel();
    EXPECT_EQ(calls.wait_for(1), (std::vector{1}));
    timer.call_at(Clock::now() + 1h, token, [&] { calls.add(3); });
    EXPECT_EQ(calls.wait_for(2), (std::vector{1, 3}));
  }
  EXPECT_EQ(calls.wait_for(3), (std::vector{1, 3, 2}));  // the end calls what still waits
}

TEST(Timer, ManyThreadsAskAndCancelAtOnce) {
  std::atomic<int> called = 0;
  {
    Timer timer;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          const CancelToken token = CancelToken::make();
          timer.call_at(Clock::now() + (i % 3) * 100us, token, [&] { ++called; });
          if ((i + t) % 2 == 0) token.cancel();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(called, 1600);
}

TEST(Timer, MayEndInsideACallOfItsOwn) {
  Calls calls;
  auto timer = std::make_shared<Timer>();
  Timer& bare = *timer;
  bare.call_at(Clock::now() + 5ms, {}, [&calls, last = std::move(timer)]() mutable {
    last.reset();
    calls.add(1);
  });
  EXPECT_EQ(calls.wait_for(1), (std::vector{1}));
}

TEST(Timer, WorksInTheChildOfAFork) {
  ZARRLOOM_SKIP_FORK_TESTS();
  Calls calls;  // outlives the timer, which calls at its end what still waits
  Timer timer;
  timer.call_at(Clock::now(), {}, [&] { calls.add(1); });
  calls.wait_for(1);
  timer.call_at(Clock::now() + 1h, {}, [&] { calls.add(2); });  // the parent's alone
  EXPECT_EQ(fakes::in_child([&] {
              timer.call_at(Clock::now() + 1ms, {}, [&] { calls.add(3); });
              return calls.wait_for(2) == std::vector{1, 3} ? 0 : 1;
            }),
            0);
}

TEST(TokenBucket, HoldsInEveryWindow) {
  TokenBucket bucket(10, 3);
  const Clock::time_point start{1h};
  std::vector<Clock::duration> waits;
  for (int i = 0; i < 6; ++i) waits.push_back(bucket.take(start) - start);
  EXPECT_EQ(waits, (std::vector<Clock::duration>{0ms, 0ms, 0ms, 100ms, 200ms, 300ms}));
  EXPECT_EQ(bucket.take(start + 350ms) - start, 400ms);
  // After a rest of any length there are three at once again, and no more.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(start + 1h), start + 1h);
  EXPECT_EQ(bucket.take(start + 1h), start + 1h + 100ms);
}

}  // namespace
}  // namespace zarrloom
