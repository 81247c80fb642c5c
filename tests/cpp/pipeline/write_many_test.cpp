// Writes that are merged: each stored object is read at most once and written once.
#include <gtest/gtest.h>

#include <random>
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

class WriteMany : public testing::TestWithParam<Workers> {
 protected:
  std::shared_ptr<Store> memory = make_memory_store();
  std::shared_ptr<CountingStore> counted = std::make_shared<CountingStore>(memory);

  Array make(const CreateOptions& create) const {
    OpenOptions options;
    options.runtime = std::make_shared<Runtime>(GetParam().options);
    Array::create(memory, "", create, false, options);
    return Array::open(counted, "", options);
  }
};

TEST_P(WriteMany, EqualsTheWritesOneByOne) {
  const Array array = make(int32_array(kShape, kChunks));
  auto expected = counting(kShape);
  write_all(array, expected);
  std::mt19937 random(5);
  const auto below = [&](std::int64_t n) {
    return std::uniform_int_distribution<std::int64_t>(0, n - 1)(random);
  };
  constexpr int kParts = 80;
  std::vector<std::vector<std::int32_t>> values;
  std::vector<WritePart> parts;
  for (int p = 0; p < kParts; ++p) {
    const Dims start{below(37), below(53)};
    const Dims step{1 + below(10), 1 + below(20)};
    const Dims count{below((36 - start[0]) / step[0] + 2), below((52 - start[1]) / step[1] + 2)};
    values.emplace_back(static_cast<std::size_t>(count[0] * count[1]), -p);
    parts.push_back({Selection{start, step, count}, view_of(values.back(), count)});
    for (std::int64_t i = 0; i < count[0]; ++i) {
      for (std::int64_t j = 0; j < count[1]; ++j) {
        const std::int64_t at = (start[0] + i * step[0]) * 53 + start[1] + j * step[1];
        expected[static_cast<std::size_t>(at)] = -p;
      }
    }
  }
  array.write_many(parts);
  EXPECT_EQ(read_all(array), expected);
}

TEST_P(WriteMany, ReadsAndWritesEachObjectOnce) {
  const Array array = make(int32_array({64, 64}, {32, 32}));
  write_all(array, counting({64, 64}));
  const std::vector<std::int32_t> row(64, 7);
  std::vector<WritePart> parts;
  for (std::int64_t i = 0; i < 64; ++i)
    parts.push_back({Selection{{i, 1}, {1, 1}, {1, 63}}, view_of(row, {1, 63})});
  const auto reads = counted->reads(), writes = counted->writes();
  array.write_many(parts);
  EXPECT_EQ(counted->reads() - reads, 4u);
  EXPECT_EQ(counted->writes() - writes, 4u);
}

TEST_P(WriteMany, ACoveredObjectIsNotReadAndWhatLiesUnderItDropped) {
  const Array array = make(int32_array({8}, {8}));
  write_all(array, counting({8}));
  const std::vector<std::int32_t> under(4, -1), whole(8, 5), over(2, 9);
  const std::vector<WritePart> parts{{Selection{{0}, {1}, {4}}, view_of(under, {4})},
                                     {Selection{{0}, {1}, {8}}, view_of(whole, {8})},
                                     {Selection{{1}, {3}, {2}}, view_of(over, {2})}};
  const auto reads = counted->reads(), writes = counted->writes();
  array.write_many(parts);
  EXPECT_EQ(counted->reads(), reads);
  EXPECT_EQ(counted->writes() - writes, 1u);
  EXPECT_EQ(read_all(array), (std::vector<std::int32_t>{5, 9, 5, 5, 9, 5, 5, 5}));
}

TEST_P(WriteMany, AnEdgeChunkThatIsCoveredIsFilledUp) {
  const Array array = make(int32_array({5}, {4}));
  const std::vector<std::int32_t> last{3}, again{4};
  const std::vector<WritePart> parts{{Selection{{4}, {1}, {1}}, view_of(last, {1})},
                                     {Selection{{4}, {1}, {1}}, view_of(again, {1})}};
  const auto reads = counted->reads();
  array.write_many(parts);
  EXPECT_EQ(counted->reads(), reads);
  EXPECT_EQ(read_all(array), (std::vector<std::int32_t>{0, 0, 0, 0, 4}));
}

TEST_P(WriteMany, WrongPartsAreRefusedBeforeAnythingIsWritten) {
  const Array array = make(int32_array({8}, {4}));
  const std::vector<std::int32_t> two(2, 1);
  const std::vector<WritePart> parts{{Selection{{0}, {1}, {2}}, view_of(two, {2})},
                                     {Selection{{7}, {1}, {2}}, view_of(two, {2})}};
  EXPECT_THROW(array.write_many(parts), Error);
  EXPECT_EQ(read_all(array), std::vector<std::int32_t>(8, 0));
  array.write_many({});
}

TEST_P(WriteMany, FailuresNameTheChunk) {
  const auto faulty = std::make_shared<FaultyStore>(memory);
  OpenOptions options;
  options.runtime = std::make_shared<Runtime>(GetParam().options);
  const Array array = Array::create(faulty, "", int32_array({8}, {4}), false, options);
  faulty->fail_write(1, {.code = ErrorCode::storage, .message = "the disk is full"});
  const std::vector<std::int32_t> one{1};
  const std::vector<WritePart> parts{{Selection{{5}, {1}, {1}}, view_of(one, {1})}};
  try {
    array.write_many(parts);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.failure().chunk, std::vector<std::int64_t>{1});
    EXPECT_EQ(error.failure().key, "c/1");
  }
}

// Sixteen threads that merge updates to disjoint parts of the same chunks lose none.
TEST_P(WriteMany, SameChunkWritersLoseNothing) {
  const Array array = make(int32_array({64}, {32}));
  constexpr int kRounds = 60;
  std::vector<std::thread> writers;
  for (std::int64_t w = 0; w < 16; ++w) {
    writers.emplace_back([&, w] {
      for (int round = 1; round <= kRounds; ++round) {
        const std::vector<std::int32_t> value(4, round);
        if (round % 2 == 0) {
          array.write({{w}, {16}, {4}}, view_of(value, {4}));
        } else {
          const std::vector<WritePart> parts{{Selection{{w}, {16}, {2}}, view_of(value, {2})},
                                             {Selection{{w + 32}, {16}, {2}}, view_of(value, {2})}};
          array.write_many(parts);
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(read_all(array), std::vector<std::int32_t>(64, kRounds));
}

INSTANTIATE_TEST_SUITE_P(Executors, WriteMany, testing::ValuesIn(all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace zarrloom
