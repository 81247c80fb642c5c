#include "zarrloom/exec/gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "zarrloom/exec/executor.h"

namespace zarrloom {
namespace {

// How many are inside, and the most that ever were.
struct Inside {
  std::atomic<int> now = 0, most = 0, done = 0;
  void visit() {
    const int count = ++now;
    int before = most;
    while (before < count && !most.compare_exchange_weak(before, count)) {
    }
    std::this_thread::yield();
    --now;
    ++done;
  }
};

TEST(Gate, NeverLetsInMoreThanItHasPlaces) {
  Gate gate(3);
  Inside inside;
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const Gate::Pass pass = gate.enter();
        inside.visit();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(inside.done, 8000);
  EXPECT_LE(inside.most, 3);
  EXPECT_EQ(gate.in_use(), 0u);
}

TEST(Gate, ThoseThatWaitWithoutAThreadAndThoseWithOneShareIt) {
  Gate gate(2);
  Inside inside;
  std::atomic<int> queued = 0;
  {
    const auto pool = make_pool(3);
    const Gate::Post post = [&](std::function<void()> work) { pool->post(std::move(work)); };
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 300; ++i) {
          gate.enter_later({}, post, [&](const std::shared_ptr<Gate::Pass>& pass) {
            inside.visit();
            pass->release();
            ++queued;
          });
          const Gate::Pass pass = gate.enter();
          inside.visit();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    while (queued < 1200) std::this_thread::yield();
  }
  EXPECT_EQ(inside.done, 2400);
  EXPECT_LE(inside.most, 2);
  EXPECT_EQ(gate.in_use(), 0u);
}

TEST(Gate, ACancelledOneLeavesTheQueueWithAnEmptyPass) {
  Gate gate(1);
  const Gate::Post post = [](const std::function<void()>& work) { work(); };
  Gate::Pass held = gate.enter();
  std::vector<int> order;
  const CancelToken cancel = CancelToken::make();
  const auto add = [&](int i) {
    return [&order, i](const std::shared_ptr<Gate::Pass>&) { order.push_back(i); };
  };
  gate.enter_later({}, post, add(1));
  gate.enter_later(cancel, post, add(2));
  gate.enter_later({}, post, add(3));
  cancel.cancel();
  EXPECT_EQ(order, (std::vector{2}));
  gate.enter_later(cancel, post, add(4));  // cancelled before
  EXPECT_EQ(order, (std::vector{2, 4}));
  EXPECT_EQ(gate.in_use(), 1u);
  held.release();  // the passes are dropped at once, so one lets the next in
  EXPECT_EQ(order, (std::vector{2, 4, 1, 3}));
  EXPECT_EQ(gate.in_use(), 0u);
}

TEST(Gate, CancellingAndLeavingAtOnceCallsEachOnce) {
  const auto pool = make_pool(2);
  const Gate::Post post = [&](std::function<void()> work) { pool->post(std::move(work)); };
  for (int round = 0; round < 500; ++round) {
    Gate gate(1);
    std::atomic<int> called = 0;
    auto held = std::make_unique<Gate::Pass>(gate.enter());
    const CancelToken cancel = CancelToken::make();
    for (int i = 0; i < 3; ++i) {
      gate.enter_later(cancel, post, [&](const std::shared_ptr<Gate::Pass>& pass) {
        pass->release();
        ++called;
      });
    }
    std::thread canceller([&] { cancel.cancel(); });
    held.reset();
    canceller.join();
    while (called < 3) std::this_thread::yield();
    EXPECT_EQ(gate.in_use(), 0u);
  }
}

TEST(Gate, MorePlacesLetInWhoWaits) {
  Gate gate(1);
  const Gate::Post post = [](const std::function<void()>& work) { work(); };
  const Gate::Pass held = gate.enter();
  std::vector<std::shared_ptr<Gate::Pass>> passes;
  for (int i = 0; i < 3; ++i) {
    gate.enter_later({}, post, [&](std::shared_ptr<Gate::Pass> pass) { passes.push_back(pass); });
  }
  std::atomic<bool> entered = false;
  gate.set_places(4);
  EXPECT_EQ(passes.size(), 3u);
  std::thread waiter([&] {
    const Gate::Pass pass = gate.enter();
    entered = true;
  });
  gate.set_places(5);
  waiter.join();
  EXPECT_TRUE(entered);
  passes.clear();
}

}  // namespace
}  // namespace zarrloom
