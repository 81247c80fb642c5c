#include "zarrloom/pipeline/plan.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

// Every selected element must be in exactly one task, at the right place.
void check_plan(const Dims& shape, const ChunkGrid& grid, const Selection& selection) {
  const Plan plan(shape, grid, selection);
  std::set<std::pair<std::int64_t, std::int64_t>> seen;  // (row, column) of the selection
  for (std::int64_t i = 0; i < plan.task_count(); ++i) {
    const ChunkTask task = plan.task(i);
    const Dims origin = grid.origin_of(task.chunk), chunks = grid.shape_of(task.chunk);
    EXPECT_EQ(plan.find(task.chunk), i);
    std::int64_t inside = 1, selected = 1;
    for (std::size_t d = 0; d < 2; ++d) {
      inside *= std::min(chunks[d], shape[d] - origin[d]);
      selected *= task.count[d];
      ASSERT_GT(task.count[d], 0);
    }
    EXPECT_EQ(task.covers_chunk, inside == selected);
    for (std::int64_t r = 0; r < task.count[0]; ++r) {
      for (std::int64_t c = 0; c < task.count[1]; ++c) {
        const std::int64_t k[2] = {r, c};
        for (std::size_t d = 0; d < 2; ++d) {
          const std::int64_t in_array = origin[d] + task.start[d] + k[d] * task.step[d];
          const std::int64_t wanted =
              selection.start[d] + (task.out_start[d] + k[d]) * selection.step[d];
          ASSERT_EQ(in_array, wanted);
          ASSERT_LT(task.start[d] + k[d] * task.step[d], chunks[d]);
        }
        ASSERT_TRUE(seen.emplace(task.out_start[0] + r, task.out_start[1] + c).second);
      }
    }
  }
  EXPECT_EQ(static_cast<std::int64_t>(seen.size()), selection.count[0] * selection.count[1]);
}

TEST(Plan, CoversRandomSelectionsExactlyOnce) {
  std::mt19937 random(7);
  auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  for (int round = 0; round < 500; ++round) {
    Dims shape, chunks;
    Selection selection;
    for (int d = 0; d < 2; ++d) {
      shape.push_back(pick(1, 30));
      chunks.push_back(pick(1, 35));
      const std::int64_t start = pick(0, shape[static_cast<std::size_t>(d)] - 1);
      const std::int64_t step = pick(1, 12);
      selection.start.push_back(start);
      selection.step.push_back(step);
      selection.count.push_back(
          pick(0, (shape[static_cast<std::size_t>(d)] - 1 - start) / step + 1));
    }
    check_selection(selection, shape);
    check_plan(shape, chunks, selection);
  }
}

TEST(Plan, CoversRandomSelectionsOfRectilinearGridsExactlyOnce) {
  std::mt19937 random(11);
  auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  for (int round = 0; round < 1000; ++round) {
    Dims shape, sizes;
    std::vector<std::optional<ChunkRuns>> runs;
    Selection selection;
    for (int d = 0; d < 2; ++d) {
      shape.push_back(pick(1, 40));
      sizes.push_back(pick(1, 9));
      const std::int64_t extent = shape[static_cast<std::size_t>(d)];
      runs.emplace_back();
      if (pick(0, 3) > 0) {
        runs.back().emplace();
        while (runs.back()->empty() || runs.back()->back().end() < extent) {
          add_chunks(*runs.back(), pick(1, 9), pick(1, 3));
        }
        if (pick(0, 1) == 1) add_chunks(*runs.back(), 5, 2);  // beyond the array's end
      }
      const std::int64_t start = pick(0, extent - 1);
      const std::int64_t step = pick(1, 12);
      selection.start.push_back(start);
      selection.step.push_back(step);
      selection.count.push_back(pick(0, (extent - 1 - start) / step + 1));
    }
    check_plan(shape, ChunkGrid(sizes, runs), selection);
  }
}

TEST(Plan, OfTrillionsOfChunksOfTwoSizesCostsNothing) {
  ChunkRuns runs;
  add_chunks(runs, 3, std::int64_t{1} << 40);
  add_chunks(runs, 7, std::int64_t{1} << 40);
  const Dims shape{std::int64_t{10} << 40};
  const ChunkGrid grid(Dims{1}, {{runs}});
  const Plan plan(shape, grid, Selection{{0}, {5}, {std::int64_t{2} << 40}});
  const Dims first_of_seven{std::int64_t{1} << 40};
  const auto number = plan.find(first_of_seven);
  ASSERT_TRUE(number);
  EXPECT_EQ(plan.task(*number).chunk, first_of_seven);
  EXPECT_EQ(plan.task(0).chunk, (Dims{0}));
  // Steps of 5 touch every chunk of 7, and at most one element of each chunk of 3.
  EXPECT_EQ(plan.task(plan.task_count() - 1).chunk, (Dims{(std::int64_t{2} << 40) - 1}));
}

TEST(ChunkGrid, SizesThatAddUpToMoreThan64BitsAreRefused) {
  ChunkRuns runs;
  add_chunks(runs, std::int64_t{1} << 40, std::int64_t{1} << 22);
  EXPECT_THROW(add_chunks(runs, std::int64_t{1} << 40, std::int64_t{1} << 23), Error);
  EXPECT_THROW(add_chunks(runs, 0, 1), Error);
}

TEST(ChunkGrid, GrowsByOneChunkOfWhatIsMissing) {
  ChunkRuns runs;
  add_chunks(runs, 3, 2);
  add_chunks(runs, 4, 1);
  const ChunkGrid grid(Dims{1, 5}, {{runs}, std::nullopt});
  EXPECT_EQ(grid.grown_to({10, 99}, {1, 1}), grid);  // reaches that far, or has no end
  const ChunkGrid grown = grid.grown_to({15, 5}, {1, 1});
  EXPECT_EQ(grid_shape({15, 5}, grown), (Dims{4, 1}));
  EXPECT_EQ(grown.shape_of({3, 0}), (Dims{5, 5}));
  EXPECT_EQ(grid.grown_to({15, 5}, {4, 5}).shape_of({3, 0}), (Dims{8, 5}));  // whole chunks of 4
}

TEST(Plan, ZeroDimensionalArrayHasOneTask) {
  const Plan plan({}, {}, Selection::all({}));
  ASSERT_EQ(plan.task_count(), 1);
  EXPECT_TRUE(plan.task(0).covers_chunk);
}

TEST(Plan, EmptySelectionHasNoTask) {
  EXPECT_EQ(Plan({0, 4}, {2, 2}, Selection::all({0, 4})).task_count(), 0);
}

// A7: a huge shape costs nothing as long as little of it is selected.
TEST(Plan, A7HugeShapeWithASmallSelection) {
  const std::int64_t huge = std::int64_t{1} << 62;
  const Selection one = Selection::box({huge - 1, 5}, {1, 1});
  const Plan plan({huge, huge}, {1, 1}, one);
  ASSERT_EQ(plan.task_count(), 1);
  EXPECT_EQ(plan.task(0).chunk, (Dims{huge - 1, 5}));
}

TEST(Plan, ChunkAsLargeAsNumbersGo) {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const Plan plan({most}, {most}, {{0}, {most / 2}, {3}});
  ASSERT_EQ(plan.task_count(), 1);
  EXPECT_EQ(plan.task(0).count, (Dims{3}));
}

TEST(Selection, RefusesWhatIsOutside) {
  const Dims shape{10};
  const auto refused = [&](std::int64_t start, std::int64_t step, std::int64_t count) {
    try {
      check_selection({{start}, {step}, {count}}, shape);
    } catch (const Error& error) {
      return error.code() == ErrorCode::selection;
    }
    return false;
  };
  EXPECT_TRUE(refused(10, 1, 1));
  EXPECT_TRUE(refused(-1, 1, 1));
  EXPECT_TRUE(refused(0, 0, 1));
  EXPECT_TRUE(refused(0, 5, 3));
  EXPECT_TRUE(refused(1, std::numeric_limits<std::int64_t>::max(), 3));
  EXPECT_FALSE(refused(0, 9, 2));
  EXPECT_FALSE(refused(10, 1, 0));
}

TEST(Grid, ChunkSelectionIsClippedAtTheEdge) {
  EXPECT_EQ(grid_shape({10, 0}, {4, 4}), (Dims{3, 0}));
  const Selection edge = chunk_selection({2}, {10}, {4});
  EXPECT_EQ(edge.start, (Dims{8}));
  EXPECT_EQ(edge.count, (Dims{2}));
  EXPECT_THROW(chunk_selection({3}, {10}, {4}), Error);
  EXPECT_EQ(chunk_from_number(4, {2, 3}), (Dims{1, 1}));
  EXPECT_THROW(chunk_from_number(6, {2, 3}), Error);
}

TEST(Plan, FindsTheTaskOfEachChunk) {
  for (const std::int64_t step : {1, 3, 7, 8, 9, 20}) {
    const Selection selection{{5, 0}, {step, 2}, {(60 - 5 - 1) / step + 1, 6}};
    const Plan plan({60, 13}, {8, 5}, selection);
    std::int64_t found = 0;
    const Dims grid = grid_shape({60, 13}, {8, 5});
    for (std::int64_t n = 0; n < checked_product(grid, "grid"); ++n) {
      const Dims chunk = chunk_from_number(n, grid);
      EXPECT_EQ(chunk_number(chunk, grid), n);
      const auto task = plan.find(chunk);
      if (!task) continue;
      ++found;
      EXPECT_EQ(plan.task(*task).chunk, chunk) << "step " << step;
      const Selection place = plan.place(plan.task(*task));
      const Selection bounds = chunk_selection(chunk, {60, 13}, {8, 5});
      for (std::size_t d = 0; d < 2; ++d) {
        EXPECT_EQ((place.start[d] - selection.start[d]) % selection.step[d], 0);
        EXPECT_GE(place.start[d], bounds.start[d]);
        EXPECT_LT(place.start[d] + (place.count[d] - 1) * place.step[d],
                  bounds.start[d] + bounds.count[d]);
      }
    }
    EXPECT_EQ(found, plan.task_count()) << "step " << step;
  }
  EXPECT_FALSE(Plan({60}, {8}, {{0}, {1}, {0}}).find({0}));
}

TEST(Grid, PartsAreWholeChunksAndMakeUpTheArray) {
  for (const std::int64_t n : {1, 2, 3, 4, 5, 6, 7}) {
    std::int64_t at = 0;
    const auto parts = partition({3, 22}, {2, 4}, n, 1);
    EXPECT_EQ(parts.size(), static_cast<std::size_t>(std::min<std::int64_t>(n, 6)));
    for (const Selection& part : parts) {
      EXPECT_EQ(part.count[0], 3);
      EXPECT_EQ(part.start[1], at);
      EXPECT_EQ(at % 4, 0);
      EXPECT_GT(part.count[1], 0);
      at += part.count[1];
    }
    EXPECT_EQ(at, 22);
  }
  EXPECT_TRUE(partition({0}, {2}, 3, 0).empty());
  EXPECT_THROW(partition({3}, {2}, 0, 0), Error);
  EXPECT_THROW(partition({3}, {2}, 1, 1), Error);
}

}  // namespace
}  // namespace zarrloom
