#include "zarrloom/exec/byte_cache.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "zarrloom/exec/single_flight.h"

namespace zarrloom {
namespace {

ByteCache::Value value_of(int number) { return std::make_shared<const int>(number); }

int number_in(ByteCache& cache, std::string_view name) {
  const ByteCache::Value value = cache.find(name);
  return value ? *std::static_pointer_cast<const int>(value) : -1;
}

TEST(ByteCache, ForgetsWhatWasNotAskedForLongest) {
  ByteCache cache(30);
  cache.put("a", value_of(1), 10);
  cache.put("b", value_of(2), 10);
  cache.put("c", value_of(3), 10);
  EXPECT_EQ(number_in(cache, "a"), 1);
  cache.put("d", value_of(4), 10);
  EXPECT_EQ(number_in(cache, "b"), -1);
  EXPECT_EQ(number_in(cache, "a"), 1);
  EXPECT_EQ(cache.in_use(), 30u);
  cache.put("a", value_of(5), 20);  // in place of the old one
  EXPECT_EQ(number_in(cache, "a"), 5);
  EXPECT_EQ(cache.in_use(), 30u);
  cache.put("e", value_of(6), 31);
  EXPECT_EQ(number_in(cache, "e"), -1) << "larger than the cache";
  cache.erase("a");
  cache.set_cap(5);
  EXPECT_EQ(cache.in_use(), 0u);
}

TEST(ByteCache, ManyThreads) {
  ByteCache cache(100);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string name = std::to_string((i * 7 + t) % 30);
        cache.put(name, value_of(i), 9);
        cache.find(name);
        if (i % 5 == 0) cache.erase(name);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.in_use(), 100u);
}

TEST(SingleFlight, OneGetsItForAll) {
  SingleFlight flights;
  int told = 0;
  const auto waiter = [&told](const SingleFlight::Value&, const std::optional<Failure>&) {
    ++told;
  };
  EXPECT_TRUE(flights.join("a", waiter));
  EXPECT_FALSE(flights.join("a", waiter));
  EXPECT_TRUE(flights.join("b", waiter));
  for (const auto& each : flights.take("a")) each(nullptr, std::nullopt);
  EXPECT_EQ(told, 2);
  EXPECT_TRUE(flights.join("a", waiter)) << "the next one is a first one again";
}

}  // namespace
}  // namespace zarrloom
