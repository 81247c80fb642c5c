#include "zarrloom/pipeline/reduce.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "fakes/arrays.h"
#include "fakes/counting_store.h"
#include "fakes/slow_store.h"
#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/merge_tree.h"

namespace zarrloom {
namespace {

using namespace fakes;

const Dims kShape{37, 53};
const Dims kChunks{8, 16};

ReduceRequest request_for(const Selection& selection, const Dims& reduced,
                          std::vector<Statistic> wanted) {
  ReduceRequest request;
  request.selection = selection;
  request.reversed = Dims::filled(reduced.size(), 0);
  request.reduced = reduced;
  request.statistics.wanted = std::move(wanted);
  return request;
}

template <typename T>
std::vector<T> as(const Bytes& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

class Reduce : public testing::TestWithParam<Workers> {
 protected:
  std::shared_ptr<Runtime> runtime = std::make_shared<Runtime>(GetParam().options);
  std::shared_ptr<Store> memory = make_memory_store();

  Array open(const std::shared_ptr<Store>& store) {
    OpenOptions options;
    options.runtime = runtime;
    return Array::open(store, "", options);
  }

  Array make(const std::shared_ptr<Store>& store) {
    OpenOptions options;
    options.runtime = runtime;
    write_all(Array::create(memory, "", int32_array(kShape, kChunks), true, options),
              counting(kShape));
    return open(store);
  }

  // Numbers of all sizes, whose sum shows in which order it was made.
  Array make_floats(const std::shared_ptr<Store>& store) {
    OpenOptions options;
    options.runtime = runtime;
    CreateOptions create = int32_array({40, 60, 50}, {7, 11, 13});
    create.dtype = dtype_from_numpy_name("float64");
    const Array array = Array::create(memory, "", create, true, options);
    std::mt19937_64 random(7);
    std::vector<double> values(40 * 60 * 50);
    for (auto& value : values) {
      value = std::ldexp(static_cast<double>(random()) - 0x1p63, static_cast<int>(random() % 40));
    }
    array.write(Selection::all(array.shape()),
                c_view(std::as_bytes(std::span(values)), array.shape(), 8));
    return open(store);
  }
};

TEST_P(Reduce, ASelectionAlongAnAxisFromEitherKindOfStore) {
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::microseconds(200));
  const Selection selection{{2, 1}, {3, 2}, {11, 26}};
  for (const std::shared_ptr<Store>& store : {memory, std::shared_ptr<Store>(slow)}) {
    const Array array = make(store);
    std::vector<std::int32_t> values(11 * 26);
    array.read(selection, view_of(values, selection.count));
    ReduceRequest request = request_for(selection, {1, 0}, {Statistic::max, Statistic::argmin});
    for (const bool reversed : {false, true}) {
      request.reversed = {reversed, reversed};
      const std::vector<Bytes> got = array.reduce(request);
      const auto max = as<std::int32_t>(got[0]);
      const auto place = as<std::int64_t>(got[1]);
      for (std::size_t j = 0; j < 26; ++j) {
        const std::size_t column = reversed ? 25 - j : j;
        EXPECT_EQ(max[j], values[10 * 26 + column]);
        EXPECT_EQ(place[j], reversed ? 10 : 0);  // values grow
      }
    }
  }
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(Reduce, TheSameBitsWhoeverDoesWhat) {
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::microseconds(50));
  const std::vector<Statistic> wanted{Statistic::sum, Statistic::mean, Statistic::variance};
  for (const Dims& reduced : {Dims{1, 1, 1}, Dims{1, 0, 0}, Dims{0, 1, 1}, Dims{0, 0, 1}}) {
    const Array here = make_floats(memory);
    const auto request = request_for(Selection::all(here.shape()), reduced, wanted);
    CallOptions alone;
    alone.parallel = 1;
    const std::vector<Bytes> expected = here.reduce(request, alone);
    for (const Array& array : {here, open(slow)}) {
      for (int round = 0; round < 3; ++round) {
        const std::vector<Bytes> got = array.reduce(request);
        for (std::size_t s = 0; s < wanted.size(); ++s) {
          EXPECT_TRUE(std::ranges::equal(got[s].view(), expected[s].view()));
        }
      }
    }
  }
}

TEST_P(Reduce, OnePassOverTheChunksAndNoneForACount) {
  const auto counted = std::make_shared<CountingStore>(memory);
  const Array array = make(counted);
  memory->erase("c/2/2");
  const auto before = counted->reads();
  const auto got = array.reduce(request_for(Selection::all(kShape), {1, 1},
                                            {Statistic::sum, Statistic::min, Statistic::argmin}));
  EXPECT_EQ(counted->reads() - before, 20u);  // chunks of the array
  EXPECT_EQ(as<std::int32_t>(got[1])[0], 0);  // the fill value
  EXPECT_EQ(as<std::int64_t>(got[2])[0], 16 * 53 + 32);
  const auto count = array.reduce(request_for(Selection::all(kShape), {1, 0}, {Statistic::count}));
  EXPECT_EQ(as<std::int64_t>(count[0]), std::vector<std::int64_t>(53, 37));
  EXPECT_EQ(counted->reads() - before, 20u);
}

TEST_P(Reduce, AFailureNamesTheChunkAndLeavesNothingBehind) {
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::microseconds(200));
  for (const std::shared_ptr<Store>& store : {memory, std::shared_ptr<Store>(slow)}) {
    const Array array = make(store);
    memory->write("c/3/1", as_byte_view("broken"));
    try {
      array.reduce(request_for(Selection::all(kShape), {1, 0}, {Statistic::sum}));
      FAIL() << "no failure";
    } catch (const Error& error) {
      EXPECT_EQ(error.failure().key, "c/3/1");
      EXPECT_EQ(error.code(), ErrorCode::corrupt_data);
    }
    EXPECT_EQ(runtime->budget().in_use(), 0u);
  }
}

TEST_P(Reduce, CanBeCancelled) {
  const Array array = make(memory);
  const auto request = request_for(Selection::all(kShape), {1, 1}, {Statistic::sum});
  CallOptions options;
  options.cancel = CancelToken::make();
  options.cancel.cancel();
  try {
    array.reduce(request, options);
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
}

TEST_P(Reduce, AnArrayThatIsGoneIsNotAllFillValues) {
  const Array array = make(memory);
  erase_prefix(*memory, "");
  try {
    array.reduce(request_for(Selection::all(kShape), {1, 1}, {Statistic::sum}));
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::node_not_found);
  }
}

INSTANTIATE_TEST_SUITE_P(Executors, Reduce, testing::ValuesIn(all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

// Things are texts that show how they were merged.
std::string merged(std::int64_t leaves, const std::vector<std::int64_t>& order) {
  MergeTree<std::string> tree(leaves);
  std::string whole;
  for (const std::int64_t leaf : order) {
    std::string thing = std::to_string(leaf);
    const auto merge = [](std::string& a, const std::string& b) { a = "(" + a + " " + b + ")"; };
    if (tree.put(0, leaf, thing, merge)) {
      EXPECT_TRUE(whole.empty());
      whole = thing;
    }
  }
  return whole;
}

TEST(MergeTree, IsTheSameInAnyOrder) {
  EXPECT_EQ(merged(1, {0}), "0");
  EXPECT_EQ(merged(5, {0, 1, 2, 3, 4}), "(((0 1) (2 3)) 4)");
  std::mt19937 random(3);
  for (std::int64_t leaves = 2; leaves < 40; ++leaves) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(leaves));
    std::iota(order.begin(), order.end(), 0);
    const std::string expected = merged(leaves, order);
    for (int round = 0; round < 5; ++round) {
      std::shuffle(order.begin(), order.end(), random);
      EXPECT_EQ(merged(leaves, order), expected);
    }
  }
}

TEST(MergeTree, ColumnsOfManyThreads) {
  constexpr std::int64_t kColumns = 50, kLeaves = 33;
  MergeTree<std::string> tree(kLeaves);
  std::atomic<std::int64_t> next = 0;
  std::atomic<int> whole = 0;
  const auto work = [&] {
    for (std::int64_t i = next++; i < kColumns * kLeaves; i = next++) {
      std::string thing(1, static_cast<char>('!' + i % kLeaves));
      const auto merge = [](std::string& a, const std::string& b) { a += b; };
      if (!tree.put(i / kLeaves, i % kLeaves, thing, merge)) continue;
      EXPECT_TRUE(std::ranges::is_sorted(thing) && thing.size() == kLeaves);
      ++whole;
    }
  };
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back(work);
  threads.clear();
  EXPECT_EQ(whole, kColumns);
}

}  // namespace
}  // namespace zarrloom
