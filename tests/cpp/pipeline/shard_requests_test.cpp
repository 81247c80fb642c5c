// Lists and many reads from shards of a store that is far away: chunks that lie close to each other
// come with one request.
#include <gtest/gtest.h>

#include <numeric>

#include "fakes/counting_store.h"
#include "fakes/slow_store.h"
#include "zarrloom/array/array.h"

namespace zarrloom {
namespace {

const Dims kShape{50, 37};
const Dims kShards{24, 16};
const Dims kChunks{4, 8};  // twelve in a shard, of 128 bytes

class ShardRequests : public testing::Test {
 protected:
  std::shared_ptr<Store> memory = make_memory_store();
  std::shared_ptr<fakes::CountingStore> counted = std::make_shared<fakes::CountingStore>(memory);
  std::vector<std::int32_t> values = std::vector<std::int32_t>(50 * 37);

  Array make(Coalescing coalescing) {
    OpenOptions options;
    RuntimeOptions of_runtime{.threads = 4};
    of_runtime.coalescing = coalescing;
    options.runtime = std::make_shared<Runtime>(of_runtime);
    CreateOptions create;
    create.shape = kShape;
    create.chunk_shape = kChunks;
    create.shard_shape = kShards;
    create.dtype = dtype_from_numpy_name("int32");
    create.compressors.emplace();
    const Array array = Array::create(memory, "", create, true, options);
    std::iota(values.begin(), values.end(), 1);
    array.write(Selection::all(kShape), c_view(std::as_bytes(std::span(values)), kShape, 4));
    return Array::open(std::make_shared<fakes::SlowStore>(counted, std::chrono::microseconds(100)),
                       "", options);
  }

  // Reads these rows of the first eight columns, and says by how many requests.
  std::uint64_t read_rows(const Array& array, std::vector<std::int64_t> rows) {
    std::vector<std::int32_t> got(rows.size() * 8, -1), expected;
    for (const std::int64_t row : rows) {
      const auto first = values.begin() + row * 37;
      expected.insert(expected.end(), first, first + 8);
    }
    const Dims shape{static_cast<std::int64_t>(rows.size()), 8};
    const std::uint64_t before = counted->reads();
    array.read_indexed({{IndexAxis::listed({0}, std::move(rows)), IndexAxis::slice(1, 0, 1, 8)}},
                       c_view(std::as_writable_bytes(std::span(got)), shape, 4));
    EXPECT_EQ(got, expected);
    return counted->reads() - before;
  }
};

constexpr Coalescing kNear{.gap = 4096, .maximum = 1 << 20};

TEST_F(ShardRequests, ChunksOfAListComeTogether) {
  const Array array = make(kNear);
  EXPECT_EQ(read_rows(array, {9, 0, 5, 1}), 2u);  // three chunks of a shard: its index, one range
  EXPECT_EQ(read_rows(array, {9, 0, 5, 1}), 1u);  // the index is remembered
  EXPECT_EQ(read_rows(array, {0, 30, 5, 45, 30}), 3u);  // a range here, index and range there
  EXPECT_EQ(read_rows(array, {45, 0}), 2u);             // a range of each
}

TEST_F(ShardRequests, OneByOneWhereTheGapIsTooWide) {
  const Array array = make({.gap = 0, .maximum = 1});
  EXPECT_EQ(read_rows(array, {0, 5, 9}), 4u);
}

TEST_F(ShardRequests, ShardsThatAreMostlyWantedComeAsAWhole) {
  const Array array = make(kNear);
  EXPECT_EQ(read_rows(array, {0, 4, 8, 12, 16, 20}), 1u);  // half of the shard's chunks
}

TEST_F(ShardRequests, ManyReadsComeTogether) {
  const Array array = make(kNear);
  std::vector<std::int32_t> a(4), b(4), c(6, -1);
  const auto view = [](std::vector<std::int32_t>& memory, const Dims& shape) {
    return c_view(std::as_writable_bytes(std::span(memory)), shape, 4);
  };
  const IndexSelection points{{IndexAxis::listed({0, 1}, {9, 3, 0, 0, -50, 1})}};
  const IndexSelection rows{{IndexAxis::listed({0}, {1, 6, 1}), IndexAxis::slice(1, 2, 3, 2)}};
  std::vector<std::int32_t> d(3);
  const std::uint64_t before = counted->reads();
  array.read_many({{Selection::box({0, 0}, {2, 2}), view(a, {2, 2})},
                   {Selection::box({3, 0}, {2, 2}), view(b, {2, 2})},
                   {rows, view(c, {3, 2})},
                   {points, view(d, {3})}});
  EXPECT_EQ(counted->reads() - before, 2u);  // three chunks of one shard, wanted eight times
  EXPECT_EQ(a, (std::vector<std::int32_t>{1, 2, 38, 39}));
  EXPECT_EQ(b, (std::vector<std::int32_t>{112, 113, 149, 150}));
  EXPECT_EQ(c, (std::vector<std::int32_t>{40, 43, 225, 228, 40, 43}));
  EXPECT_EQ(d, (std::vector<std::int32_t>{337, 1, 2}));
}

TEST_F(ShardRequests, WhatIsMissingIsFilled) {
  const Array array = make(kNear);
  memory->erase("c/1/0");
  std::vector<std::int32_t> got(4, -1);
  array.read_indexed({{IndexAxis::listed({0}, {30, 0}), IndexAxis::listed({1}, {2, 1})}},
                     c_view(std::as_writable_bytes(std::span(got)), {2, 2}, 4));
  EXPECT_EQ(got, (std::vector<std::int32_t>{0, 0, 3, 2}));
}

}  // namespace
}  // namespace zarrloom
