// Append streams, over every kind of executor.
#include "zarrloom/array/append.h"

#include <gtest/gtest.h>

#include "base/expect_error.h"
#include "fakes/arrays.h"
#include "fakes/counting_store.h"
#include "fakes/faulty_store.h"
#include "zarrloom/array/resize.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

using namespace fakes;

template <typename Call>
void expect_naming(ErrorCode code, const std::string& what, const Call& call) {
  const std::string message = expect_error(code, call);
  EXPECT_NE(message.find(what), std::string::npos) << message;
}

class Append : public testing::TestWithParam<Workers> {
 protected:
  std::shared_ptr<Store> memory = make_memory_store();
  std::shared_ptr<FaultyStore> faulty = std::make_shared<FaultyStore>(memory);
  std::shared_ptr<CountingStore> counted = std::make_shared<CountingStore>(faulty);
  OpenOptions options;

  Append() { options.runtime = std::make_shared<Runtime>(GetParam().options); }
  Array make(const Dims& shape, const Dims& chunks) const {
    const Array array = Array::create(counted, "", int32_array(shape, chunks), true, options);
    write_all(array, counting(shape));
    return array;
  }
  Array reopened() const { return Array::open(counted, "", options); }
};

// Rows `from` up to `to` of counting({any, width}).
std::vector<std::int32_t> rows(std::int64_t from, std::int64_t to, std::int64_t width) {
  std::vector<std::int32_t> values(static_cast<std::size_t>((to - from) * width));
  std::iota(values.begin(), values.end(), static_cast<std::int32_t>(from * width + 1));
  return values;
}

void append_rows(AppendStream& stream, std::int64_t from, std::int64_t to, std::int64_t width) {
  const auto values = rows(from, to, width);
  stream.append(view_of(values, {to - from, width}));
}

TEST_P(Append, BlocksOfAnySizeFromAnyStart) {
  for (const std::int64_t start : {0, 1, 3, 4, 5}) {
    for (const std::int64_t block : {1, 2, 4, 7, 30}) {
      const Array array = make({start, 7}, {4, 3});
      AppendStream stream(array, 0);
      for (std::int64_t at = start; at < 30; at += block) {
        append_rows(stream, at, std::min<std::int64_t>(at + block, 30), 7);
      }
      EXPECT_EQ(stream.length(), 30);
      const Array grown = stream.close();
      EXPECT_EQ(grown.shape(), (Dims{30, 7}));
      EXPECT_EQ(array.shape(), (Dims{start, 7}));  // this handle keeps its own
      EXPECT_EQ(read_all(grown), counting({30, 7}));
      EXPECT_EQ(read_all(reopened()), counting({30, 7}));
    }
  }
  EXPECT_EQ(options.runtime->budget().in_use(), 0u);
}

TEST_P(Append, AlongAnotherAxis) {
  const Array array = make({7, 2}, {3, 4});
  AppendStream stream(array, 1);
  for (std::int32_t column = 2; column < 11; ++column) {
    const std::vector<std::int32_t> values(7, column);
    stream.append(view_of(values, {7, 1}));
  }
  const Array grown = stream.close();
  EXPECT_EQ(grown.shape(), (Dims{7, 11}));
  const auto values = read_all(grown);
  for (std::size_t i = 0; i < 7; ++i) {
    for (std::size_t j = 0; j < 11; ++j) {
      const auto expected =
          j < 2 ? static_cast<std::int32_t>(i * 2 + j + 1) : static_cast<std::int32_t>(j);
      ASSERT_EQ(values[i * 11 + j], expected);
    }
  }
}

TEST_P(Append, WholeRowsAreWrittenOnceAndNeverRead) {
  const Array array = make({0, 8}, {4, 4});
  const auto writes = counted->writes();
  AppendStream stream(array, 0);
  for (std::int64_t row = 0; row < 16; ++row) append_rows(stream, row, row + 1, 8);
  stream.close();
  EXPECT_EQ(counted->writes() - writes, 8u + 1u);  // the chunks and the metadata
}

TEST_P(Append, FlushMakesPartialRowsVisibleAndKeepsWhatOthersChangeThen) {
  const Array array = make({0, 4}, {4, 4});
  AppendStream stream(array, 0);
  append_rows(stream, 0, 2, 4);
  EXPECT_EQ(reopened().shape(), (Dims{0, 4}));  // nothing before the first flush
  const Array flushed = stream.flush();
  EXPECT_EQ(flushed.shape(), (Dims{2, 4}));
  EXPECT_EQ(read_all(flushed), rows(0, 2, 4));
  const std::vector<std::int32_t> mine{-1};
  flushed.write({{1, 1}, {1, 1}, {1, 1}}, view_of(mine, {1, 1}));
  append_rows(stream, 2, 9, 4);
  stream.flush();
  stream.flush();
  append_rows(stream, 9, 10, 4);
  auto expected = rows(0, 10, 4);
  expected[5] = -1;
  EXPECT_EQ(read_all(stream.close()), expected);
  EXPECT_EQ(read_all(stream.close()), expected);
  const auto row = rows(0, 1, 4);
  EXPECT_THROW(stream.append(view_of(row, {1, 4})), Error);
}

TEST_P(Append, DroppedWithoutFlushTheArrayIsAsItWas) {
  const Array array = make({5, 4}, {4, 4});
  {
    AppendStream stream(array, 0);
    append_rows(stream, 5, 23, 4);
  }
  EXPECT_EQ(read_all(reopened()), counting({5, 4}));
  // What it left beyond the shape is not seen by those who append after it.
  AppendStream stream(reopened(), 0);
  append_rows(stream, 5, 6, 4);
  const Array grown = stream.close();
  EXPECT_EQ(read_all(grown), counting({6, 4}));
  const auto edge = read_object(*memory, "c/1/0");
  ASSERT_TRUE(edge);
}

// Another process changes the shape.
TEST_P(Append, AnotherShapeMeanwhileIsAConflict) {
  const Array array = make({0, 4}, {4, 4});
  OpenOptions elsewhere;
  elsewhere.runtime = std::make_shared<Runtime>(GetParam().options);
  AppendStream mine(array, 0), other(Array::open(counted, "", elsewhere), 0);
  append_rows(mine, 0, 1, 4);
  append_rows(other, 0, 2, 4);
  other.close();
  expect_naming(ErrorCode::conflict, "shape", [&] { mine.close(); });
  EXPECT_EQ(read_all(reopened()), rows(0, 2, 4));
  expect_naming(ErrorCode::conflict, "open it again", [&] { AppendStream(array, 0); });
}

TEST_P(Append, OneStreamAtATimeInAProcess) {
  const Array array = make({0, 4}, {4, 4});
  AppendStream stream(array, 0);
  append_rows(stream, 0, 3, 4);
  expect_naming(ErrorCode::conflict, "close that first", [&] { AppendStream(reopened(), 0); });
  expect_naming(ErrorCode::conflict, "close that first", [&] { resize(reopened(), {9, 4}); });
  const Array grown = stream.close();
  AppendStream next(grown, 0);
  append_rows(next, 3, 9, 4);
  EXPECT_EQ(read_all(next.close()), rows(0, 9, 4));
}

TEST_P(Append, AFailureEndsItAndTheShapeStaysTrue) {
  const Array array = make({0, 4}, {2, 4});
  AppendStream stream(array, 0);
  append_rows(stream, 0, 3, 4);
  stream.flush();
  faulty->fail_write(2, {.code = ErrorCode::storage, .message = "the disk is full"});
  const auto append = [&] {
    for (std::int64_t row = 3; row < 20; ++row) append_rows(stream, row, row + 1, 4);
    stream.flush();
  };
  expect_naming(ErrorCode::storage, "disk is full", append);
  expect_naming(ErrorCode::storage, "disk is full", [&] { stream.close(); });
  EXPECT_EQ(stream.close().shape(), (Dims{3, 4}));  // closed by the failure
  EXPECT_EQ(read_all(reopened()), rows(0, 3, 4));
}

TEST_P(Append, ABudgetBelowOneRowStillPassesAndOneAboveHolds) {
  for (const std::size_t limit : {std::size_t{1}, std::size_t{3 * 64}}) {
    options.runtime->configure({.threads = GetParam().options.threads,
                                .memory_limit = limit,
                                .run_inline = GetParam().options.run_inline});
    const auto before = options.runtime->budget().highest();
    AppendStream stream(make({0, 4}, {4, 4}), 0);
    for (std::int64_t at = 0; at < 200; at += 5) append_rows(stream, at, at + 5, 4);
    EXPECT_EQ(read_all(stream.close()), rows(0, 200, 4));
    EXPECT_LE(options.runtime->budget().highest(), std::max({before, limit, std::size_t{64}}));
    EXPECT_EQ(options.runtime->budget().in_use(), 0u);
  }
}

TEST_P(Append, WrongBlocksAndAxesAreRefused) {
  const Array array = make({2, 4}, {2, 4});
  expect_naming(ErrorCode::invalid_argument, "axis 2", [&] { AppendStream(array, 2); });
  AppendStream stream(array, 0);
  const std::vector<std::int32_t> six(6, 1);
  expect_naming(ErrorCode::invalid_argument, "(2, 3)",
                [&] { stream.append(view_of(six, {2, 3})); });
  stream.append(view_of(six, {0, 4}));
  EXPECT_EQ(stream.close().shape(), (Dims{2, 4}));
}

INSTANTIATE_TEST_SUITE_P(Executors, Append, testing::ValuesIn(all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace zarrloom
