// Elements of variable size through reads, writes and streams, over any executor.
#include <gtest/gtest.h>

#include "fakes/arrays.h"
#include "zarrloom/array/append.h"
#include "zarrloom/pipeline/chunk_stream.h"
#include "zarrloom/pipeline/index_plan.h"

namespace zarrloom {
namespace {

using namespace fakes;
using Texts = std::vector<std::string>;

constexpr std::int64_t kCount = 230;

struct Memory {
  explicit Memory(std::int64_t count)
      : bytes(static_cast<std::size_t>(count) * sizeof(VarItem)),
        view(c_view(bytes.span(), {count}, sizeof(VarItem))) {
    view.arena = &arena;
  }
  // Items that lead to these.
  explicit Memory(const Texts& texts) : Memory(static_cast<std::int64_t>(texts.size())) {
    auto text = texts.begin();
    for_each_item(view, [&](std::byte* at) { VarItem::of(as_byte_view(*text++)).store(at); });
  }
  Texts texts() const { return texts_of(view); }
  static Texts texts_of(const ConstArrayView& items) {
    Texts texts;
    for_each_item(items, [&](const std::byte* at) {
      texts.emplace_back(as_text(VarItem::load(at).bytes()));
    });
    return texts;
  }

  Arena arena;
  Bytes bytes;
  ArrayView view;
};

class Variable : public testing::TestWithParam<std::tuple<Workers, bool>> {
 protected:
  Variable() {
    CreateOptions create;
    create.shape = {kCount};
    create.dtype = dtype_from_numpy_name("string");
    create.chunk_shape = Dims{7};
    if (std::get<1>(GetParam())) create.shard_shape = Dims{28};
    const std::string fill = "fill";
    create.fill_value.emplace(as_byte_view(fill).begin(), as_byte_view(fill).end());
    OpenOptions options;
    options.runtime = runtime;
    array.emplace(Array::create(make_memory_store(), "", create, true, options));
    for (std::int64_t i = 0; i < kCount; ++i) {
      values.push_back(std::string(static_cast<std::size_t>(i % 50), 'x') + std::to_string(i));
    }
  }

  void write(std::int64_t start, const Texts& texts) {
    Memory from(texts);
    array->write({{start}, {1}, {static_cast<std::int64_t>(texts.size())}}, from.view);
  }
  Texts read(std::int64_t start, std::int64_t step, std::int64_t count) {
    Memory to(count);
    array->read({{start}, {step}, {count}}, to.view);
    return to.texts();
  }

  std::shared_ptr<Runtime> runtime = std::make_shared<Runtime>(std::get<0>(GetParam()).options);
  std::optional<Array> array;
  Texts values;
};

TEST_P(Variable, ReadsWhatWasWritten) {
  EXPECT_EQ(read(0, 1, kCount), Texts(kCount, "fill"));
  write(0, values);
  EXPECT_EQ(read(0, 1, kCount), values);
  write(10, Texts(30, "new"));
  std::fill_n(values.begin() + 10, 30, "new");
  EXPECT_EQ(read(0, 1, kCount), values);
  EXPECT_EQ(read(5, 3, 20)[2], "new");
}

TEST_P(Variable, ListsAndManyReadsShareChunks) {
  write(0, values);
  Memory to(4);
  array->read_indexed({{IndexAxis::listed({0}, {100, 3, 229, 3})}}, to.view);
  EXPECT_EQ(to.texts(), (Texts{values[100], values[3], values[229], values[3]}));
  Memory first(9), second(9);
  second.view.arena = &first.arena;
  const std::vector<ReadPart> parts{{Selection{{0}, {1}, {9}}, first.view},
                                    {Selection{{1}, {2}, {9}}, second.view}};
  array->read_many(parts);
  EXPECT_EQ(first.texts(), Texts(values.begin(), values.begin() + 9));
  EXPECT_EQ(second.texts()[8], values[17]);
}

TEST_P(Variable, StreamsAndWriters) {
  write(0, values);
  Texts seen;
  ChunkStream stream(runtime, array->dataset(), {});
  while (auto item = stream.next()) {
    const Texts texts = Memory::texts_of(c_view(item->data.view(), item->shape, sizeof(VarItem)));
    seen.insert(seen.end(), texts.begin(), texts.end());
  }
  EXPECT_EQ(seen, values);
  const auto writer = array->chunk_writer({});
  const std::int64_t extent = array->dataset()->object_grid.largest()[0];
  for (std::int64_t i = 0; i < array->object_grid()[0]; ++i) {
    // What was pushed may go at once.
    const Texts texts(static_cast<std::size_t>(std::min(extent, kCount - i * extent)),
                      "of " + std::to_string(i));
    Memory from(texts);
    writer->push({i}, from.view);
  }
  writer->finish();
  EXPECT_EQ(read(kCount - 1, 1, 1), Texts{"of " + std::to_string((kCount - 1) / extent)});
}

TEST_P(Variable, AppendsWhatMayGoAtOnce) {
  AppendStream stream(*array, 0);
  for (int i = 0; i < 9; ++i) {
    const Texts texts(5, "block " + std::to_string(i));
    Memory block(texts);
    stream.append(block.view);
  }
  const Array longer = stream.close();
  Memory to(45);
  longer.read({{kCount}, {1}, {45}}, to.view);
  EXPECT_EQ(to.texts()[0], "block 0");
  EXPECT_EQ(to.texts()[44], "block 8");
}

INSTANTIATE_TEST_SUITE_P(, Variable,
                         testing::Combine(testing::ValuesIn(all_workers()), testing::Bool()),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) +
                                  (std::get<1>(info.param) ? "_shards" : "_chunks");
                         });

}  // namespace
}  // namespace zarrloom
