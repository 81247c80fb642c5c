#include "zarrloom/exec/fork_guard.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "exec/fork.h"

namespace zarrloom {
namespace {

using testing::true_in_child;

ForkGuard::Callbacks recorder(std::string& calls, const std::string& name) {
  return {.before = [&calls, name] { calls += "b" + name; },
          .in_parent = [&calls, name] { calls += "p" + name; },
          .in_child = [&calls, name] { calls += "c" + name; }};
}

TEST(ForkGuard, CallsInOrderBeforeAndInReverseAfter) {
  ZARRLOOM_SKIP_FORK_TESTS();
  std::string calls;
  const ForkGuard first(recorder(calls, "1"));
  auto gone = std::make_unique<ForkGuard>(recorder(calls, "x"));
  const ForkGuard second(recorder(calls, "2"));
  const ForkGuard empty({});
  gone.reset();
  EXPECT_TRUE(true_in_child([&] { return calls == "b1b2c2c1"; }));
  EXPECT_EQ(calls, "b1b2p2p1");
}

TEST(ForkGuard, GenerationGrowsInTheChildOnly) {
  ZARRLOOM_SKIP_FORK_TESTS();
  const auto before = fork_generation();
  EXPECT_TRUE(true_in_child([&] {
    return fork_generation() == before + 1 &&
           true_in_child([&] { return fork_generation() == before + 2; });
  }));
  EXPECT_EQ(fork_generation(), before);
}

TEST(ForkGuard, GuardsMayComeAndGoWhileOthersFork) {
  ZARRLOOM_SKIP_FORK_TESTS();
  const ForkGuard first({});  // see the header: the first is not made while others fork
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        int depth = 0;
        const ForkGuard guard({.before = [&] { ++depth; }, .in_parent = [&] { --depth; }});
        std::this_thread::yield();
      }
    });
  }
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(true_in_child([] { return ForkGuard({}), true; }));
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace zarrloom
