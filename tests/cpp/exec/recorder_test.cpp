#include "zarrloom/exec/recorder.h"

#include <gtest/gtest.h>

#include <thread>

namespace zarrloom {
namespace {

using namespace std::chrono_literals;

TEST(Recorder, SumsOverThreads) {
  Recorder recorder;
  std::vector<std::thread> threads;
  const auto start = Recorder::Clock::now();
  for (int t = 1; t <= 12; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) recorder.add(Stage::io, start, start + t * 1us, 10, "k");
      recorder.add(Count::retries);
      recorder.add_failure(ErrorCode::deadline);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Stats stats = recorder.stats();
  const auto& io = stats.stages[static_cast<std::size_t>(Stage::io)];
  EXPECT_EQ(io.count, 1200u);
  EXPECT_EQ(io.bytes, 12000u);
  EXPECT_EQ(io.nanoseconds, 100u * 78 * 1000);
  EXPECT_EQ(io.longest, 12000u);
  EXPECT_EQ(stats.counts[static_cast<std::size_t>(Count::retries)], 12u);
  EXPECT_EQ(stats.failures[static_cast<std::size_t>(ErrorCode::deadline)], 12u);
  EXPECT_EQ(stats.stages[static_cast<std::size_t>(Stage::decode)].count, 0u);
}

TEST(Recorder, TracesHoldWhatHappensWhileTheyRun) {
  Recorder recorder;
  const auto now = Recorder::Clock::now();
  recorder.add(Stage::io, now, now, 0, "before");
  const auto outer = recorder.start_trace(100);
  recorder.add(Stage::decode, now, now + 1ms, 7, "a");
  const auto inner = recorder.start_trace(2);
  std::thread other([&] {
    for (int i = 0; i < 5; ++i) recorder.add(Stage::io, now, now, 0, "b");
  });
  other.join();
  recorder.stop_trace(inner);
  recorder.add(Stage::write, now, now, 0, "c");
  recorder.stop_trace(outer);
  recorder.add(Stage::io, now, now, 0, "after");
  ASSERT_EQ(outer->spans().size(), 7u);
  EXPECT_EQ(outer->left_out(), 0u);
  const Span first = outer->spans().front();
  EXPECT_EQ(first.key, "a");
  EXPECT_EQ(first.stage, Stage::decode);
  EXPECT_EQ(first.end - first.begin, 1ms);
  EXPECT_NE(first.thread, outer->spans()[1].thread);
  EXPECT_EQ(inner->spans().size(), 2u);
  EXPECT_EQ(inner->left_out(), 3u);
  EXPECT_EQ(outer->spans().back().key, "c");
}

}  // namespace
}  // namespace zarrloom
