// The process's limits hold over any number of calls.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "fakes/slow_store.h"
#include "fakes/wrapped_store.h"
#include "zarrloom/array/array.h"

namespace zarrloom {
namespace {

// Counts the reads that are on at one time; of a kind that has a limit.
class Watched final : public fakes::WrappedStore {
 public:
  Watched(std::shared_ptr<Store> inner, IoKind kind)
      : WrappedStore(std::move(inner)), kind_(kind) {}
  int most() const { return most_; }
  int reads() const { return reads_; }

 private:
  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    const int now = ++now_;
    ++reads_;
    int before = most_;
    while (before < now && !most_.compare_exchange_weak(before, now)) {
    }
    if (capabilities().answers_inline) std::this_thread::yield();
    inner().read(request, [this, done = std::move(done)](ReadResult result) {
      --now_;  // before the pipeline gives the place back
      done(std::move(result));
    });
  }
  StoreCapabilities do_capabilities() const override {
    StoreCapabilities capabilities = inner().capabilities();
    capabilities.kind = kind_;
    return capabilities;
  }
  const IoKind kind_;
  mutable std::atomic<int> now_ = 0, most_ = 0, reads_ = 0;
};

const Dims kShape{64, 50}, kChunks{2, 25};

// The most spans of a stage that were on at one time.
int most_at_once(const std::vector<Span>& spans, Stage stage) {
  std::vector<std::pair<Recorder::Clock::time_point, int>> events;
  for (const Span& span : spans) {
    if (span.stage != stage) continue;
    events.emplace_back(span.begin, 1);
    events.emplace_back(span.end, -1);
  }
  std::sort(events.begin(), events.end());
  int now = 0, most = 0;
  for (const auto& [when, change] : events) most = std::max(most, now += change);
  return most;
}

class ProcessLimits : public testing::TestWithParam<RuntimeOptions> {};

TEST_P(ProcessLimits, HoldOverAnyNumberOfCalls) {
  RuntimeOptions limits = GetParam();
  limits.io = {0, 3, 0, 5};
  const auto runtime = std::make_shared<Runtime>(limits);
  const auto memory = make_memory_store();
  OpenOptions options;
  options.runtime = runtime;
  CreateOptions create;
  create.shape = kShape;
  create.chunk_shape = kChunks;
  create.dtype = dtype_from_numpy_name("int32");
  Array::create(memory, "", create, false, options);
  std::vector<std::int32_t> values(64 * 50);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i);
  const ConstArrayView from = c_view(std::as_bytes(std::span(values)), kShape, 4);
  for (const bool late : {false, true}) {
    const auto inner =
        late ? std::make_shared<fakes::SlowStore>(memory, std::chrono::milliseconds(1)) : memory;
    const auto watched = std::make_shared<Watched>(inner, late ? IoKind::s3 : IoKind::file);
    const Array array = Array::open(watched, "", options);
    array.write(Selection::all(kShape), from);
    const auto trace = runtime->recorder().start_trace(100'000);
    std::vector<std::thread> threads;
    std::atomic<int> right = 0;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        std::vector<std::int32_t> got(values.size());
        array.read(Selection::all(kShape),
                   c_view(std::as_writable_bytes(std::span(got)), kShape, 4));
        if (got == values) ++right;
        auto stream = array.stream({.ordered = false});
        std::int64_t count = 0;
        while (stream->next()) ++count;
        if (count == 64) ++right;
      });
    }
    for (std::thread& thread : threads) thread.join();
    runtime->recorder().stop_trace(trace);
    EXPECT_EQ(right, 16);
    EXPECT_LE(watched->most(), late ? 5 : 3);
    EXPECT_LE(most_at_once(trace->spans(), Stage::decode), static_cast<int>(limits.threads));
    EXPECT_EQ(runtime->limits().io(IoKind::s3).in_use(), 0u);
    EXPECT_EQ(runtime->limits().io(IoKind::file).in_use(), 0u);
    EXPECT_EQ(runtime->limits().cpu().in_use(), 0u);
  }
  const Stats stats = runtime->recorder().stats();
  EXPECT_EQ(stats.stages[static_cast<std::size_t>(Stage::decode)].count, 2u * 16 * 64);
  EXPECT_EQ(stats.stages[static_cast<std::size_t>(Stage::io)].count, 2u * 16 * 64);
  EXPECT_EQ(stats.stages[static_cast<std::size_t>(Stage::encode)].count, 2u * 64);
  EXPECT_EQ(stats.stages[static_cast<std::size_t>(Stage::write)].count, 2u * 64);
  EXPECT_EQ(stats.stages[static_cast<std::size_t>(Stage::decode)].bytes, 2u * 16 * 64 * 200);
}

TEST_P(ProcessLimits, AReadThatWaitsForItsPlaceCanBeCancelled) {
  RuntimeOptions limits = GetParam();
  limits.io = {0, 0, 0, 1};
  const auto runtime = std::make_shared<Runtime>(limits);
  const auto memory = make_memory_store();
  OpenOptions options;
  options.runtime = runtime;
  CreateOptions create;
  create.shape = kShape;
  create.chunk_shape = kChunks;
  create.dtype = dtype_from_numpy_name("int32");
  Array::create(memory, "", create, false, options);
  const auto slow = std::make_shared<fakes::SlowStore>(memory, std::chrono::milliseconds(1));
  const Array array = Array::open(memory, "", options);
  const auto watched = std::make_shared<Watched>(slow, IoKind::s3);
  // Somebody else has the only place.
  Gate::Pass held = runtime->limits().io(IoKind::s3).enter();
  const CancelToken cancel = CancelToken::make();
  std::atomic<bool> finished = false;
  std::optional<Failure> failure;
  std::vector<std::byte> memory_of(64 * 50 * 4);
  CallOptions call;
  call.cancel = cancel;
  const auto dataset = std::make_shared<const Dataset>(
      Dataset{.runtime = runtime,
              .store = watched,
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
  start_read_selection(runtime, dataset, Selection::all(kShape),
                       c_view(std::span(memory_of), kShape, 4), call,
                       [&](std::optional<Failure> failed) {
                         failure = std::move(failed);
                         finished = true;
                       });
  EXPECT_FALSE(finished);
  EXPECT_EQ(watched->reads(), 0);
  cancel.cancel();
  while (!finished) std::this_thread::yield();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, ErrorCode::cancelled);
  held.release();
}

INSTANTIATE_TEST_SUITE_P(Executors, ProcessLimits,
                         testing::Values(RuntimeOptions{.threads = 1, .run_inline = true},
                                         RuntimeOptions{.threads = 1},
                                         RuntimeOptions{.threads = 4}),
                         [](const auto& info) {
                           if (info.param.run_inline) return std::string("inline");
                           return std::string(info.param.threads == 1 ? "one" : "four");
                         });

}  // namespace
}  // namespace zarrloom
