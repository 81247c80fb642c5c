// Reading and writing over every kind of executor; each must give the same bytes.
#include "zarrloom/pipeline/transfer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "fakes/arrays.h"
#include "fakes/counting_store.h"
#include "fakes/faulty_store.h"
#include "fakes/slow_store.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

using namespace fakes;

const Dims kShape{37, 53};
const Dims kChunks{8, 16};

class Transfer : public testing::TestWithParam<Workers> {
 protected:
  std::shared_ptr<Runtime> runtime = std::make_shared<Runtime>(GetParam().options);
  OpenOptions open_options() const {
    OpenOptions options;
    options.runtime = runtime;
    return options;
  }
  Array make(std::shared_ptr<Store> store, const CreateOptions& create) const {
    return Array::create(std::move(store), "", create, false, open_options());
  }
  Array make(const CreateOptions& create) const { return make(make_memory_store(), create); }
};

TEST_P(Transfer, WritesAndReadsAllWithEdgeChunks) {
  const Array array = make(int32_array(kShape, kChunks));
  const auto values = counting(kShape);
  write_all(array, values);
  EXPECT_EQ(read_all(array), values);
  CallOptions two;
  two.parallel = 2;
  EXPECT_EQ(read_all(array, two), values);
}

TEST_P(Transfer, RawChunksAreTheMemoryItself) {
  CreateOptions create = int32_array(kShape, kChunks);
  create.compressors.emplace();
  const Array array = make(create);
  const auto values = counting(kShape);
  write_all(array, values);
  EXPECT_EQ(read_all(array), values);
  EXPECT_EQ(read_object(*array.store(), "c/0/0")->size(), 8u * 16u * 4u);
}

TEST_P(Transfer, SelectionsWithStepsAndReversedViews) {
  const Array array = make(int32_array(kShape, kChunks));
  const auto values = counting(kShape);
  write_all(array, values);
  const Selection selection{{3, 1}, {5, 19}, {6, 3}};
  std::vector<std::int32_t> out(18, -1);
  ArrayView reversed = view_of(out, selection.count);
  reversed.data += 4 * 17;  // both dimensions backwards
  reversed.strides = {-12, -4};
  array.read(selection, reversed);
  for (std::int64_t r = 0; r < 6; ++r) {
    for (std::int64_t c = 0; c < 3; ++c) {
      const auto at = static_cast<std::size_t>((3 + r * 5) * 53 + 1 + c * 19);
      EXPECT_EQ(out[static_cast<std::size_t>((5 - r) * 3 + 2 - c)], values[at]);
    }
  }
}

TEST_P(Transfer, PartialWritesKeepTheRest) {
  const Array array = make(int32_array(kShape, kChunks));
  auto values = counting(kShape);
  write_all(array, values);
  const Selection selection{{7, 15}, {3, 2}, {4, 9}};
  const std::vector<std::int32_t> patch(36, -5);
  array.write(selection, view_of(patch, selection.count));
  for (std::int64_t r = 0; r < 4; ++r) {
    for (std::int64_t c = 0; c < 9; ++c) {
      values[static_cast<std::size_t>((7 + r * 3) * 53 + 15 + c * 2)] = -5;
    }
  }
  EXPECT_EQ(read_all(array), values);
}

TEST_P(Transfer, ARepeatedElementFillsASelection) {
  const Array array = make(int32_array(kShape, kChunks));
  const std::int32_t nine = 9;
  const ConstArrayView repeated{reinterpret_cast<const std::byte*>(&nine), kShape, Dims{0, 0}, 4};
  array.write(Selection::all(kShape), repeated);
  EXPECT_EQ(read_all(array), std::vector<std::int32_t>(37 * 53, 9));
}

TEST_P(Transfer, CoveredChunksAreNotReadFirstAndEmptyOnesAreNotStored) {
  auto memory = make_memory_store();
  auto counting_store = std::make_shared<CountingStore>(memory);
  const Array array = make(counting_store, int32_array(kShape, kChunks));
  const int reads_before = static_cast<int>(counting_store->reads());
  write_all(array, counting(kShape));
  EXPECT_EQ(static_cast<int>(counting_store->reads()), reads_before);
  EXPECT_TRUE(memory->exists("c/4/3"));
  write_all(array, std::vector<std::int32_t>(37 * 53, 0));
  EXPECT_FALSE(memory->exists("c/0/0"));
  EXPECT_FALSE(memory->exists("c/4/3"));
  EXPECT_EQ(read_all(array), std::vector<std::int32_t>(37 * 53, 0));
}

TEST_P(Transfer, WriteEmptyChunksStoresThem) {
  OpenOptions options = open_options();
  options.write.write_empty_chunks = true;
  const auto store = make_memory_store();
  const Array array = Array::create(store, "", int32_array({4}, {2}), false, options);
  write_all(array, {0, 0, 0, 0});
  EXPECT_TRUE(store->exists("c/1"));
}

TEST_P(Transfer, ZeroDimensionalAndZeroLength) {
  const Array scalar = make(int32_array({}, {}));
  write_all(scalar, {42});
  EXPECT_EQ(read_all(scalar), std::vector<std::int32_t>{42});
  const Array none = make(int32_array({0, 5}, {2, 2}));
  write_all(none, {});
  EXPECT_TRUE(read_all(none).empty());
}

// A failure names chunk, key and cause.
TEST_P(Transfer, FailuresNameTheChunk) {
  const auto store = make_memory_store();
  const Array array = make(store, int32_array(kShape, kChunks));
  write_all(array, counting(kShape));
  store->write("c/2/1", as_byte_view("this is no zstd frame"));
  try {
    read_all(array);
    FAIL() << "read a corrupt chunk";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt_data);
    EXPECT_EQ(error.failure().chunk, (std::vector<std::int64_t>{2, 1}));
    EXPECT_EQ(error.failure().key, "c/2/1");
    const std::string text = error.what();
    EXPECT_NE(text.find("chunk (2, 1)"), std::string::npos) << text;
    EXPECT_NE(text.find("zstd"), std::string::npos) << text;
  }
}

TEST_P(Transfer, AStoreThatFailsIsNeverReadAsMissing) {
  const auto memory = make_memory_store();
  {
    const Array array = make(memory, int32_array(kShape, kChunks));
    write_all(array, counting(kShape));
  }
  auto faulty = std::make_shared<FaultyStore>(memory);
  const Array array = Array::open(faulty, "", open_options());
  faulty->fail_read(5, Failure{.code = ErrorCode::storage, .message = "the disk is on fire"});
  try {
    read_all(array);
    FAIL() << "a failed read was taken for data";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::storage);
    EXPECT_NE(std::string(error.what()).find("on fire"), std::string::npos);
  }
  EXPECT_EQ(read_all(array), counting(kShape));  // still usable
}

// C7: chunks of an array that was deleted are not fill values.
TEST_P(Transfer, C7DeletedArrayIsNotFillValues) {
  const auto store = make_memory_store();
  const Array array = make(store, int32_array(kShape, kChunks));
  write_all(array, counting(kShape));
  erase_prefix(*store, "");
  try {
    read_all(array);
    FAIL() << "read fill values from a deleted array";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::node_not_found);
  }
}

TEST_P(Transfer, AStoreThatAnswersLaterIsReadWithManyInFlight) {
  const auto memory = make_memory_store();
  {
    const Array array = make(memory, int32_array(kShape, kChunks));
    write_all(array, counting(kShape));
  }
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::milliseconds(20));
  const Array array = Array::open(slow, "", open_options());
  CallOptions options;
  options.parallel = 20;
  EXPECT_EQ(read_all(array, options), counting(kShape));
  EXPECT_EQ(slow->most_in_flight(), 20u);  // all chunks, and no thread for each
}

TEST_P(Transfer, InterruptStopsAReadAndLeavesTheOutputAlone) {
  const auto memory = make_memory_store();
  const Array writer = make(memory, int32_array({64}, {1}));
  write_all(writer, counting({64}));
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::milliseconds(30));
  const Array array = Array::open(slow, "", open_options());
  CallOptions options;
  options.parallel = 1;
  int asked = 0;
  options.interrupt = [&] { return ++asked == 2; };
  try {
    read_all(array, options);
    FAIL() << "was not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
  EXPECT_EQ(asked, 2);
}

// Sixteen writers on disjoint parts of the same chunks: nothing may be lost.
TEST_P(Transfer, SameChunkWritersLoseNothing) {
  const Array array = make(int32_array({64}, {32}));
  constexpr int kRounds = 40;
  std::vector<std::thread> writers;
  for (int w = 0; w < 16; ++w) {
    writers.emplace_back([&, w] {
      for (int round = 1; round <= kRounds; ++round) {
        const std::vector<std::int32_t> value(4, round);
        array.write({{w}, {16}, {4}}, view_of(value, {4}));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(read_all(array), std::vector<std::int32_t>(64, kRounds));
}

// A covering writer and a partial one on the same chunk: the partial one must not put back what the
// covering one replaced.
TEST_P(Transfer, CoveringWritersAreNotUndoneByPartialOnes) {
  const Array array = make(int32_array({32}, {32}));
  for (int round = 1; round <= 100; ++round) {
    std::thread covering([&] { write_all(array, std::vector<std::int32_t>(32, round)); });
    std::thread partial([&] {
      const std::vector<std::int32_t> one{-round};
      array.write({{7}, {1}, {1}}, view_of(one, {1}));
    });
    covering.join();
    partial.join();
    const auto now = read_all(array);
    for (std::size_t i = 0; i < 32; ++i) {
      if (i == 7) {
        EXPECT_TRUE(now[i] == round || now[i] == -round);
      } else {
        ASSERT_EQ(now[i], round);
      }
    }
  }
}

TEST_P(Transfer, WrongMemoryIsRefused) {
  const Array array = make(int32_array(kShape, kChunks));
  std::vector<std::int32_t> small(10);
  EXPECT_THROW(array.read(Selection::all(kShape), view_of(small, {10})), Error);
}

TEST_P(Transfer, ReadOnlyHandlesRefuseToWrite) {
  const auto store = make_memory_store();
  make(store, int32_array({4}, {2}));
  OpenOptions options = open_options();
  options.read_only = true;
  const Array array = Array::open(store, "", options);
  try {
    write_all(array, {1, 2, 3, 4});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::read_only);
  }
  EXPECT_FALSE(store->exists("c/0"));
}

INSTANTIATE_TEST_SUITE_P(Executors, Transfer, testing::ValuesIn(all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace zarrloom
