#include "fakes/slow_store.h"

#include <gtest/gtest.h>

#include "conformance/check_store.h"

namespace zarrloom::fakes {
namespace {

using conformance::read_answer;
using std::chrono::hours;
using std::chrono::milliseconds;

// What a store that answers later owes those who give up: stands for remote stores.
TEST(SlowStore, AnswersAtTheDeadline) {
  const SlowStore store(make_memory_store(), hours(1));
  const Deadline soon = std::chrono::steady_clock::now() + milliseconds(20);
  EXPECT_EQ(read_answer(store, {.key = "k", .deadline = soon}).failure.code, ErrorCode::deadline);
}

TEST(SlowStore, AnswersWhenCancelled) {
  const SlowStore store(make_memory_store(), hours(1));
  const CancelToken cancel = CancelToken::make();
  std::thread canceller([&] {
    std::this_thread::sleep_for(milliseconds(20));
    cancel.cancel();
  });
  EXPECT_EQ(read_answer(store, {.key = "k", .cancel = cancel}).failure.code, ErrorCode::cancelled);
  canceller.join();
}

}  // namespace
}  // namespace zarrloom::fakes
