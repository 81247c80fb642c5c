#include "zarrloom/exec/runtime.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "exec/fork.h"
#include "zarrloom/exec/machine.h"
#include "zarrloom/exec/parallel_for.h"

namespace zarrloom {
namespace {

using namespace std::chrono_literals;
using testing::true_in_child;

// Each of many threads takes part, or this hangs: every index waits for the others.
bool pool_works(Runtime& runtime) {
  const auto executor = runtime.executor();
  const auto wanted = static_cast<int>(executor->concurrency());
  std::atomic<int> together = 0;
  parallel_for(*executor, wanted + 1, {.max_workers = executor->concurrency() + 1},
               [&](std::int64_t) {
                 ++together;
                 const auto end = std::chrono::steady_clock::now() + 10s;
                 while (together <= wanted && std::chrono::steady_clock::now() < end) {
                   std::this_thread::yield();
                 }
               });
  return together == wanted + 1;
}

TEST(Runtime, DefaultsAreFilledIn) {
  const Runtime runtime;
  EXPECT_EQ(runtime.options().threads, usable_cpus());
  EXPECT_EQ(runtime.options().io[static_cast<std::size_t>(IoKind::s3)], 64u);
  EXPECT_EQ(runtime.options().memory_limit, usable_memory() / 8);
  EXPECT_FALSE(runtime.options().run_inline);
}

TEST(Runtime, OptionsDecideThePoolAndTheBudget) {
  Runtime runtime({.threads = 3, .memory_limit = 1000});
  EXPECT_EQ(runtime.executor()->concurrency(), 3u);
  EXPECT_EQ(runtime.executor(), runtime.executor());
  EXPECT_EQ(runtime.budget().cap(), 1000u);
  EXPECT_TRUE(pool_works(runtime));
  Runtime alone({.threads = 3, .run_inline = true});
  EXPECT_EQ(alone.executor()->concurrency(), 0u);
}

TEST(Runtime, ConfigureLeavesRunningWorkItsPool) {
  Runtime runtime({.threads = 2});
  const auto old = runtime.executor();
  runtime.configure({.threads = 5, .io = {0, 0, 7, 0}, .memory_limit = 99});
  EXPECT_EQ(old->concurrency(), 2u);
  EXPECT_EQ(runtime.executor()->concurrency(), 5u);
  EXPECT_EQ(runtime.options().io[static_cast<std::size_t>(IoKind::http)], 7u);
  EXPECT_EQ(runtime.budget().cap(), 99u);
  const auto kept = runtime.executor();
  runtime.configure({.threads = 5, .memory_limit = 98});
  EXPECT_EQ(runtime.executor(), kept);
  runtime.configure({.run_inline = true});
  EXPECT_EQ(runtime.executor()->concurrency(), 0u);
}

TEST(Runtime, ConfigureFromAWorkerDoesNotWaitForItself) {
  Runtime runtime({.threads = 2});
  std::promise<void> done;
  runtime.executor()->post([&] {
    runtime.configure({.threads = 3});
    done.set_value();
  });
  ASSERT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
  EXPECT_EQ(runtime.executor()->concurrency(), 3u);
}

TEST(Runtime, ConfigureWhileManyWork) {
  Runtime runtime({.threads = 2});
  std::atomic<int> ran = 0;
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const auto executor = runtime.executor();
        parallel_for(*executor, 20, {.max_workers = 4}, [&](std::int64_t) { ++ran; });
      }
    });
  }
  for (std::size_t i = 0; i < 50; ++i) runtime.configure({.threads = 1 + i % 4});
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(ran, 4 * 50 * 20);
}

TEST(Runtime, DefaultIsOne) { EXPECT_EQ(default_runtime(), default_runtime()); }

TEST(Runtime, ChildOfAForkHasFreshThreads) {
  ZARRLOOM_SKIP_FORK_TESTS();
  Runtime runtime({.threads = 3, .memory_limit = 1000});
  ASSERT_TRUE(pool_works(runtime));
  const auto lease = runtime.budget().try_acquire(600, false);
  const auto held = runtime.locks().lock("c/0/0");
  EXPECT_TRUE(true_in_child([&] {
    static_cast<void>(runtime.locks().lock("c/0/0"));
    return runtime.options().threads == 3 && runtime.budget().in_use() == 0 &&
           runtime.budget().cap() == 1000 && pool_works(runtime) &&
           true_in_child([&] { return pool_works(runtime); });
  }));
  EXPECT_EQ(runtime.budget().in_use(), 600u);
  EXPECT_TRUE(pool_works(runtime));
}

TEST(Runtime, WhatTheChildInheritedCanBeUsedAndDestroyed) {
  ZARRLOOM_SKIP_FORK_TESTS();
  auto runtime = std::make_unique<Runtime>(RuntimeOptions{.threads = 3, .memory_limit = 1000});
  ASSERT_TRUE(pool_works(*runtime));
  auto executor = runtime->executor();
  auto lease = runtime->budget().try_acquire(600, false);
  EXPECT_TRUE(true_in_child([&] {
    int ran = 0;
    executor->post([&] { ++ran; });
    parallel_for(*executor, 10, {.max_workers = 4}, [&](std::int64_t) { ++ran; });
    executor.reset();
    lease.release();
    runtime.reset();
    return ran == 11;
  }));
}

TEST(Runtime, ForkWhileFourThreadsWork) {
  ZARRLOOM_SKIP_FORK_TESTS();
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer's allocator may stay locked in the child";
#endif
  Runtime runtime({.threads = 2});
  std::atomic<bool> stop = false;
  std::vector<std::thread> callers;
  for (std::size_t t = 0; t < 4; ++t) {
    callers.emplace_back([&, t] {
      while (!stop) {
        const auto lease = runtime.budget().try_acquire(10, false);
        const auto executor = runtime.executor();
        parallel_for(*executor, 5, {.max_workers = 3},
                     [&](std::int64_t) { static_cast<void>(runtime.locks().lock("k")); });
        if (t == 0) runtime.configure({.threads = 2, .memory_limit = 1000});
        if (t == 1) Runtime({.threads = 1}).executor();
      }
    });
  }
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(true_in_child([&] {
      static_cast<void>(runtime.locks().lock("k"));
      return pool_works(runtime) && runtime.budget().in_use() == 0;
    }));
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace zarrloom
