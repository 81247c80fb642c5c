// What a chunk stream can be told besides its order.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "fakes/arrays.h"
#include "fakes/counting_store.h"
#include "fakes/faulty_store.h"
#include "fakes/slow_store.h"
#include "zarrloom/base/error.h"
#include "zarrloom/pipeline/stored_chunks.h"

namespace zarrloom {
namespace {

using namespace fakes;
using std::chrono::milliseconds;

const Dims kShape{37, 53};
const Dims kChunks{8, 16};
constexpr std::int64_t kCount = 20;

class StreamOptions : public testing::TestWithParam<Workers> {
 protected:
  std::shared_ptr<Runtime> runtime = std::make_shared<Runtime>(GetParam().options);
  std::shared_ptr<Store> memory = make_memory_store();

  Array make(std::shared_ptr<Store> store = nullptr) {
    OpenOptions options;
    options.runtime = runtime;
    const Array array = Array::create(memory, "", int32_array(kShape, kChunks), true, options);
    write_all(array, counting(kShape));
    return Array::open(store ? store : memory, "", options);
  }
  bool inline_only() const { return GetParam().options.run_inline; }

  // The chunk's elements as the array has them.
  static std::vector<std::int32_t> expected(const Selection& part) {
    const std::vector<std::int32_t> all = counting(kShape);
    std::vector<std::int32_t> values;
    for (std::int64_t i = 0; i < part.count[0]; ++i) {
      for (std::int64_t j = 0; j < part.count[1]; ++j) {
        values.push_back(all[static_cast<std::size_t>((part.start[0] + i * part.step[0]) * 53 +
                                                      part.start[1] + j * part.step[1])]);
      }
    }
    return values;
  }
};

std::vector<std::int32_t> values_of(ByteView bytes) {
  std::vector<std::int32_t> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST_P(StreamOptions, ASelectionClipsTheChunks) {
  const Array array = make();
  const Selection selection{{5, 20}, {3, 1}, {9, 30}};
  const Plan plan(kShape, kChunks, selection);
  for (std::size_t parallel : {1u, 4u}) {
    auto stream = array.stream({.parallel = parallel, .selection = selection});
    EXPECT_EQ(stream->total(), plan.task_count());
    std::size_t elements = 0;
    while (auto item = stream->next()) {
      const ChunkTask task = plan.task(*plan.find(item->chunk));
      EXPECT_EQ(item->shape, task.count);
      Selection part{task.start, task.step, task.count};
      for (std::size_t d = 0; d < 2; ++d) part.start[d] += item->chunk[d] * kChunks[d];
      EXPECT_EQ(values_of(item->data.view()), expected(part));
      elements += item->data.size() / 4;
    }
    EXPECT_EQ(elements, 9u * 30u);
  }
  // Chunks that it does not touch are left out of a list.
  auto listed =
      array.stream({.chunks = std::vector<std::int64_t>{0, 1, 19, 6}, .selection = selection});
  EXPECT_EQ(listed->next()->chunk, (Dims{0, 1}));
  EXPECT_EQ(listed->next()->chunk, (Dims{1, 2}));
  EXPECT_FALSE(listed->next());
  EXPECT_THROW(array.stream({.selection = Selection::box({0, 0}, {38, 1})}), Error);
}

TEST_P(StreamOptions, MissingChunksAreSkippedByOneListing) {
  const auto counting_store = std::make_shared<CountingStore>(memory);
  const Array array = make(counting_store);
  for (int n : {0, 5, 19}) {
    memory->erase(array.chunk_key(chunk_from_number(n, array.grid())));
  }
  for (std::size_t parallel : {1u, 4u}) {
    const auto lists = counting_store->lists();
    const auto reads = counting_store->reads();
    auto stream = array.stream({.parallel = parallel, .skip_missing = true});
    EXPECT_EQ(stream->total(), kCount - 3);
    std::int64_t given = 0;
    while (stream->next()) ++given;
    EXPECT_EQ(given, kCount - 3);
    EXPECT_EQ(counting_store->lists() - lists, 1u);
    EXPECT_EQ(counting_store->reads() - reads, static_cast<std::uint64_t>(kCount - 3));
  }
  auto listed = array.stream({.chunks = std::vector<std::int64_t>{5, 4}, .skip_missing = true});
  EXPECT_EQ(listed->next()->chunk, chunk_from_number(4, array.grid()));
  EXPECT_FALSE(listed->next());
}

// A store that cannot list.
class Unlistable final : public WrappedStore {
 public:
  using WrappedStore::WrappedStore;

 private:
  StoreCapabilities do_capabilities() const override {
    StoreCapabilities capabilities = inner().capabilities();
    capabilities.listable = false;
    return capabilities;
  }
};

TEST_P(StreamOptions, MissingChunksAreSkippedWithoutListingToo) {
  const Array array = make(std::make_shared<Unlistable>(memory));
  for (int n : {0, 5, 6, 19}) {
    memory->erase(array.chunk_key(chunk_from_number(n, array.grid())));
  }
  for (bool ordered : {true, false}) {
    for (std::size_t parallel : {1u, 4u}) {
      auto stream = array.stream({.parallel = parallel, .ordered = ordered, .skip_missing = true});
      std::set<std::int64_t> seen;
      while (auto item = stream->next()) seen.insert(chunk_number(item->chunk, array.grid()));
      EXPECT_EQ(seen.size(), static_cast<std::size_t>(kCount - 4));
      EXPECT_FALSE(seen.contains(5));
    }
  }
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(StreamOptions, KeepsGoingPastFailures) {
  const Array array = make();
  memory->write("c/1/2", as_byte_view("broken"));
  memory->write("c/4/3", as_byte_view("broken"));
  for (bool ordered : {true, false}) {
    for (std::size_t parallel : {1u, 4u}) {
      auto stream = array.stream({.parallel = parallel, .ordered = ordered, .keep_going = true});
      std::int64_t good = 0;
      std::vector<std::string> bad;
      while (auto item = stream->next()) {
        if (item->failure) {
          bad.push_back(item->failure->key);
        } else {
          ++good;
        }
      }
      std::sort(bad.begin(), bad.end());
      EXPECT_EQ(bad, (std::vector<std::string>{"c/1/2", "c/4/3"}));
      EXPECT_EQ(good, kCount - 2);
    }
  }
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(StreamOptions, EachRunsOnTheDecodingThreadAndMayChangeElements) {
  const Array array = make();
  ChunkStreamOptions options;
  options.parallel = 4;
  options.keep_going = true;
  options.each = [](ChunkItem& item, MutableBytes elements) {
    if (item.chunk == Dims{2, 2}) fail(ErrorCode::conflict, "not this one");
    item.result = static_cast<double>(values_of(elements)[0]);
    std::memset(elements.data(), 0, elements.size());
  };
  auto stream = array.stream(options);
  int failed = 0;
  while (auto item = stream->next()) {
    if (item->failure) {
      ++failed;
      EXPECT_EQ(item->failure->chunk, (std::vector<std::int64_t>{2, 2}));
      EXPECT_EQ(item->failure->code, ErrorCode::conflict);
      continue;
    }
    const Selection box = chunk_selection(item->chunk, kShape, kChunks);
    EXPECT_EQ(item->result, box.start[0] * 53 + box.start[1] + 1.0);
    EXPECT_EQ(values_of(item->data.view())[0], 0);
  }
  EXPECT_EQ(failed, 1);
}

TEST_P(StreamOptions, DecodesIntoTheCallersBuffersOnly) {
  const Array array = make();
  constexpr std::size_t kBytes = 8 * 16 * 4;
  std::vector<std::vector<std::byte>> memory_of(3, std::vector<std::byte>(kBytes));
  ChunkStreamOptions options;
  options.parallel = 4;
  for (auto& buffer : memory_of) options.buffers.emplace_back(buffer);
  for (bool ordered : {true, false}) {
    options.ordered = ordered;
    auto stream = array.stream(options);
    std::int64_t given = 0;
    while (auto item = stream->next()) {
      ASSERT_TRUE(item->buffer);
      EXPECT_TRUE(item->data.empty());
      const Selection box = chunk_selection(item->chunk, kShape, kChunks);
      const auto elements = static_cast<std::size_t>(item->shape[0] * item->shape[1]);
      EXPECT_EQ(values_of(ByteView(memory_of[*item->buffer]).first(4 * elements)), expected(box));
      stream->give_back(*item->buffer);
      EXPECT_THROW(stream->give_back(*item->buffer), Error);
      ++given;
    }
    EXPECT_EQ(given, kCount);
  }
  auto starved = array.stream(options);
  for (int i = 0; i < 3; ++i) starved->next();
  EXPECT_THROW(starved->next(), Error);  // all three are out: nothing can ever come
  options.buffers[0] = options.buffers[0].first(kBytes - 1);
  EXPECT_THROW(array.stream(options), Error);
}

TEST_P(StreamOptions, CountsWhatWasTakenUntilItsLeaseEnds) {
  const Array array = make();
  constexpr std::size_t kBytes = 8 * 16 * 4;
  RuntimeOptions limits = GetParam().options;
  limits.memory_limit = 3 * kBytes;
  runtime->configure(limits);
  ChunkStreamOptions options;
  options.parallel = 4;
  options.count_taken = true;
  auto stream = array.stream(options);
  std::vector<ChunkItem> held;
  for (int i = 0; i < 5; ++i) held.push_back(*stream->next());  // beyond the cap, one at a time
  EXPECT_GE(runtime->budget().in_use(), 5 * kBytes);
  EXPECT_LE(runtime->budget().in_use(), 6 * kBytes);
  held.clear();
  std::int64_t given = 5;
  while (stream->next()) ++given;
  EXPECT_EQ(given, kCount);
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(StreamOptions, AChunkThatIsTooSlowDoesNotDelayTheOthers) {
  // One key answers after an hour, or when it is told to give up.
  class OneSlow final : public WrappedStore {
   public:
    OneSlow(std::shared_ptr<Store> inner, std::shared_ptr<Store> slow, std::string key)
        : WrappedStore(std::move(inner)), slow_(std::move(slow)), key_(std::move(key)) {}

   private:
    void do_read(const ReadRequest& request, ReadCompletion done) const override {
      (request.key == key_ ? *slow_ : inner()).read(request, std::move(done));
    }
    StoreCapabilities do_capabilities() const override { return slow_->capabilities(); }
    std::shared_ptr<Store> slow_;
    std::string key_;
  };
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::hours(1));
  const Array array = make(std::make_shared<OneSlow>(memory, slow, "c/1/0"));
  for (std::size_t parallel : {1u, 4u}) {
    ChunkStreamOptions options;
    options.parallel = parallel;
    options.keep_going = true;
    options.timeout = milliseconds(150);
    auto stream = array.stream(options);
    int good = 0, late = 0;
    while (auto item = stream->next()) {
      if (!item->failure) {
        ++good;
        continue;
      }
      ++late;
      EXPECT_EQ(item->failure->code, ErrorCode::deadline);
      EXPECT_EQ(item->failure->key, "c/1/0");
    }
    EXPECT_EQ(good, kCount - 1);
    EXPECT_EQ(late, 1);
  }
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

// A store that answers at once but hangs, as a dead network file system does.
class Hanging final : public WrappedStore {
 public:
  using WrappedStore::WrappedStore;
  void let_go() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    changed_.notify_all();
  }

 private:
  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    if (request.key == "c/0/1") {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return gone_; });
    }
    inner().read(request, std::move(done));
  }
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool gone_ = false;  // guarded by mutex_
};

TEST_P(StreamOptions, AChunkThatHangsIsLeftBehind) {
  if (GetParam().options.threads < 4) return;  // the others need a thread that does not hang
  const auto hanging = std::make_shared<Hanging>(memory);
  const Array array = make(hanging);
  {
    ChunkStreamOptions options;
    options.parallel = 2;
    options.keep_going = true;
    options.timeout = milliseconds(50);
    auto stream = array.stream(options);
    int late = 0, all = 0;
    while (auto item = stream->next()) {
      ++all;
      if (item->failure) {
        ++late;
        EXPECT_EQ(item->failure->code, ErrorCode::deadline);
        EXPECT_EQ(item->failure->key, "c/0/1");
      }
    }
    EXPECT_EQ(all, kCount);
    EXPECT_EQ(late, 1);
    stream->close();  // does not wait for what hangs
  }
  hanging->let_go();
}

TEST_P(StreamOptions, ClosingCancelsRequestsInFlight) {
  if (inline_only()) return;
  const auto slow = std::make_shared<SlowStore>(memory, std::chrono::hours(1));
  OpenOptions options;
  options.runtime = runtime;
  make();
  const Array array = [&] {
    const Array opened = Array::open(memory, "", options);
    return opened;
  }();
  auto dataset_on_slow = std::make_shared<const Dataset>(
      Dataset{.runtime = runtime,
              .store = slow,
              .path = "",
              .metadata_key = "zarr.json",
              .shape = kShape,
              .object_grid = kChunks,
              .chunk_grid = kChunks,
              .key_encoding = array.metadata().key_encoding,
              .codecs = CodecChain(array.metadata().codecs,
                                   {kChunks, array.dtype(), array.metadata().fill_value}),
              .inner_chain = {},
              .other_codecs = {}});
  ChunkStream stream(runtime, dataset_on_slow, {.parallel = 3});
  ChunkItem item;
  EXPECT_EQ(stream.poll(item), ChunkStream::Poll::pending);
  stream.close();
  EXPECT_EQ(stream.poll(item), ChunkStream::Poll::end);
  EXPECT_EQ(runtime->budget().in_use(), 0u);
}

TEST_P(StreamOptions, AnEventLoopIsToldAndNeverWaits) {
  const Array array = make(std::make_shared<SlowStore>(memory, milliseconds(2)));
  for (std::size_t parallel : {1u, 4u}) {
    auto stream = array.stream({.parallel = parallel});
    std::mutex mutex;
    std::condition_variable changed;
    bool told = false;  // guarded by mutex
    stream->set_listener([&] {
      const std::lock_guard lock(mutex);
      told = true;
      changed.notify_one();
    });
    std::int64_t given = 0;
    for (ChunkItem item;;) {
      const ChunkStream::Poll poll = stream->poll(item);
      if (poll == ChunkStream::Poll::end) break;
      if (poll == ChunkStream::Poll::ready) {
        EXPECT_EQ(item.chunk, chunk_from_number(given++, array.grid()));
        continue;
      }
      std::unique_lock lock(mutex);
      ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return told; }));
      told = false;
    }
    EXPECT_EQ(given, kCount);
    stream->close();
  }
}

TEST(StoredChunks, KeysAreUnderstoodAndOthersPassedOver) {
  const ChunkKeyEncoding v3{};
  EXPECT_EQ(chunk_from_key(v3, "c/1/2", {5, 4}), (Dims{1, 2}));
  for (const char* key : {"c/1", "c/1/2/3", "c/01/2", "c/5/0", "c/-1/0", "c/1/2x", "zarr.json", "c",
                          "c//1", "1/2", "c/1/+2", "c/99999999999999999999/0"}) {
    EXPECT_FALSE(chunk_from_key(v3, key, {5, 4})) << key;
  }
  const ChunkKeyEncoding v2{.v2_style = true, .separator = '.'};
  EXPECT_EQ(chunk_from_key(v2, "1.2", {5, 4}), (Dims{1, 2}));
  EXPECT_FALSE(chunk_from_key(v2, ".zarray", {5, 4}));
  EXPECT_EQ(chunk_from_key(v3, "c", {}), Dims{});
  EXPECT_EQ(chunk_from_key(v2, "0", {}), Dims{});
}

INSTANTIATE_TEST_SUITE_P(Executors, StreamOptions, testing::ValuesIn(all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace zarrloom
