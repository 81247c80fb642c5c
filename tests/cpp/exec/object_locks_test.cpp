#include "zarrloom/exec/object_locks.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace zarrloom {
namespace {

TEST(ObjectLocks, NoUpdateUnderOneNameIsLost) {
  ObjectLocks locks;
  std::int64_t count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        const auto held = locks.lock(std::string("file:///a.zarr/c/0/") + "0");
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 80'000);
}

TEST(ObjectLocks, OtherNamesAreNotHeldUp) {
  ObjectLocks locks;
  const auto held = locks.lock("c/0/0");
  int taken = 0;
  for (int i = 1; i <= 3; ++i) {  // two names share a lock once in 1024 times
    auto other = std::async(std::launch::async,
                            [&, i] { return locks.lock("c/0/" + std::to_string(i)).owns_lock(); });
    if (other.get()) ++taken;
  }
  EXPECT_EQ(taken, 3);
}

}  // namespace
}  // namespace zarrloom
