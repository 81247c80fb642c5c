#include "zarrloom/pipeline/request_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace zarrloom {
namespace {

// Answers requests on a thread of its own, newest first.
class Answerer {
 public:
  ~Answerer() { thread_.join(); }

  void start(std::int64_t i, const CancelToken& cancel, RequestDone done) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({i, cancel, std::move(done)});
    most_ = std::max(most_.load(), waiting_.size());
    ++started_;
  }
  void stop() { stopping_ = true; }
  std::size_t most() const { return most_; }
  int started() const { return started_; }
  std::function<std::optional<Failure>(std::int64_t, const CancelToken&)> answer =
      [](std::int64_t, const CancelToken&) { return std::nullopt; };

 private:
  struct Request {
    std::int64_t i;
    CancelToken cancel;
    RequestDone done;
  };
  void work() {
    while (true) {
      std::optional<Request> next;
      {
        const std::lock_guard lock(mutex_);
        if (!waiting_.empty()) {
          next = std::move(waiting_.back());
          waiting_.pop_back();
        } else if (stopping_) {
          return;
        }
      }
      if (next) {
        next->done(answer(next->i, next->cancel));
      } else {
        std::this_thread::yield();
      }
    }
  }
  std::mutex mutex_;
  std::vector<Request> waiting_;  // guarded by mutex_
  std::atomic<std::size_t> most_ = 0;
  std::atomic<int> started_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_{[this] { work(); }};
};

TEST(RequestWindow, StartsAllAndNeverTooMany) {
  ByteBudget budget(50);
  Answerer answerer;
  run_requests(budget, {.count = 1000, .most = 8, .bytes_each = 10},
               [&](auto i, const auto& cancel, auto done) { answerer.start(i, cancel, done); }, {});
  EXPECT_EQ(answerer.started(), 1000);
  EXPECT_LE(answerer.most(), 5u);  // the budget is the narrower limit
  EXPECT_EQ(budget.in_use(), 0u);
  EXPECT_LE(budget.highest(), 50u);
  answerer.stop();
}

TEST(RequestWindow, AnswersThatComeAtOnceDoNotPileUpOnTheStack) {
  ByteBudget budget(1);
  std::int64_t next = 0;
  run_requests(budget, {.count = 200'000, .most = 4, .bytes_each = 1},
               [&](std::int64_t i, const CancelToken&, const RequestDone& done) {
                 EXPECT_EQ(i, next++);
                 done(std::nullopt);
               },
               {});
  EXPECT_EQ(next, 200'000);
}

TEST(RequestWindow, TheFirstFailureStopsAndCancelsTheRest) {
  ByteBudget budget(1'000'000);
  Answerer answerer;
  answerer.answer = [](std::int64_t i, const CancelToken& cancel) -> std::optional<Failure> {
    if (i == 7) return Failure{.code = ErrorCode::storage, .message = "the seventh"};
    if (i > 7) {  // in flight until it is given up
      while (!cancel.cancelled()) std::this_thread::yield();
      return Failure{.code = ErrorCode::cancelled, .message = "given up"};
    }
    return std::nullopt;
  };
  std::atomic<bool> hold = true;
  try {
    run_requests(budget, {.count = 1000, .most = 1, .bytes_each = 1},
                 [&](auto i, const auto& cancel, auto done) { answerer.start(i, cancel, done); },
                 {});
    ADD_FAILURE() << "no failure";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "the seventh");
  }
  hold = false;
  EXPECT_EQ(answerer.started(), 8);
  answerer.stop();
}

TEST(RequestWindow, AnInterruptCancelsWhatIsInFlight) {
  ByteBudget budget(1'000'000);
  Answerer answerer;
  answerer.answer = [](std::int64_t, const CancelToken& cancel) -> std::optional<Failure> {
    while (!cancel.cancelled()) std::this_thread::yield();
    return Failure{.code = ErrorCode::cancelled, .message = "given up"};
  };
  int asked = 0;
  try {
    run_requests(
        budget, {.count = 1000, .most = 3, .bytes_each = 1},
        [&](auto i, const auto& cancel, auto done) { answerer.start(i, cancel, done); },
        [&] { return ++asked == 2; });
    ADD_FAILURE() << "was not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(answerer.started(), 3);
  answerer.stop();
}

TEST(RequestWindow, ACancelTokenEndsAStartThatNobodyWaitsFor) {
  for (int round = 0; round < 200; ++round) {
    ByteBudget budget(1'000'000);
    Answerer answerer;
    const CancelToken cancel = CancelToken::make();
    std::atomic<int> finished = 0;
    std::optional<Failure> failure;
    start_requests(
        budget, {.count = 100, .most = 3, .bytes_each = 1, .cancel = cancel},
        [&](auto i, const auto& token, auto done) { answerer.start(i, token, done); },
        [&](std::optional<Failure> first) {
          failure = std::move(first);
          ++finished;
        });
    std::thread canceller([&] { cancel.cancel(); });
    while (finished == 0) std::this_thread::yield();
    canceller.join();
    answerer.stop();
    EXPECT_EQ(finished, 1);
    if (failure) {
      EXPECT_EQ(failure->code, ErrorCode::cancelled);
    }
    EXPECT_EQ(budget.in_use(), 0u);
  }
}

TEST(RequestWindow, NothingToDoIsFinishedAtOnce) {
  ByteBudget budget(1);
  bool finished = false;
  start_requests(
      budget, {.count = 0}, [](auto, const auto&, auto) { FAIL(); },
      [&](std::optional<Failure> failure) {
        EXPECT_FALSE(failure);
        finished = true;
      });
  EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace zarrloom
