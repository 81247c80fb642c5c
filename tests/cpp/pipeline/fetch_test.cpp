#include "zarrloom/pipeline/fetch.h"

#include <gtest/gtest.h>

#include "fakes/slow_store.h"
#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/chunk_stream.h"
#include "zarrloom/pipeline/transfer.h"

namespace zarrloom {
namespace {

std::shared_ptr<const Dataset> dataset_at(std::shared_ptr<Store> store, std::string path) {
  ChunkSpec spec{{4}, dtype_from_numpy_name("uint8"), {std::byte{7}}};
  return std::make_shared<const Dataset>(
      Dataset{.runtime = default_runtime(),
              .store = std::move(store),
              .path = std::move(path),
              .metadata_key = "zarr.json",
              .shape = {8},
              .object_grid = Dims{4},
              .chunk_grid = Dims{4},
              .key_encoding = {},
              .codecs = CodecChain({CodecConfig{"bytes"}}, std::move(spec)),
              .inner_chain = {},
              .other_codecs = {}});
}

ErrorCode code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

// What a store throws ahead of its answer reaches whoever waits, over every path; thrown out of a
// task of the pool it would end the process.
TEST(Fetch, AReadThatCannotBeStartedIsAFailureOfItsChunk) {
  const auto memory = make_memory_store();
  const auto slow = std::make_shared<fakes::SlowStore>(memory, std::chrono::milliseconds(1));
  for (const std::shared_ptr<Store>& store : {memory, std::shared_ptr<Store>(slow)}) {
    const auto dataset = dataset_at(store, "no//key");
    const auto runtime = std::make_shared<Runtime>(RuntimeOptions{.threads = 2});
    std::vector<std::byte> out(8);
    EXPECT_EQ(code_of([&] {
                read_selection(*runtime, *dataset, Selection::all({8}),
                               c_view(MutableBytes(out), {8}, 1));
              }),
              ErrorCode::invalid_argument);
    for (std::size_t parallel : {1u, 3u}) {
      ChunkStream stream(runtime, dataset, {.parallel = parallel});
      EXPECT_EQ(code_of([&] { stream.next(); }), ErrorCode::invalid_argument);
      EXPECT_FALSE(stream.next());
    }
    EXPECT_EQ(runtime->budget().in_use(), 0u);
  }
}

TEST(Fetch, MissingChunksAreFillValues) {
  const auto store = make_memory_store();
  store->write("zarr.json", as_byte_view("{}"));
  const auto dataset = dataset_at(store, "");
  std::vector<std::byte> out(4);
  const ChunkTask task{{0}, {0}, {1}, {4}, {0}, true};
  EXPECT_EQ(fetch_now(*dataset, Unit::chunk, task, c_view(MutableBytes(out), {4}, 1)),
            ChunkState::missing);
  EXPECT_EQ(out, std::vector<std::byte>(4, std::byte{7}));
}

}  // namespace
}  // namespace zarrloom
