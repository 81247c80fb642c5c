// Whole chunks written in the background, over every kind of executor.
#include "zarrloom/pipeline/chunk_writer.h"

#include <gtest/gtest.h>

#include <thread>

#include "fakes/arrays.h"
#include "fakes/counting_store.h"
#include "fakes/faulty_store.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

using namespace fakes;

const Dims kShape{37, 53};
const Dims kChunks{8, 16};

class Writer : public testing::TestWithParam<Workers> {
 protected:
  std::shared_ptr<Store> memory = make_memory_store();
  std::shared_ptr<FaultyStore> faulty = std::make_shared<FaultyStore>(memory);
  std::shared_ptr<CountingStore> counted = std::make_shared<CountingStore>(faulty);
  std::shared_ptr<Runtime> runtime = std::make_shared<Runtime>(GetParam().options);

  Array make(const Dims& shape = kShape, const Dims& chunks = kChunks) const {
    OpenOptions options;
    options.runtime = runtime;
    return Array::create(counted, "", int32_array(shape, chunks), true, options);
  }
};

void push_all(const Array& array, ChunkWriter& writer) {
  const auto values = counting(array.shape());
  const ConstArrayView all = view_of(values, array.shape());
  const Dims grid = array.grid();
  for (std::int64_t n = 0; n < checked_product(grid, "grid"); ++n) {
    const Dims chunk = chunk_from_number(n, grid);
    const Selection box = chunk_selection(chunk, array.shape(), array.chunk_shape());
    writer.push(chunk, sub_view(all, box.start, box.step, box.count));
  }
}

TEST_P(Writer, WritesWholeChunksWithoutReading) {
  const Array array = make();
  for (const std::size_t parallel : {0, 1, 3}) {
    const auto reads = counted->reads(), writes = counted->writes();
    const auto writer = array.chunk_writer({.parallel = parallel});
    push_all(array, *writer);
    const WrittenChunks result = writer->finish();
    EXPECT_EQ(counted->reads(), reads);
    EXPECT_EQ(counted->writes() - writes, 20u);
    EXPECT_EQ(read_all(array), counting(kShape));
    ASSERT_EQ(result.written.size(), 20u);
    EXPECT_EQ(result.written[5], 5);
    EXPECT_TRUE(result.failed.empty());
  }
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(Writer, TheBufferIsTheCallersAgainAndBudgetHolds) {
  runtime->configure({.threads = GetParam().options.threads,
                      .memory_limit = 3 * 4096,
                      .run_inline = GetParam().options.run_inline});
  const Array array = make({64, 1024}, {1, 1024});
  const auto writer = array.chunk_writer();
  std::vector<std::int32_t> buffer(1024);
  for (std::int64_t row = 0; row < 64; ++row) {
    std::fill(buffer.begin(), buffer.end(), static_cast<std::int32_t>(row + 1));
    writer->push({row, 0}, view_of(buffer, {1, 1024}));
  }
  writer->finish();
  const auto values = read_all(array);
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(values[i], static_cast<std::int32_t>(i / 1024 + 1));
  }
  EXPECT_LE(runtime->budget().highest(), 3u * 4096u);
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(Writer, ABudgetBelowOneChunkStillPasses) {
  runtime->configure({.threads = GetParam().options.threads,
                      .memory_limit = 1,
                      .run_inline = GetParam().options.run_inline});
  const Array array = make();
  const auto one = array.chunk_writer(), two = array.chunk_writer();
  push_all(array, *one);
  push_all(array, *two);
  one->finish();
  two->finish();
  EXPECT_EQ(read_all(array), counting(kShape));
}

TEST_P(Writer, ScalarsAndWholeEdgeChunks) {
  const Array array = make({5}, {4});
  const auto writer = array.chunk_writer();
  const std::vector<std::int32_t> seven{7}, whole{1, 2, 3, 4};
  writer->push({0}, view_of(seven, {}));
  writer->push({1}, view_of(whole, {4}));
  writer->finish();
  EXPECT_EQ(read_all(array), (std::vector<std::int32_t>{7, 7, 7, 7, 1}));
}

TEST_P(Writer, TheLaterOfTheSameChunkWins) {
  const Array array = make({8}, {4});
  const auto writer = array.chunk_writer();
  for (std::int32_t round = 1; round <= 200; ++round) {
    const std::vector<std::int32_t> value{round};
    writer->push({round % 2}, view_of(value, {}));
  }
  const WrittenChunks result = writer->finish();
  EXPECT_EQ(read_all(array), (std::vector<std::int32_t>{200, 200, 200, 200, 199, 199, 199, 199}));
  EXPECT_EQ(result.written, (std::vector<std::int64_t>{1, 0}));
}

TEST_P(Writer, WrongDataNamesTheChunk) {
  const Array array = make();
  const std::vector<std::int32_t> three(3, 1);
  for (const bool keep_going : {false, true}) {
    const auto writer = array.chunk_writer({.keep_going = keep_going});
    Failure shape, index;
    try {
      writer->push({1, 2}, view_of(three, {3}));
      writer->push({9, 0}, view_of(three, {3}));
      WrittenChunks result = writer->finish();
      ASSERT_TRUE(keep_going);
      ASSERT_EQ(result.failed.size(), 2u);
      shape = result.failed[0].failure;
      index = result.failed[1].failure;
      EXPECT_TRUE(result.failed[0].data.empty());
      EXPECT_EQ(index.code, ErrorCode::selection);
    } catch (const Error& error) {
      ASSERT_FALSE(keep_going);
      shape = error.failure();
    }
    EXPECT_EQ(shape.code, ErrorCode::invalid_argument);
    EXPECT_EQ(shape.chunk, (std::vector<std::int64_t>{1, 2}));
    EXPECT_NE(shape.message.find("chunk (1, 2)"), std::string::npos) << shape.message;
  }
}

TEST_P(Writer, TheFirstFailureEndsItWhenNothingRuns) {
  const Array array = make();
  faulty->fail_write(3, {.code = ErrorCode::storage, .message = "the disk is full"});
  const auto writer = array.chunk_writer();
  try {
    push_all(array, *writer);
    writer->finish();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::storage);
    EXPECT_NE(std::string(error.what()).find("disk is full"), std::string::npos);
    EXPECT_EQ(error.failure().chunk.size(), 2u);
  }
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(Writer, CollectedFailuresKeepTheirDataForAnotherTry) {
  const Array array = make();
  faulty->fail_write(4, {.code = ErrorCode::storage, .message = "the disk is full"});
  const auto writer = array.chunk_writer({.keep_going = true});
  push_all(array, *writer);
  WrittenChunks result = writer->finish();
  ASSERT_EQ(result.failed.size(), 1u);
  EXPECT_EQ(result.written.size(), 19u);
  FailedChunk& failed = result.failed[0];
  EXPECT_EQ(failed.failure.key, array.chunk_key(failed.chunk));
  ASSERT_FALSE(failed.data.empty());
  EXPECT_GT(runtime->budget().in_use(), 0u);
  const auto again = array.chunk_writer();
  again->push(failed.chunk, c_view(failed.data.view(), failed.shape, 4));
  again->finish();
  result = {};
  EXPECT_EQ(runtime->budget().in_use(), 0u);
  EXPECT_EQ(read_all(array), counting(kShape));
}

TEST_P(Writer, WaitTellsHowManyAreFinished) {
  const Array array = make();
  const auto writer = array.chunk_writer();
  push_all(array, *writer);
  std::int64_t seen = 0;
  while (seen < 20) {
    const std::int64_t now = writer->wait(seen);
    ASSERT_GT(now, seen);
    seen = now;
  }
  EXPECT_EQ(writer->wait(20), 20);
}

// Dropped without finish(): what was pushed is written.
TEST_P(Writer, DroppedHalfWay) {
  const Array array = make();
  push_all(array, *array.chunk_writer());
  EXPECT_EQ(read_all(array), counting(kShape));
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

// E6: a writer used on a thread of the pool itself must not wait for that pool.
TEST_P(Writer, UsedInsideATaskOfThePool) {
  const Array array = make();
  std::atomic<bool> done = false;
  runtime->executor()->post([&] {
    const auto writer = array.chunk_writer();
    push_all(array, *writer);
    writer->finish();
    done = true;
  });
  while (!done) std::this_thread::yield();
  EXPECT_EQ(read_all(array), counting(kShape));
}

INSTANTIATE_TEST_SUITE_P(Executors, Writer, testing::ValuesIn(all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace zarrloom
