// Arrays with shards: whatever way they are read and written, the elements are those of numpy.
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <thread>

#include "fakes/counting_store.h"
#include "fakes/slow_store.h"
#include "zarrloom/array/array.h"
#include "zarrloom/array/resize.h"
#include "zarrloom/base/error.h"
#include "zarrloom/base/strided_copy.h"

namespace zarrloom {
namespace {

const Dims kShape{50, 37};
const Dims kShards{24, 16};
const Dims kChunks{4, 8};

struct Row {
  const char* name;
  RuntimeOptions options;
  bool late;   // a store that answers later
  char order;  // 'F': chunks are transposed
  bool compress;
};

class Shards : public testing::TestWithParam<Row> {
 protected:
  std::shared_ptr<Runtime> runtime = std::make_shared<Runtime>(GetParam().options);
  std::shared_ptr<fakes::CountingStore> memory =
      std::make_shared<fakes::CountingStore>(make_memory_store());
  std::shared_ptr<Store> store =
      GetParam().late ? std::static_pointer_cast<Store>(std::make_shared<fakes::SlowStore>(
                            memory, std::chrono::microseconds(50)))
                      : memory;
  std::vector<std::int32_t> expected = std::vector<std::int32_t>(50 * 37, 7);

  OpenOptions options() const {
    OpenOptions options;
    options.runtime = runtime;
    return options;
  }

  Array make() {
    CreateOptions create;
    create.shape = kShape;
    create.chunk_shape = kChunks;
    create.shard_shape = kShards;
    create.dtype = dtype_from_numpy_name("int32");
    create.order = GetParam().order;
    create.fill_value = FillValue{std::byte{7}, std::byte{0}, std::byte{0}, std::byte{0}};
    if (!GetParam().compress) create.compressors.emplace();
    return Array::create(store, "a", create, false, options());
  }

  ArrayView expected_part(const Selection& box) {
    return sub_view(c_view(std::as_writable_bytes(std::span(expected)), kShape, 4), box.start,
                    box.step, box.count);
  }

  void write(const Array& array, const Selection& box, std::int32_t first) {
    const ArrayView part = expected_part(box);
    std::vector<std::int32_t> values(part.element_count());
    std::iota(values.begin(), values.end(), first);
    const ConstArrayView from = c_view(std::as_bytes(std::span(values)), box.count, 4);
    array.write(box, from);
    strided_copy(from, part);
  }

  std::vector<std::int32_t> read(const Array& array, const Selection& box) {
    std::vector<std::int32_t> values(expected_part(box).element_count(), -1);
    array.read(box, c_view(std::as_writable_bytes(std::span(values)), box.count, 4));
    return values;
  }

  std::vector<std::int32_t> wanted(const Selection& box) {
    const ArrayView part = expected_part(box);
    std::vector<std::int32_t> values(part.element_count());
    strided_copy(part, c_view(std::as_writable_bytes(std::span(values)), box.count, 4));
    return values;
  }
};

TEST_P(Shards, ReadsAndWritesOfAnyPart) {
  const Array array = make();
  EXPECT_EQ(array.chunk_shape(), kChunks);
  EXPECT_EQ(array.shard_shape(), kShards);
  EXPECT_EQ(read(array, Selection::all(kShape)), expected) << "nothing is stored";
  std::mt19937 random(1);
  const auto any = [&](std::int64_t below) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(below));
  };
  for (std::int32_t round = 0; round < 60; ++round) {
    Selection box = Selection::all(kShape);
    for (std::size_t d = 0; d < 2; ++d) {
      box.start[d] = any(kShape[d]);
      box.step[d] = 1 + any(round % 3 == 0 ? 9 : 1);
      box.count[d] = 1 + any((kShape[d] - 1 - box.start[d]) / box.step[d] + 1);
    }
    if (round % 2 == 0) write(array, box, round * 10000);
    ASSERT_EQ(read(array, box), wanted(box)) << round;
  }
  EXPECT_EQ(read(array, Selection::all(kShape)), expected);
  const Array again = Array::open(store, "a", options());
  EXPECT_EQ(read(again, Selection::all(kShape)), expected);
}

TEST_P(Shards, StreamsByChunkAndByShard) {
  const Array array = make();
  write(array, Selection::box({0, 0}, {30, 20}), 1000);
  for (const Unit unit : {Unit::chunk, Unit::object}) {
    ChunkStreamOptions options;
    options.unit = unit;
    options.skip_missing = true;
    options.ordered = false;
    const auto stream = array.stream(options);
    std::int64_t elements = 0;
    while (auto item = stream->next()) {
      const Selection box = chunk_selection(item->chunk, kShape, array.dataset()->grid_of(unit));
      const auto* data = reinterpret_cast<const std::int32_t*>(item->data.data());
      const std::vector<std::int32_t> values(data, data + item->data.size() / 4);
      EXPECT_EQ(values, wanted(box)) << to_string(item->chunk);
      elements += static_cast<std::int64_t>(values.size());
    }
    // 30 x 20 elements lie in 8 x 3 chunks, and in 2 x 2 shards.
    EXPECT_EQ(elements, unit == Unit::chunk ? 32 * 24 : 48 * 32);
  }
}

TEST_P(Shards, ChunksNextToEachOtherAreReadTogetherAndTheIndexOnce) {
  if (GetParam().options.index_cache == 0) return;
  const Array array = make();
  write(array, Selection::all(kShape), 0);
  const Selection one = Selection::box({1, 1}, {1, 1});
  std::uint64_t before = memory->reads();
  EXPECT_EQ(read(array, one), wanted(one));
  EXPECT_EQ(memory->reads() - before, 2u) << "index and chunk";
  before = memory->reads();
  EXPECT_EQ(read(array, one), wanted(one));
  EXPECT_EQ(memory->reads() - before, 1u) << "the index is remembered";
  before = memory->reads();
  const Selection rows = Selection::box({0, 0}, {8, 16});
  EXPECT_EQ(read(array, rows), wanted(rows));
  EXPECT_EQ(memory->reads() - before, 1u) << "four chunks";
  write(array, Selection::box({0, 0}, {1, 1}), 99);
  EXPECT_EQ(read(array, one), wanted(one));
  EXPECT_EQ(read(array, rows), wanted(rows)) << "what is remembered is not believed";
}

TEST_P(Shards, AWriteToManyChunksWritesEachShardOnce) {
  const Array array = make();
  std::uint64_t before = memory->writes();
  write(array, Selection::all(kShape), 0);
  EXPECT_EQ(memory->writes() - before, 9u);
  before = memory->writes();
  write(array, Selection::box({3, 3}, {20, 10}), 5);  // of one shard, partly
  EXPECT_EQ(memory->writes() - before, 1u);
}

TEST_P(Shards, ReadersSeeOldShardsOrNewOnes) {
  if (GetParam().options.run_inline) return;
  const Array array = make();
  const Selection shard = Selection::box({0, 0}, {24, 16});
  const std::vector<std::int32_t> ones(24 * 16, 1), twos(24 * 16, 2);
  const auto put = [&](const std::vector<std::int32_t>& values) {
    array.write(shard, c_view(std::as_bytes(std::span(values)), shard.count, 4));
  };
  put(ones);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i) put(i % 2 == 0 ? twos : ones);
    stop = true;
  });
  while (!stop) {
    const Selection chunk = Selection::box({4, 8}, {4, 8});
    const std::vector<std::int32_t> values = read(array, chunk);
    EXPECT_TRUE(std::all_of(values.begin(), values.end(),
                            [&](std::int32_t value) { return value == values[0]; }));
    const std::vector<std::int32_t> all = read(array, shard);
    EXPECT_TRUE(std::all_of(all.begin(), all.end(),
                            [](std::int32_t value) { return value == 1 || value == 2; }));
  }
  writer.join();
}

TEST_P(Shards, ErrorsNameTheShard) {
  const Array array = make();
  write(array, Selection::all(kShape), 0);
  memory->write("a/c/0/1", as_byte_view("not a shard"));
  const auto message_of = [&](const Selection& box) {
    try {
      read(array, box);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt_data);
      return error.failure().message;
    }
    return std::string("none");
  };
  EXPECT_NE(message_of(Selection::box({0, 16}, {1, 1})).find("a/c/0/1: shard index"),
            std::string::npos)
      << message_of(Selection::box({0, 16}, {1, 1}));
  EXPECT_NE(message_of(Selection::all(kShape)).find("a/c/0/1"), std::string::npos);
}

TEST_P(Shards, ShrinkingResetsWhatIsOutside) {
  Array array = make();
  write(array, Selection::all(kShape), 0);
  array = resize(array, {30, 10});
  array = resize(array, kShape);
  for (std::int64_t r = 0; r < 50; ++r) {
    for (std::int64_t c = 0; c < 37; ++c) {
      if (r >= 30 || c >= 10) expected[static_cast<std::size_t>(r * 37 + c)] = 7;
    }
  }
  EXPECT_EQ(read(array, Selection::all(kShape)), wanted(Selection::all(kShape)));
}

INSTANTIATE_TEST_SUITE_P(
    Pipeline, Shards,
    testing::Values(Row{"inline", {.run_inline = true}, false, 'C', true},
                    Row{"one", {.threads = 1}, false, 'C', false},
                    Row{"four", {.threads = 4}, false, 'C', true},
                    Row{"four_transposed", {.threads = 4}, false, 'F', true},
                    Row{"inline_late", {.run_inline = true}, true, 'C', false},
                    Row{"one_late", {.threads = 1}, true, 'F', true},
                    Row{"four_late", {.threads = 4}, true, 'C', true},
                    Row{"small_ranges",
                        {.threads = 4, .index_cache = 0, .coalescing = {.gap = 0, .maximum = 1}},
                        false,
                        'C',
                        true}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace zarrloom
