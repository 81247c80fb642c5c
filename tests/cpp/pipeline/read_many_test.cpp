#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <random>

#include "fakes/arrays.h"
#include "fakes/counting_store.h"
#include "fakes/slow_store.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

using namespace fakes;

const Dims kShape{37, 53};
const Dims kChunks{8, 16};

class ReadMany : public testing::TestWithParam<Workers> {
 protected:
  std::shared_ptr<Runtime> runtime = std::make_shared<Runtime>(GetParam().options);
  std::shared_ptr<Store> memory = make_memory_store();

  Array make(const std::shared_ptr<Store>& store) {
    OpenOptions options;
    options.runtime = runtime;
    write_all(Array::create(memory, "", int32_array(kShape, kChunks), true, options),
              counting(kShape));
    return Array::open(store, "", options);
  }
};

TEST_P(ReadMany, EqualsTheReadsOneByOneAndDecodesEachChunkOnce) {
  const auto counted = std::make_shared<CountingStore>(memory);
  const auto slow = std::make_shared<SlowStore>(counted, std::chrono::microseconds(200));
  std::mt19937 random(3);
  const auto below = [&](std::int64_t n) {
    return std::uniform_int_distribution<std::int64_t>(0, n - 1)(random);
  };
  for (const std::shared_ptr<Store>& store :
       {std::shared_ptr<Store>(counted), std::shared_ptr<Store>(slow)}) {
    const Array array = make(store);
    memory->erase("c/2/2");
    std::vector<Selection> selections;
    for (int i = 0; i < 60; ++i) {
      const Dims start{below(37), below(53)};
      const Dims step{1 + below(4), 1 + below(4)};
      selections.push_back(
          {start,
           step,
           {below((37 - start[0] - 1) / step[0] + 2), below((53 - start[1] - 1) / step[1] + 2)}});
    }
    std::vector<std::vector<std::int32_t>> got(selections.size()), expected(selections.size());
    std::vector<ReadPart> parts;
    for (std::size_t i = 0; i < selections.size(); ++i) {
      const auto count = static_cast<std::size_t>(checked_product(selections[i].count, "n"));
      got[i].resize(count, -1);
      expected[i].resize(count, -2);
      array.read(selections[i], view_of(expected[i], selections[i].count));
      parts.push_back({selections[i], view_of(got[i], selections[i].count)});
    }
    const auto before = counted->reads();
    array.read_many(parts);
    EXPECT_EQ(got, expected);
    EXPECT_LE(counted->reads() - before, 20u);  // chunks of the array
    array.read_many({});
  }
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(ReadMany, AFailureNamesTheChunk) {
  const Array array = make(memory);
  memory->write("c/0/1", as_byte_view("broken"));
  std::vector<std::int32_t> a(53), b(53);
  const std::vector<ReadPart> parts{{Selection::box({0, 0}, {1, 53}), view_of(a, {1, 53})},
                                    {Selection::box({1, 0}, {1, 53}), view_of(b, {1, 53})}};
  try {
    array.read_many(parts);
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.failure().key, "c/0/1");
  }
}

// Waits for a transfer that was started.
struct Waiter {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<std::optional<Failure>> answer;  // guarded by mutex

  TransferDone done() {
    return [this](std::optional<Failure> failure) {
      const std::lock_guard lock(mutex);
      answer = std::move(failure);
      changed.notify_one();
    };
  }
  std::optional<Failure> wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return answer.has_value(); });
    return *answer;
  }
};

TEST_P(ReadMany, ManyReadsAreStartedWithoutAThreadEach) {
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::milliseconds(5));
  for (const std::shared_ptr<Store>& store : {memory, std::shared_ptr<Store>(slow)}) {
    const Array array = make(store);
    constexpr int kReads = 50;
    std::vector<std::vector<std::int32_t>> outs(kReads, std::vector<std::int32_t>(37 * 53));
    std::vector<Waiter> waiters(kReads);
    for (int i = 0; i < kReads; ++i) {
      array.start_read(Selection::all(kShape), view_of(outs[i], kShape), {}, waiters[i].done());
    }
    for (Waiter& waiter : waiters) EXPECT_FALSE(waiter.wait());
    for (const auto& out : outs) EXPECT_EQ(out, counting(kShape));
    Waiter writer;
    const std::vector<std::int32_t> zeros(37 * 53);
    array.start_write(Selection::all(kShape), view_of(zeros, kShape), {}, writer.done());
    EXPECT_FALSE(writer.wait());
    EXPECT_EQ(read_all(array), zeros);
  }
}

TEST_P(ReadMany, AStartedReadCanBeCancelled) {
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::milliseconds(0));
  const Array array = make(slow);
  OpenOptions options;
  options.runtime = runtime;
  CallOptions call;
  call.cancel = CancelToken::make();
  call.cancel.cancel();
  std::vector<std::int32_t> out(37 * 53);
  for (const Array& each : {array, Array::open(memory, "", options)}) {
    Waiter waiter;
    each.start_read(Selection::all(kShape), view_of(out, kShape), call, waiter.done());
    const auto failure = waiter.wait();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->code, ErrorCode::cancelled);
  }
}

INSTANTIATE_TEST_SUITE_P(Executors, ReadMany, testing::ValuesIn(all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace zarrloom
