#include "zarrloom/array/resize.h"

#include <gtest/gtest.h>

#include <random>

#include "base/expect_error.h"
#include "fakes/arrays.h"
#include "fakes/counting_store.h"
#include "zarrloom/array/append.h"

namespace zarrloom {
namespace {

using namespace fakes;

template <typename Call>
void expect_naming(ErrorCode code, const std::string& what, const Call& call) {
  const std::string message = expect_error(code, call);
  EXPECT_NE(message.find(what), std::string::npos) << message;
}

class Resize : public testing::TestWithParam<Workers> {
 protected:
  std::shared_ptr<Store> memory = make_memory_store();
  OpenOptions options;
  Resize() { options.runtime = std::make_shared<Runtime>(GetParam().options); }
  Array make(const Dims& shape, const Dims& chunks, int zarr_format = 3) const {
    CreateOptions create = int32_array(shape, chunks);
    create.zarr_format = zarr_format;
    const Array array = Array::create(memory, "", create, true, options);
    write_all(array, counting(shape));
    return array;
  }
};

// What numpy gives for the part of `values` that both shapes have, else 0.
std::vector<std::int32_t> reshaped(const std::vector<std::int32_t>& values, const Dims& from,
                                   const Dims& to) {
  std::vector<std::int32_t> result(static_cast<std::size_t>(to[0] * to[1]), 0);
  for (std::int64_t i = 0; i < std::min(from[0], to[0]); ++i) {
    for (std::int64_t j = 0; j < std::min(from[1], to[1]); ++j) {
      result[static_cast<std::size_t>(i * to[1] + j)] =
          values[static_cast<std::size_t>(i * from[1] + j)];
    }
  }
  return result;
}

TEST_P(Resize, AnyWayToAnyShape) {
  std::mt19937 random(11);
  const auto below = [&](std::int64_t n) {
    return std::uniform_int_distribution<std::int64_t>(0, n - 1)(random);
  };
  for (const int zarr_format : {2, 3}) {
    Array array = make({13, 17}, {4, 5}, zarr_format);
    auto values = counting({13, 17});
    for (int round = 0; round < 60; ++round) {
      const Dims old = array.shape();
      const Dims shape{below(20), below(20)};
      array = resize(array, shape);
      values = reshaped(values, old, shape);
      ASSERT_EQ(read_all(array), values) << to_string(old) << " to " << to_string(shape);
      ASSERT_EQ(read_all(Array::open(memory, "", options)), values);
    }
  }
}

TEST_P(Resize, ShrinkingErasesWholeChunks) {
  const Array array = resize(make({16, 16}, {4, 4}), {5, 8});
  EXPECT_EQ(array.grid(), (Dims{2, 2}));
  EXPECT_EQ(memory->list("c", ListDepth::all).size(), 4u);
  resize(array, {0, 8});
  EXPECT_TRUE(memory->list("c", ListDepth::all).empty());
}

TEST_P(Resize, GrowingCostsNoChunkThatIsNotAtTheEdge) {
  const auto counted = std::make_shared<CountingStore>(memory);
  make({8, 8}, {4, 4});
  const Array array = Array::open(counted, "", options);
  const auto writes = counted->writes(), lists = counted->lists();
  resize(array, {std::int64_t{1} << 40, 8});
  EXPECT_EQ(counted->writes() - writes, 1u);
  EXPECT_EQ(counted->lists() - lists, 1u);
}

TEST_P(Resize, WhatAnInterruptedWriterLeftDoesNotAppear) {
  const Array array = make({5, 4}, {4, 4});
  {
    AppendStream stream(array, 0);
    const std::vector<std::int32_t> block(60, -1);
    stream.append(view_of(block, {15, 4}));
  }
  EXPECT_EQ(read_all(resize(array, {20, 4})), reshaped(counting({5, 4}), {5, 4}, {20, 4}));
}

TEST_P(Resize, AMissingEdgeChunkStaysMissing) {
  options.write.write_empty_chunks = true;
  const Array array = Array::create(memory, "", int32_array({8}, {4}), true, options);
  EXPECT_EQ(resize(array, {6}).shape(), Dims{6});
  EXPECT_TRUE(memory->list("c", ListDepth::all).empty());
}

TEST_P(Resize, RefusesWrongShapesAndConflicts) {
  const Array array = make({8, 8}, {4, 4});
  expect_naming(ErrorCode::invalid_argument, "(8,", [&] { resize(array, {8}); });
  expect_naming(ErrorCode::invalid_argument, "-1", [&] { resize(array, {8, -1}); });
  EXPECT_EQ(resize(array, {8, 8}).shape(), array.shape());
  resize(array, {8, 6});
  expect_naming(ErrorCode::conflict, "(8, 6)", [&] { resize(array, {2, 2}); });
  EXPECT_EQ(Array::open(memory, "", options).shape(), (Dims{8, 6}));
}

TEST_P(Resize, AttributesStay) {
  const Array array = make({8, 8}, {4, 4});
  array.write_attributes(Json::Object{{"unit", "K"}});
  const Array resized = resize(array, {9, 9});
  EXPECT_EQ(write_json(resized.read_attributes(), 0), "{\"unit\":\"K\"}");
}

INSTANTIATE_TEST_SUITE_P(Executors, Resize, testing::ValuesIn(all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace zarrloom
