#include "conformance/check_executor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "zarrloom/base/error.h"
#include "zarrloom/exec/parallel_for.h"

namespace zarrloom::testing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kWorkers = 4;
constexpr auto kPatience = 20s;  // far longer than anything here takes, short of a hang

template <typename Condition>
bool wait_for(Condition condition) {
  const auto end = Clock::now() + kPatience;
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(100us);
  }
  return true;
}

ParallelOptions workers(std::size_t count) { return {.max_workers = count}; }

// Runs the loop, which must throw, and gives what it threw.
Failure failure_of(Executor& executor, std::int64_t count, const ParallelOptions& options,
                   const std::function<void(std::int64_t)>& body) {
  try {
    parallel_for(executor, count, options, body);
  } catch (const Error& error) {
    return error.failure();
  } catch (...) {
    ADD_FAILURE() << "thrown, but not as Error";
    return {};
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

void check_every_task_runs(Executor& executor) {
  constexpr int kTasks = 1000;
  auto ran = std::make_shared<std::atomic<int>>(0);
  for (int i = 0; i < kTasks; ++i) executor.post([ran] { ++*ran; });
  EXPECT_TRUE(wait_for([&] { return *ran == kTasks; })) << *ran;
  EXPECT_THROW(executor.post(nullptr), Error);
}

void check_threads_are_told_apart(Executor& executor) {
  EXPECT_FALSE(executor.on_worker_thread());
  std::promise<std::pair<std::thread::id, bool>> seen;
  executor.post([&] { seen.set_value({std::this_thread::get_id(), executor.on_worker_thread()}); });
  const auto [id, on_worker] = seen.get_future().get();
  const bool here = id == std::this_thread::get_id();
  EXPECT_EQ(executor.concurrency() == 0, here);
  EXPECT_EQ(on_worker, !here);
}

// With more than one thread the order of starting cannot be observed from inside the tasks.
void check_order_of_start(Executor& executor) {
  if (executor.concurrency() > 1) return;
  constexpr int kTasks = 500;
  std::vector<int> order;
  std::promise<void> done;
  for (int i = 0; i < kTasks; ++i) executor.post([&order, i] { order.push_back(i); });
  executor.post([&] { done.set_value(); });
  done.get_future().get();
  std::vector<int> expected(kTasks);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(order, expected);
}

void check_tasks_run_at_one_time(Executor& executor) {
  const auto wanted = static_cast<int>(executor.concurrency());
  const auto together = std::make_shared<std::atomic<int>>(0);
  const auto left = std::make_shared<std::atomic<int>>(0);
  for (int i = 0; i < wanted; ++i) {
    executor.post([=] {
      ++*together;
      EXPECT_TRUE(wait_for([&] { return *together == wanted; })) << *together << " of " << wanted;
      ++*left;
    });
  }
  EXPECT_TRUE(wait_for([&] { return *left == wanted; }));
}

void check_every_index_once(Executor& executor) {
  for (const std::int64_t count : {-1, 0, 1, 2, 3, 7, 1000}) {
    for (const std::size_t max_workers : {0, 1, 2, 4, 100}) {
      const auto size = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
      std::vector<std::atomic<int>> times(size);
      parallel_for(executor, count, workers(max_workers),
                   [&](std::int64_t i) { ++times[static_cast<std::size_t>(i)]; });
      EXPECT_TRUE(std::all_of(times.begin(), times.end(), [](const auto& n) { return n == 1; }))
          << count << " indices, " << max_workers << " workers";
    }
  }
}

void check_one_worker_keeps_order_and_thread(Executor& executor) {
  std::vector<std::int64_t> order;
  parallel_for(executor, 100, workers(1), [&](std::int64_t i) {
    EXPECT_FALSE(executor.on_worker_thread());
    order.push_back(i);
  });
  EXPECT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

void check_no_more_workers_than_asked(Executor& executor) {
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  parallel_for(executor, 200, workers(2), [&](std::int64_t) {
    const int now = ++inside;
    int seen = most;
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    std::this_thread::sleep_for(50us);
    --inside;
  });
  EXPECT_LE(most, 2);
  EXPECT_EQ(most, executor.concurrency() == 0 ? 1 : 2);
}

void check_nested_loops(Executor& executor) {
  std::atomic<int> ran = 0;
  parallel_for(executor, 8, workers(kWorkers), [&](std::int64_t) {
    parallel_for(executor, 8, workers(kWorkers), [&](std::int64_t) {
      parallel_for(executor, 8, workers(kWorkers), [&](std::int64_t) { ++ran; });
    });
  });
  EXPECT_EQ(ran, 8 * 8 * 8);

  // Inside a task, where on a pool of one thread no helper can ever start.
  std::promise<void> done;
  executor.post([&] {
    parallel_for(executor, 50, workers(kWorkers), [&](std::int64_t) { ++ran; });
    done.set_value();
  });
  ASSERT_EQ(done.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(ran, 8 * 8 * 8 + 50);
}

void check_ten_callers_at_once(Executor& executor) {
  std::atomic<std::int64_t> sum = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 10; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        parallel_for(executor, 100, workers(kWorkers), [&](std::int64_t i) { sum += i; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 10 * 20 * (99 * 100 / 2));
}

void check_failure_arrives_whole(Executor& executor) {
  const Failure thrown{.code = ErrorCode::corrupt_data,
                       .message = "file:///a/c/1/2: zstd: frame cut",
                       .chunk = {1, 2},
                       .key = "c/1/2",
                       .os_error = 5};
  const auto caller = std::this_thread::get_id();
  const bool has_helpers = executor.concurrency() > 0;
  std::atomic<bool> threw = false;
  const Failure got = failure_of(executor, 1000, workers(kWorkers), [&](std::int64_t) {
    if (has_helpers && std::this_thread::get_id() == caller) {  // leave it to a helper
      EXPECT_TRUE(wait_for([&] { return threw.load(); }));
      return;
    }
    threw = true;
    throw Error(thrown);
  });
  EXPECT_EQ(got.code, thrown.code);
  EXPECT_EQ(got.message, thrown.message);
  EXPECT_EQ(got.chunk, thrown.chunk);
  EXPECT_EQ(got.key, thrown.key);
  EXPECT_EQ(got.os_error, thrown.os_error);
}

void check_foreign_exceptions(Executor& executor) {
  for (const std::size_t max_workers : {1, 4}) {
    const auto code_of = [&](auto body) {
      return failure_of(executor, 50, workers(max_workers), body).code;
    };
    EXPECT_EQ(code_of([](std::int64_t) { throw std::bad_alloc(); }), ErrorCode::out_of_memory);
    EXPECT_EQ(code_of([](std::int64_t) { throw std::logic_error("x"); }), ErrorCode::internal);
    EXPECT_EQ(code_of([](std::int64_t) { throw 3; }), ErrorCode::internal);
  }
}

void check_first_failure_stops_the_rest(Executor& executor) {
  for (const std::size_t max_workers : {std::size_t{1}, kWorkers}) {
    std::atomic<std::int64_t> ran = 0;
    std::atomic<int> inside = 0;
    const Failure got = failure_of(executor, 100'000, workers(max_workers), [&](std::int64_t i) {
      ++inside;
      ++ran;
      if (i > 10) std::this_thread::sleep_for(1ms);
      --inside;
      if (i == 10) fail(ErrorCode::storage, "the tenth");
    });
    EXPECT_EQ(got.message, "the tenth");
    EXPECT_EQ(inside, 0);
    EXPECT_GE(ran, 11);
    EXPECT_LT(ran, 5000);
  }
}

void check_cancel(Executor& executor) {
  for (const std::size_t max_workers : {std::size_t{1}, kWorkers}) {
    ParallelOptions options = workers(max_workers);
    options.cancel = CancelToken::make();
    std::atomic<std::int64_t> ran = 0;
    const auto body = [&, token = options.cancel](std::int64_t i) {
      ++ran;
      if (i == 10) token.cancel();
      if (i > 10) std::this_thread::sleep_for(1ms);
    };
    EXPECT_EQ(failure_of(executor, 100'000, options, body).code, ErrorCode::cancelled);
    EXPECT_LT(ran, 5000);
    ran = 0;
    EXPECT_EQ(failure_of(executor, 100'000, options, body).code, ErrorCode::cancelled);
    EXPECT_EQ(ran, 0);
  }
}

// 100,000 bodies of 5 ms: only the interrupt ends this in time.
void check_interrupt_between_indices(Executor& executor) {
  for (const std::size_t max_workers : {std::size_t{1}, kWorkers}) {
    const auto caller = std::this_thread::get_id();
    ParallelOptions options = workers(max_workers);
    int asked = 0;
    options.interrupt = [&] {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      return ++asked == 3;
    };
    const auto start = Clock::now();
    const Failure got = failure_of(executor, 100'000, options,
                                   [](std::int64_t) { std::this_thread::sleep_for(5ms); });
    EXPECT_EQ(got.code, ErrorCode::cancelled);
    EXPECT_GE(Clock::now() - start, 150ms);  // three periods of 50 ms
    EXPECT_LT(Clock::now() - start, 2s);
  }
}

// The caller has nothing left to do and waits for a helper whose body sleeps on.
void check_interrupt_while_waiting(Executor& executor) {
  if (executor.concurrency() == 0) return;
  const auto caller = std::this_thread::get_id();
  std::atomic<bool> helper_inside = false;
  std::atomic<bool> interrupted = false;
  ParallelOptions options = workers(2);
  options.interrupt = [&] { return interrupted.exchange(true), true; };
  const auto start = Clock::now();
  const Failure got = failure_of(executor, 2, options, [&](std::int64_t) {
    if (std::this_thread::get_id() == caller) {
      EXPECT_TRUE(wait_for([&] { return helper_inside.load(); }));
    } else {
      helper_inside = true;
      EXPECT_TRUE(wait_for([&] { return interrupted.load(); }));
    }
  });
  EXPECT_EQ(got.code, ErrorCode::cancelled);
  EXPECT_LT(Clock::now() - start, 1s);
}

void check_interrupt_that_throws(Executor& executor) {
  for (const std::size_t max_workers : {std::size_t{1}, kWorkers}) {
    ParallelOptions options = workers(max_workers);
    options.interrupt = []() -> bool { fail(ErrorCode::conflict, "from the check"); };
    const Failure got = failure_of(executor, 100'000, options,
                                   [](std::int64_t) { std::this_thread::sleep_for(5ms); });
    EXPECT_EQ(got.message, "from the check");
  }
}

// Bodies too short for all helpers to start in time; what they would use dies at once.
void check_late_helpers_touch_nothing(Executor& executor) {
  for (int round = 0; round < 2000; ++round) {
    auto state = std::make_unique<std::vector<int>>(3, round);
    auto body = std::make_unique<std::function<void(std::int64_t)>>(
        [&state](std::int64_t i) { ++(*state)[static_cast<std::size_t>(i)]; });
    parallel_for(executor, 3, workers(kWorkers), *body);
    ASSERT_EQ(*state, std::vector<int>(3, round + 1));
    body.reset();
    state.reset();
  }
}

}  // namespace

void check_executor(Executor& executor) {
  check_every_task_runs(executor);
  check_threads_are_told_apart(executor);
  check_order_of_start(executor);
  check_tasks_run_at_one_time(executor);
  check_every_index_once(executor);
  check_one_worker_keeps_order_and_thread(executor);
  check_no_more_workers_than_asked(executor);
  check_nested_loops(executor);
  check_ten_callers_at_once(executor);
  check_failure_arrives_whole(executor);
  check_foreign_exceptions(executor);
  check_first_failure_stops_the_rest(executor);
  check_cancel(executor);
  check_interrupt_between_indices(executor);
  check_interrupt_while_waiting(executor);
  check_interrupt_that_throws(executor);
  check_late_helpers_touch_nothing(executor);
}

}  // namespace zarrloom::testing
