// The conformance suite over all stores, and what the public functions of Store add.
#include "zarrloom/stores/store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "conformance/check_store.h"
#include "fakes/counting_store.h"
#include "fakes/faulty_store.h"
#include "fakes/slow_store.h"
#include "fakes/temp_folder.h"
#include "zarrloom/stores/zip.h"

namespace zarrloom {
namespace {

using namespace conformance;
using namespace fakes;

struct StoreRow {
  const char* name;
  std::shared_ptr<Store> (*make)(const TempFolder& folder);
};

constexpr StoreRow kStores[] = {
    {"memory", [](const TempFolder&) { return make_memory_store(); }},
    {"file", [](const TempFolder& folder) { return make_file_store(folder / "s.zarr"); }},
    {"file_in_new_parents",
     [](const TempFolder& folder) { return make_file_store(folder / "x/y/s.zarr/"); }},
    {"file_with_fsync",
     [](const TempFolder& folder) { return make_file_store(folder / "s.zarr", {.fsync = true}); }},
    {"file_without_links",
     [](const TempFolder& folder) {
       return make_file_store(folder / "s.zarr", {.follow_symlinks = false});
     }},
    {"zip",
     [](const TempFolder& folder) -> std::shared_ptr<Store> {
       return make_zip_store(folder / "s.zip");
     }},
    {"zip_in_new_parents_deflated",
     [](const TempFolder& folder) -> std::shared_ptr<Store> {
       return make_zip_store(folder / "x/y/s.zip", {.mode = ZipMode::append, .deflate = true});
     }},
    {"counting",
     [](const TempFolder&) -> std::shared_ptr<Store> {
       return std::make_shared<CountingStore>(make_memory_store());
     }},
    {"faulty",
     [](const TempFolder&) -> std::shared_ptr<Store> {
       return std::make_shared<FaultyStore>(make_memory_store());
     }},
    {"slow",
     [](const TempFolder&) -> std::shared_ptr<Store> {
       return std::make_shared<SlowStore>(make_memory_store(), std::chrono::microseconds(100));
     }},
    {"with_latency",
     [](const TempFolder&) {
       return make_latency_store(make_memory_store(), std::chrono::microseconds(100));
     }},
    {"rate_limited",
     [](const TempFolder&) { return make_rate_limited_store(make_memory_store(), 1e5); }},
    {"rate_limited_and_late",
     [](const TempFolder&) {
       return make_rate_limited_store(
           make_latency_store(make_memory_store(), std::chrono::microseconds(100)), 1e5);
     }},
};

class EveryStore : public testing::TestWithParam<StoreRow> {};

TEST_P(EveryStore, Conforms) {
  const TempFolder folder;
  check_store(*GetParam().make(folder));
}

INSTANTIATE_TEST_SUITE_P(Stores, EveryStore, testing::ValuesIn(kStores),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Store, A10BadKeysAreRefusedBeforeTheStoreIsTouched) {
  const CountingStore store(make_memory_store());
  check_bad_keys(store);
  EXPECT_EQ(store.calls(), 0u);
}

TEST(Store, AFailureNamesTheObjectOnce) {
  const auto memory = make_memory_store();
  write_text(*memory, "a/c/0", "x");
  FaultyStore store(std::make_shared<CountingStore>(memory));
  store.fail_read(2, {.code = ErrorCode::storage, .message = "fire", .os_error = 5});
  EXPECT_EQ(read_text(store, "a/c/0"), "x");
  const Answer answer = read_answer(store, {.key = "a/c/0"});
  EXPECT_EQ(answer.status, ReadResult::Status::failed);
  EXPECT_EQ(answer.failure.message, memory->locate("a/c/0") + ": fire");
  EXPECT_EQ(answer.failure.key, "a/c/0");
  EXPECT_EQ(answer.failure.os_error, 5);
  EXPECT_EQ(read_text(store, "a/c/0"), "x");

  store.fail_write(1, {.code = ErrorCode::storage, .message = "full"});
  const Failure failure = failure_of([&] { write_text(store, "a/c/0", "y"); });
  EXPECT_EQ(failure.message, memory->locate("a/c/0") + ": full");
  EXPECT_EQ(failure.key, "a/c/0");
  EXPECT_EQ(read_text(store, "a/c/0"), "x");

  const SlowStore slow(memory, std::chrono::microseconds(1));
  const Answer late = read_answer(slow, {.key = "a/c/0", .range = {0, 2}});
  EXPECT_EQ(late.failure.message,
            memory->locate("a/c/0") + ": 2 bytes at 0 are not inside the object of 1 bytes");
}

// A store that throws instead of answering, or ignores the limit.
class RudeStore final : public WrappedStore {
 public:
  RudeStore(bool answers_inline, bool throws)
      : WrappedStore(make_memory_store()), inline_(answers_inline), throws_(throws) {}

 private:
  void do_read(const ReadRequest&, ReadCompletion done) const override {
    if (throws_) throw std::bad_alloc();
    ReadResult result;
    result.status = ReadResult::Status::found;
    result.owned = Bytes::copy_of(as_byte_view("0123456789"));
    result.bytes = result.owned.view();
    done(std::move(result));
  }
  StoreCapabilities do_capabilities() const override {
    return {.writable = false, .listable = false, .answers_inline = inline_};
  }
  bool inline_;
  bool throws_;
};

TEST(Store, GuardsWhatAnImplementationGives) {
  for (const bool answers_inline : {true, false}) {
    const Answer thrown = read_answer(RudeStore(answers_inline, true), {.key = "k"});
    EXPECT_EQ(thrown.status, ReadResult::Status::failed);
    EXPECT_EQ(thrown.failure.code, ErrorCode::out_of_memory);
    const Answer large = read_answer(RudeStore(answers_inline, false), {.key = "k", .limit = 9});
    EXPECT_EQ(large.failure.code, ErrorCode::corrupt_data);
    EXPECT_EQ(read_text(RudeStore(answers_inline, false), "k"), "0123456789");
  }
}

TEST(Store, WhatAStoreCannotDoIsRefusedForIt) {
  const RudeStore store(true, false);
  EXPECT_EQ(failure_of([&] { write_text(store, "k", "x"); }).code, ErrorCode::read_only);
  EXPECT_EQ(failure_of([&] { store.erase("k"); }).code, ErrorCode::read_only);
  EXPECT_EQ(failure_of([&] { erase_prefix(store, "k"); }).code, ErrorCode::read_only);
  EXPECT_EQ(failure_of([&] { store.list("", ListDepth::all); }).code, ErrorCode::unsupported);
}

TEST(Store, ManyReadsAreInFlightAtASlowStore) {
  const auto memory = make_memory_store();
  for (int i = 0; i < 100; ++i) write_text(*memory, std::to_string(i), std::to_string(i));
  std::atomic<int> right{0};
  const auto began = std::chrono::steady_clock::now();
  {
    const SlowStore slow(memory, std::chrono::milliseconds(50));
    EXPECT_FALSE(slow.capabilities().answers_inline);
    for (int i = 0; i < 100; ++i) {
      slow.read({.key = std::to_string(i)}, [&right, i](ReadResult result) {
        if (as_text(result.bytes) == std::to_string(i)) ++right;
      });
    }
    EXPECT_GT(slow.most_in_flight(), 50u);
    EXPECT_EQ(read_text(slow, "99"), "99");
  }
  EXPECT_EQ(right, 100);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
}

TEST(Store, ASlowStoreMayBeLetGoInsideItsOwnCompletion) {
  auto slow = std::make_shared<SlowStore>(make_memory_store(), std::chrono::milliseconds(1));
  const std::shared_ptr<std::atomic<bool>> done = std::make_shared<std::atomic<bool>>(false);
  SlowStore* const raw = slow.get();
  raw->read({.key = "k"}, [slow = std::move(slow), done](ReadResult) mutable {
    slow.reset();
    *done = true;
  });
  while (!*done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(Store, CountingCountsCallsAndBytes) {
  const CountingStore store(make_memory_store());
  write_text(store, "k", "12345");
  read_text(store, "k");
  read_text(store, "missing");
  read_answer(store, {.key = "k", .range = {1, 2}});
  EXPECT_EQ(store.writes(), 1u);
  EXPECT_EQ(store.bytes_written(), 5u);
  EXPECT_EQ(store.reads(), 3u);
  EXPECT_EQ(store.bytes_read(), 7u);
}

}  // namespace
}  // namespace zarrloom
