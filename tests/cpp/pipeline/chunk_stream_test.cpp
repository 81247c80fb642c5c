#include "zarrloom/pipeline/chunk_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "fakes/arrays.h"
#include "fakes/faulty_store.h"
#include "fakes/slow_store.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

using namespace fakes;

const Dims kShape{37, 53};
const Dims kChunks{8, 16};
constexpr std::int64_t kCount = 20;

std::int64_t sum_of(const ChunkItem& item) {
  std::vector<std::int32_t> values(item.data.size() / 4);
  std::memcpy(values.data(), item.data.data(), item.data.size());
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

class Stream : public testing::TestWithParam<Workers> {
 protected:
  std::shared_ptr<Runtime> runtime = std::make_shared<Runtime>(GetParam().options);
  std::shared_ptr<Store> memory = make_memory_store();

  Array make(std::shared_ptr<Store> store = nullptr) {
    OpenOptions options;
    options.runtime = runtime;
    const Array array = Array::create(memory, "", int32_array(kShape, kChunks), true, options);
    write_all(array, counting(kShape));
    return Array::open(store ? store : memory, "", options);
  }
  static constexpr std::int64_t kSum = std::int64_t{37} * 53 * (37 * 53 + 1) / 2;
};

TEST_P(Stream, OrderedGivesEveryChunkInOrder) {
  const Array array = make();
  for (std::size_t parallel : {0u, 1u, 3u, 64u}) {
    auto stream = array.stream({.parallel = parallel});
    EXPECT_EQ(stream->total(), kCount);
    std::int64_t number = 0, sum = 0;
    while (auto item = stream->next()) {
      EXPECT_EQ(item->chunk, chunk_from_number(number++, array.grid()));
      EXPECT_EQ(item->shape, chunk_selection(item->chunk, kShape, kChunks).count);
      sum += sum_of(*item);
    }
    EXPECT_EQ(number, kCount);
    EXPECT_EQ(sum, kSum);
    EXPECT_FALSE(stream->next());
  }
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(Stream, UnorderedGivesEveryChunkOnce) {
  const Array array = make();
  auto stream = array.stream({.parallel = 4, .ordered = false});
  std::map<std::string, int> seen;
  std::int64_t sum = 0;
  while (auto item = stream->next()) {
    ++seen[to_string(item->chunk)];
    sum += sum_of(*item);
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kCount));
  EXPECT_EQ(sum, kSum);
}

TEST_P(Stream, ChosenChunksInTheirOrder) {
  const Array array = make();
  auto stream = array.stream({.parallel = 3, .chunks = std::vector<std::int64_t>{7, 0, 7}});
  EXPECT_EQ(stream->next()->chunk, (Dims{1, 3}));
  EXPECT_EQ(stream->next()->chunk, (Dims{0, 0}));
  EXPECT_EQ(stream->next()->chunk, (Dims{1, 3}));
  EXPECT_FALSE(stream->next());
  EXPECT_THROW(array.stream({.chunks = std::vector<std::int64_t>{kCount}}), Error);
}

TEST_P(Stream, FourThreadsShareOneStream) {
  const Array array = make();
  auto stream = array.stream({.parallel = 4});
  std::atomic<std::int64_t> sum = 0, count = 0;
  std::vector<std::thread> takers;
  for (int t = 0; t < 4; ++t) {
    takers.emplace_back([&] {
      while (auto item = stream->next()) {
        sum += sum_of(*item);
        ++count;
      }
    });
  }
  for (std::thread& taker : takers) taker.join();
  EXPECT_EQ(count, kCount);
  EXPECT_EQ(sum, kSum);
}

TEST_P(Stream, DroppedEarlyGivesEverythingBack) {
  const Array array = make();
  for (int round = 0; round < 50; ++round) {
    auto stream = array.stream({.parallel = 8, .ordered = round % 2 == 0});
    stream->next();
    if (round % 3 == 0) {
      stream->close();
      stream->close();
      EXPECT_FALSE(stream->next());
    }
  }
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(Stream, ABudgetBelowOneChunkStillFinishes) {
  runtime->budget().set_cap(1);
  const Array array = make();
  auto first = array.stream({.parallel = 8});
  auto second = array.stream({.parallel = 8, .ordered = false});
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < kCount; ++i) {
    sum += sum_of(*first->next());
    sum += sum_of(*second->next());
  }
  EXPECT_EQ(sum, 2 * kSum);
  EXPECT_EQ(runtime->budget().in_use(), 0u);
  // One chunk for each of the two, and no more.
  EXPECT_LE(runtime->budget().highest(), 2u * 8 * 16 * 4);
}

TEST_P(Stream, TheBudgetHolds) {
  constexpr std::size_t kChunkBytes = 8 * 16 * 4;
  runtime->budget().set_cap(3 * kChunkBytes);
  const Array array = make();
  for (bool ordered : {true, false}) {
    auto stream = array.stream({.parallel = 16, .ordered = ordered});
    while (stream->next()) {
    }
  }
  EXPECT_LE(runtime->budget().highest(), 3 * kChunkBytes);
}

TEST_P(Stream, AFailureComesAtItsPlaceAndEndsTheStream) {
  const Array array = make();
  memory->write("c/1/2", as_byte_view("broken"));
  for (std::size_t parallel : {1u, 4u}) {
    auto stream = array.stream({.parallel = parallel});
    for (int i = 0; i < 6; ++i) EXPECT_TRUE(stream->next());
    try {
      stream->next();
      FAIL() << "no failure";
    } catch (const Error& error) {
      EXPECT_EQ(error.failure().chunk, (std::vector<std::int64_t>{1, 2}));
      EXPECT_EQ(error.failure().key, "c/1/2");
    }
    EXPECT_FALSE(stream->next());
  }
  auto unordered = array.stream({.parallel = 4, .ordered = false});
  EXPECT_THROW(
      {
        while (unordered->next()) {
        }
      },
      Error);
  EXPECT_FALSE(unordered->next());
  unordered.reset();
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(Stream, AStoreThatAnswersLater) {
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::milliseconds(5));
  const Array array = make(slow);
  for (std::size_t parallel : {1u, 20u}) {
    auto stream = array.stream({.parallel = parallel});
    std::int64_t sum = 0;
    while (auto item = stream->next()) sum += sum_of(*item);
    EXPECT_EQ(sum, kSum);
  }
  auto dropped = array.stream({.parallel = 20});
  dropped->next();
}

TEST_P(Stream, MissingChunksAreFillValuesUnlessTheArrayIsGone) {
  const Array array = make();
  memory->erase("c/0/0");
  EXPECT_EQ(sum_of(*array.stream({.parallel = 2})->next()), 0);
  erase_prefix(*memory, "");
  EXPECT_THROW(array.stream({.parallel = 2})->next(), Error);
}

TEST_P(Stream, InterruptedWhileWaiting) {
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::milliseconds(300));
  const Array array = make(slow);
  if (GetParam().options.run_inline) return;  // reads inside next(), without waiting for others
  for (std::size_t parallel : {1u, 2u}) {
    auto stream = array.stream({.parallel = parallel});
    try {
      stream->next([] { return true; });
      FAIL() << "was not interrupted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::cancelled);
    }
    EXPECT_TRUE(stream->next());  // and can still be used
  }
}

INSTANTIATE_TEST_SUITE_P(Executors, Stream, testing::ValuesIn(all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace zarrloom
