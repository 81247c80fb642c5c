// Selections by lists: equal to picking the elements one by one, each chunk decoded once.
#include <gtest/gtest.h>

#include <future>
#include <random>

#include "fakes/arrays.h"
#include "fakes/counting_store.h"
#include "fakes/slow_store.h"
#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/index_plan.h"

namespace zarrloom {
namespace {

using namespace fakes;

const Dims kShape{23, 17, 11};

struct Layout {
  const char* name;
  Dims chunks;
  std::optional<Dims> shards;
  bool compressed;
};

const Layout kLayouts[] = {{"chunks", {5, 4, 6}, {}, true},
                           {"raw", {5, 4, 6}, {}, false},
                           {"one", {23, 17, 11}, {}, true},
                           {"shards", {3, 4, 2}, Dims{9, 8, 6}, true}};

class Indexed : public testing::TestWithParam<std::tuple<Workers, Layout, bool>> {
 protected:
  const Workers workers = std::get<0>(GetParam());
  const Layout layout = std::get<1>(GetParam());
  std::shared_ptr<Runtime> runtime = std::make_shared<Runtime>(workers.options);
  std::shared_ptr<CountingStore> counted = std::make_shared<CountingStore>(make_memory_store());
  std::mt19937 random{7};

  std::int64_t below(std::int64_t n) {
    return std::uniform_int_distribution<std::int64_t>(0, n - 1)(random);
  }

  Array make() {
    CreateOptions create = int32_array(kShape, layout.chunks);
    create.shard_shape = layout.shards;
    if (!layout.compressed) create.compressors.emplace();
    OpenOptions options;
    options.runtime = runtime;
    write_all(Array::create(counted, "", create, true, options), counting(kShape));
    std::shared_ptr<Store> store = counted;
    if (std::get<2>(GetParam())) {
      store = std::make_shared<SlowStore>(counted, std::chrono::microseconds(100));
    }
    return Array::open(store, "", options);
  }

  IndexAxis random_slice(std::size_t d) {
    const std::int64_t start = below(kShape[d]), step = 1 + below(4);
    return IndexAxis::slice(d, start, step, below((kShape[d] - start - 1) / step + 2));
  }

  IndexAxis random_points(std::vector<std::size_t> dims) {
    const std::int64_t style = below(4);
    const std::int64_t count = style == 0 ? 1 : below(40);
    std::vector<std::int64_t> points;
    for (std::int64_t i = 0; i < count; ++i) {
      for (const std::size_t d : dims) {
        const std::int64_t extent = kShape[d];
        points.push_back(style == 1 ? (i + 3) % extent : below(2 * extent) - extent);
      }
    }
    return IndexAxis::listed(std::move(dims), std::move(points));
  }

  IndexSelection random_selection() {
    std::vector<std::size_t> dims{0, 1, 2};
    std::shuffle(dims.begin(), dims.end(), random);
    IndexSelection selection;
    while (!dims.empty()) {
      const auto taken =
          static_cast<std::ptrdiff_t>(1 + below(static_cast<std::int64_t>(dims.size())));
      std::vector<std::size_t> mine(dims.end() - taken, dims.end());
      dims.resize(dims.size() - static_cast<std::size_t>(taken));
      const bool slice = taken == 1 && below(2) == 0;
      selection.axes.push_back(slice ? random_slice(mine[0]) : random_points(std::move(mine)));
    }
    return selection;
  }

  // Where in a C-ordered array of kShape the elements of a selection lie, in the memory's order.
  static std::vector<std::size_t> places(IndexSelection selection) {
    resolve(selection, kShape);
    const Dims shape = selection.shape();
    std::vector<std::size_t> places;
    const std::int64_t count = checked_product(shape, "n");
    for (std::int64_t n = 0; n < count; ++n) {
      Dims at = Dims::filled(3, 0);
      std::int64_t rest = n;
      for (std::size_t a = shape.size(); a-- > 0; rest /= shape[a]) {
        const IndexAxis& axis = selection.axes[a];
        const std::int64_t k = rest % shape[a];
        for (std::size_t i = 0; i < axis.dims.size(); ++i) {
          const auto point = static_cast<std::size_t>(k) * axis.dims.size() + i;
          at[axis.dims[i]] = axis.is_slice ? axis.start + k * axis.step : axis.points[point];
        }
      }
      places.push_back(static_cast<std::size_t>((at[0] * kShape[1] + at[1]) * kShape[2] + at[2]));
    }
    return places;
  }
};

TEST_P(Indexed, ReadsWhatPickingGivesAndEachChunkOnce) {
  const Array array = make();
  const auto values = counting(kShape);
  for (int round = 0; round < 60; ++round) {
    const IndexSelection selection = random_selection();
    const std::vector<std::size_t> at = places(selection);
    std::vector<std::int32_t> expected, got(at.size(), -1);
    for (const std::size_t place : at) expected.push_back(values[place]);
    const auto before = counted->reads();
    array.read_indexed(selection, view_of(got, selection.shape()));
    ASSERT_EQ(got, expected) << round;
    if (!array.dataset()->has_shards()) {
      EXPECT_LE(counted->reads() - before,
                static_cast<std::uint64_t>(checked_product(array.grid(), "chunks")));
    }
  }
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(Indexed, WritesWhatAssigningOneByOneGives) {
  const Array array = make();
  auto values = counting(kShape);
  for (int round = 0; round < 40; ++round) {
    const IndexSelection selection = random_selection();
    const std::vector<std::size_t> at = places(selection);
    std::vector<std::int32_t> from(at.size());
    for (std::size_t i = 0; i < at.size(); ++i) {
      from[i] = static_cast<std::int32_t>(1000 * (round + 1)) + static_cast<std::int32_t>(i);
      values[at[i]] = from[i];
    }
    array.write_indexed(selection, view_of(std::as_const(from), selection.shape()));
    ASSERT_EQ(read_all(array), values) << round;
  }
}

TEST_P(Indexed, ReadsIntoStridedMemoryWithoutWaiting) {
  const Array array = make();
  const IndexSelection selection{{IndexAxis::listed({1}, {3, 2, 2, 16}),
                                  IndexAxis::slice(0, 1, 3, 7), IndexAxis::listed({2}, {5})}};
  std::vector<std::int32_t> expected(28), memory(56, -1);
  array.read_indexed(selection, view_of(expected, {4, 7, 1}));
  const ArrayView backwards{
      reinterpret_cast<std::byte*>(memory.data() + 55), {4, 7, 1}, {-56, -8, -4}, 4};
  std::promise<std::optional<Failure>> done;
  array.start_read_indexed(selection, backwards, {},
                           [&](std::optional<Failure> failure) { done.set_value(failure); });
  EXPECT_FALSE(done.get_future().get());
  for (std::size_t i = 0; i < 28; ++i) EXPECT_EQ(memory[55 - 2 * i], expected[i]);
}

TEST_P(Indexed, APermutationOfAllReplacesChunksWithoutReadingThem) {
  const Array array = make();
  std::vector<std::int64_t> rows(static_cast<std::size_t>(kShape[0]));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i * 5 % 23);
  const IndexSelection selection{
      {IndexAxis::listed({0}, rows), IndexAxis::slice(1, 0, 1, 17), IndexAxis::slice(2, 0, 1, 11)}};
  const auto values = counting(kShape);
  const auto before = counted->reads();
  array.write_indexed(selection, view_of(values, kShape));
  EXPECT_EQ(counted->reads(), before);
  std::vector<std::int32_t> got(values.size());
  array.read_indexed(selection, view_of(got, kShape));
  EXPECT_EQ(got, values);
}

TEST_P(Indexed, MistakesAreNamed) {
  const Array array = make();
  std::vector<std::int32_t> memory(3 * 17 * 11);
  const auto read = [&](IndexAxis axis) {
    try {
      array.read_indexed(
          {{std::move(axis), IndexAxis::slice(1, 0, 1, 17), IndexAxis::slice(2, 0, 1, 11)}},
          view_of(memory, {3, 17, 11}));
    } catch (const Error& error) {
      return error.failure();
    }
    return Failure{};
  };
  EXPECT_EQ(read(IndexAxis::listed({0}, {1, 23, 2})).message,
            "index 23 is out of bounds for axis 0 with size 23");
  EXPECT_EQ(read(IndexAxis::listed({0}, {1, -24, 2})).code, ErrorCode::selection);
  EXPECT_EQ(read(IndexAxis::listed({1}, {1, 2, 3})).code, ErrorCode::invalid_argument);
  EXPECT_EQ(read(IndexAxis::slice(0, 0, 2, 13)).code, ErrorCode::selection);
  EXPECT_EQ(read(IndexAxis::listed({0}, {1, 2})).code, ErrorCode::invalid_argument);
}

TEST(IndexPlan, AGridWhoseChunksCannotBeNumberedIsRefused) {
  const std::int64_t huge = std::int64_t{1} << 40;
  const IndexSelection points{{IndexAxis::listed({0, 1}, {huge - 1, 5, 0, 5})}};
  try {
    IndexPlan({huge, huge}, {1, 1}, points);
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.failure().code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(IndexPlan({huge, huge}, {huge / 2, 1 << 20}, points).task_count(), 2);
}

INSTANTIATE_TEST_SUITE_P(Pipeline, Indexed,
                         testing::Combine(testing::ValuesIn(all_workers()),
                                          testing::ValuesIn(kLayouts), testing::Bool()),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_" +
                                  std::get<1>(info.param).name +
                                  (std::get<2>(info.param) ? "_late" : "");
                         });

}  // namespace
}  // namespace zarrloom
