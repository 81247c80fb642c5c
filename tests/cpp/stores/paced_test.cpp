#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>
#include <vector>

#include "fakes/counting_store.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using fakes::CountingStore;

struct Answers {
  std::atomic<int> found = 0, cancelled = 0, late = 0, other = 0;

  ReadCompletion add() {
    return [this](ReadResult result) {
      if (result.status == ReadResult::Status::found) return void(++found);
      if (result.failure.code == ErrorCode::cancelled) return void(++cancelled);
      if (result.failure.code == ErrorCode::deadline) return void(++late);
      ++other;
    };
  }
  int all() const { return found + cancelled + late + other; }
  void wait_for(int count) const {
    const auto until = Clock::now() + 30s;
    while (all() < count && Clock::now() < until) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(all(), count);
  }
};

std::shared_ptr<CountingStore> store_with_key() {
  const auto store = std::make_shared<CountingStore>(make_memory_store());
  store->write("k", as_byte_view("value"));
  return store;
}

TEST(LatencyStore, ReadsAreAllInFlightAtOnceAndNoneComesEarly) {
  const auto store = make_latency_store(store_with_key(), 30ms);
  EXPECT_FALSE(store->capabilities().answers_inline);
  Answers answers;
  const auto began = Clock::now();
  std::atomic<bool> early = false;
  for (int i = 0; i < 500; ++i) {
    store->read({.key = "k"}, [&, count = answers.add()](ReadResult result) {
      if (Clock::now() - began < 30ms) early = true;
      count(std::move(result));
    });
  }
  answers.wait_for(500);
  EXPECT_EQ(answers.found, 500);
  EXPECT_FALSE(early);
}

TEST(LatencyStore, ReadsThatAreGivenUpNeverReachTheStore) {
  const auto inner = store_with_key();
  const auto store = make_latency_store(inner, 1h);
  Answers answers;
  const CancelToken cancel = CancelToken::make();
  for (int i = 0; i < 50; ++i) store->read({.key = "k", .cancel = cancel}, answers.add());
  for (int i = 0; i < 50; ++i) {
    store->read({.key = "k", .deadline = Clock::now() + 5ms}, answers.add());
  }
  answers.wait_for(50);
  EXPECT_EQ(answers.late, 50);
  cancel.cancel();
  answers.wait_for(100);
  EXPECT_EQ(answers.cancelled, 50);
  EXPECT_EQ(inner->reads(), 0u);
}

TEST(RateLimitedStore, WaitsForItsTurnAndCanBeGivenUp) {
  for (const bool later : {false, true}) {
    const auto inner = store_with_key();
    std::shared_ptr<Store> near = inner;
    if (later) near = make_latency_store(near, 0ms);
    const auto store = make_rate_limited_store(near, 0.001, 3);
    EXPECT_EQ(store->capabilities().answers_inline, !later);
    Answers answers;
    for (int i = 0; i < 3; ++i) store->read({.key = "k"}, answers.add());
    answers.wait_for(3);
    EXPECT_EQ(answers.found, 3);
    store->read({.key = "k", .deadline = Clock::now() + 5ms}, answers.add());
    answers.wait_for(4);
    EXPECT_EQ(answers.late, 1);
    const CancelToken cancel = CancelToken::make();
    std::thread canceller([&] {
      std::this_thread::sleep_for(5ms);
      cancel.cancel();
    });
    store->read({.key = "k", .cancel = cancel}, answers.add());
    answers.wait_for(5);
    canceller.join();
    EXPECT_EQ(answers.cancelled, 1);
    EXPECT_EQ(inner->reads(), 3u);
  }
}

TEST(PacedStores, RefuseWhatIsNoPace) {
  const auto store = make_memory_store();
  EXPECT_THROW(make_latency_store(store, -1ns), Error);
  EXPECT_THROW(make_rate_limited_store(store, 0), Error);
  EXPECT_THROW(make_rate_limited_store(store, 1, 0.5), Error);
  EXPECT_THROW(make_rate_limited_store(store, std::numeric_limits<double>::infinity()), Error);
}

}  // namespace
}  // namespace zarrloom
