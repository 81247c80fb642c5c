#include "conformance/check_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

namespace zarrloom::conformance {
namespace {

using Status = ReadResult::Status;

std::vector<ListEntry> objects(std::vector<std::string> names) {
  std::vector<ListEntry> entries;
  for (std::string& name : names) entries.push_back({std::move(name), false});
  return entries;
}

void check_whole_objects(const Store& store) {
  EXPECT_EQ(read_text(store, "nothing"), "<missing>");
  EXPECT_EQ(read_text(store, "no/such/folder"), "<missing>");
  EXPECT_FALSE(store.exists("nothing"));
  EXPECT_EQ(read_object(store, "nothing"), std::nullopt);

  write_text(store, "zarr.json", "{}");
  EXPECT_EQ(read_text(store, "zarr.json"), "{}");
  EXPECT_TRUE(store.exists("zarr.json"));
  write_text(store, "zarr.json", "longer than before");
  EXPECT_EQ(read_text(store, "zarr.json"), "longer than before");
  write_text(store, "zarr.json", "short");
  EXPECT_EQ(read_text(store, "zarr.json"), "short");
  EXPECT_EQ(as_text(read_object(store, "zarr.json")->view()), "short");

  write_text(store, "empty", "");
  EXPECT_TRUE(store.exists("empty"));
  EXPECT_EQ(read_text(store, "empty"), "");
  EXPECT_TRUE(read_object(store, "empty")->empty());

  const std::string large(5'000'000, 'x');
  write_text(store, "deep/down/c/0/1/2", large);
  EXPECT_EQ(read_text(store, "deep/down/c/0/1/2"), large);
}

void check_ranges(const Store& store) {
  write_text(store, "ranged", "0123456789");
  const auto part = [&](ByteRange range) {
    const Answer answer = read_answer(store, {.key = "ranged", .range = range});
    return answer.status == Status::found ? answer.text : "failed";
  };
  EXPECT_EQ(part({0, 10}), "0123456789");
  EXPECT_EQ(part({3, 4}), "3456");
  EXPECT_EQ(part({.offset = 7}), "789");
  EXPECT_EQ(part({.offset = 10}), "");
  EXPECT_EQ(part({10, 0}), "");
  EXPECT_EQ(part({.length = 3, .from_end = true}), "789");
  EXPECT_EQ(part({.length = 10, .from_end = true}), "0123456789");
  EXPECT_EQ(part({.length = 11, .from_end = true}), "0123456789");
  EXPECT_EQ(part({.length = 0, .from_end = true}), "");
  EXPECT_EQ(as_text(read_object(store, "ranged", {2, 3})->view()), "234");
  EXPECT_EQ(read_object(store, "not there", {2, 3}), std::nullopt);

  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
  for (const ByteRange outside :
       {ByteRange{8, 3}, ByteRange{11, 0}, ByteRange{.offset = 11}, ByteRange{0, 11},
        ByteRange{kLargest, 1}, ByteRange{5, kLargest - 1}, ByteRange{kLargest, kLargest}}) {
    const Answer answer = read_answer(store, {.key = "ranged", .range = outside});
    EXPECT_EQ(answer.status, Status::failed) << outside.offset << " " << outside.length;
    EXPECT_EQ(answer.failure.code, ErrorCode::corrupt_data);
    EXPECT_EQ(answer.failure.key, "ranged");
    EXPECT_TRUE(answer.failure.message.starts_with(store.locate("ranged") + ": "))
        << answer.failure.message;
  }
}

void check_versions(const Store& store) {
  write_text(store, "versioned", "first");
  const Answer first = read_answer(store, {.key = "versioned", .want_version = true});
  EXPECT_EQ(first.object_size, 5u);
  if (first.version.empty()) return;  // the store has none
  const auto read_if = [&](const Answer& known) {
    return read_answer(store, {.key = "versioned", .range = {1, 2}, .if_version = known.version});
  };
  EXPECT_EQ(read_if(first).text, "ir");
  EXPECT_EQ(read_if(first).object_size, 5u);
  write_text(store, "versioned", "other");
  EXPECT_EQ(read_if(first).status, Status::changed);
  const Answer other = read_answer(store, {.key = "versioned", .want_version = true});
  EXPECT_NE(other.version, first.version);
  EXPECT_EQ(read_if(other).text, "th");
  store.erase("versioned");
  EXPECT_EQ(read_if(other).status, Status::missing);
}

void check_giving_up(const Store& store) {
  write_text(store, "given up", "bytes");
  const CancelToken cancelled = CancelToken::make();
  cancelled.cancel();
  Answer answer = read_answer(store, {.key = "given up", .cancel = cancelled});
  EXPECT_EQ(answer.failure.code, ErrorCode::cancelled);
  EXPECT_TRUE(answer.failure.message.starts_with(store.locate("given up")))
      << answer.failure.message;
  const Deadline passed = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  answer = read_answer(store, {.key = "given up", .deadline = passed});
  EXPECT_EQ(answer.failure.code, ErrorCode::deadline);
  // Neither is in the way of one that has time.
  answer = read_answer(store, {.key = "given up",
                               .cancel = CancelToken::make(),
                               .deadline = passed + std::chrono::hours(1)});
  EXPECT_EQ(answer.text, "bytes");
}

void check_memory(const Store& store) {
  write_text(store, "ten", "0123456789");
  std::string into(16, '.');
  const MutableBytes all{reinterpret_cast<std::byte*>(into.data()), into.size()};

  Answer answer = read_answer(store, {.key = "ten", .into = all});
  EXPECT_TRUE(answer.in_place);
  EXPECT_EQ(into, "0123456789......");

  answer = read_answer(store, {.key = "ten", .range = {8, 2}, .into = all.first(2)});
  EXPECT_TRUE(answer.in_place);
  EXPECT_EQ(into, "8923456789......");

  answer = read_answer(store, {.key = "ten", .into = all.first(9)});
  EXPECT_FALSE(answer.in_place);
  EXPECT_EQ(answer.text, "0123456789");
  EXPECT_EQ(into, "8923456789......") << "written to although too small";
}

void check_limit(const Store& store) {
  write_text(store, "ten", "0123456789");
  EXPECT_EQ(read_answer(store, {.key = "ten", .limit = 10}).text, "0123456789");
  const ReadRequest within{.key = "ten", .range = {.offset = 1}, .limit = 9};
  EXPECT_EQ(read_answer(store, within).text, "123456789");
  const Answer above = read_answer(store, {.key = "ten", .limit = 9});
  EXPECT_EQ(above.status, Status::failed);
  EXPECT_EQ(above.failure.code, ErrorCode::corrupt_data);
}

void check_erase(const Store& store) {
  write_text(store, "goes/now", "x");
  store.erase("goes/now");
  EXPECT_FALSE(store.exists("goes/now"));
  EXPECT_EQ(read_text(store, "goes/now"), "<missing>");
  store.erase("goes/now");
  store.erase("never/was");
  store.erase("goes/now/below");
}

void check_list(const Store& store) {
  erase_prefix(store, "");
  EXPECT_TRUE(store.list("", ListDepth::all).empty());
  EXPECT_TRUE(store.list("a", ListDepth::one).empty());
  for (const char* key :
       {"b/zarr.json", "a/c/1/0", "a/c/0/1", "a/c/0/0", "a/zarr.json", "a.b/x", "zarr.json"}) {
    write_text(store, key, key);
  }
  EXPECT_EQ(store.list("", ListDepth::all), objects({"a.b/x", "a/c/0/0", "a/c/0/1", "a/c/1/0",
                                                     "a/zarr.json", "b/zarr.json", "zarr.json"}));
  EXPECT_EQ(store.list("a/c", ListDepth::all), objects({"0/0", "0/1", "1/0"}));
  const std::vector<ListEntry> top{{"a", true}, {"a.b", true}, {"b", true}, {"zarr.json", false}};
  EXPECT_EQ(store.list("", ListDepth::one), top);
  const std::vector<ListEntry> in_a{{"c", true}, {"zarr.json", false}};
  EXPECT_EQ(store.list("a", ListDepth::one), in_a);
  EXPECT_TRUE(store.list("a/zarr.json", ListDepth::one).empty());
  EXPECT_TRUE(store.list("not/there", ListDepth::all).empty());
}

// On what check_list has left.
void check_erase_prefix(const Store& store) {
  erase_prefix(store, "a/c");
  EXPECT_EQ(store.list("", ListDepth::all),
            objects({"a.b/x", "a/zarr.json", "b/zarr.json", "zarr.json"}));
  erase_prefix(store, "a/zarr.json");  // nothing lies below it
  EXPECT_TRUE(store.exists("a/zarr.json"));
  erase_prefix(store, "a");
  erase_prefix(store, "a");
  EXPECT_EQ(store.list("", ListDepth::all), objects({"a.b/x", "b/zarr.json", "zarr.json"}));
  erase_prefix(store, "");
  EXPECT_TRUE(store.list("", ListDepth::all).empty());
  EXPECT_TRUE(store.list("", ListDepth::one).empty());
  write_text(store, "a/again", "x");
  EXPECT_EQ(read_text(store, "a/again"), "x");
}

template <class Work>
void in_threads(int count, Work work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

void check_condition(const Store& store) {
  if (!store.capabilities().conditional_write) return;
  for (int round = 0; round < 20; ++round) {
    const std::string key = "race/" + std::to_string(round);
    std::atomic<int> winners{0}, conflicts{0};
    std::atomic<int> winner{-1};
    in_threads(8, [&](int i) {
      const Failure failure =
          failure_of([&] { write_text(store, key, std::to_string(i), WriteCondition::if_absent); });
      if (failure.message == "nothing was thrown") {
        ++winners;
        winner = i;
      } else if (failure.code == ErrorCode::conflict) {
        ++conflicts;
      } else {
        ADD_FAILURE() << failure.message;
      }
    });
    EXPECT_EQ(winners, 1);
    EXPECT_EQ(conflicts, 7);
    EXPECT_EQ(read_text(store, key), std::to_string(winner));
  }
  store.erase("race/0");
  write_text(store, "race/0", "anew", WriteCondition::if_absent);
  EXPECT_EQ(read_text(store, "race/0"), "anew");
}

// Versions differ in length and in every byte, so that a mix of two shows.
std::string version(int i) {
  return std::string(20'000 + 1'000 * static_cast<std::size_t>(i), static_cast<char>('a' + i));
}

void check_whole_versions(const Store& store) {
  write_text(store, "busy/key", version(0));
  std::atomic<int> writers{4};
  std::atomic<int> wrong{0};
  in_threads(8, [&](int i) {
    if (i < 4) {
      for (int round = 0; round < 50; ++round) write_text(store, "busy/key", version(i));
      --writers;
      return;
    }
    do {
      const std::string text = read_text(store, "busy/key");
      const int seen = text.empty() ? -1 : text[0] - 'a';
      if (seen < 0 || seen > 3 || text != version(seen)) ++wrong;
    } while (writers > 0);
  });
  EXPECT_EQ(wrong, 0) << "readers saw a mix, or nothing";
}

void check_places(const Store& store) {
  EXPECT_EQ(store.locate("a/0"), store.locate("a") + "/0");
  EXPECT_NE(store.locate("").find("://"), std::string::npos);
}

}  // namespace

Answer read_answer(const Store& store, const ReadRequest& request) {
  std::promise<Answer> promise;
  auto future = promise.get_future();
  const std::byte* into = request.into.data();
  store.read(request, [&](ReadResult result) {
    Answer answer{.status = result.status,
                  .text = std::string(as_text(result.bytes)),
                  .in_place = into != nullptr && result.bytes.data() == into,
                  .failure = std::move(result.failure),
                  .version = std::move(result.version),
                  .object_size = result.object_size};
    promise.set_value(std::move(answer));
  });
  return future.get();
}

std::string read_text(const Store& store, std::string_view key) {
  const Answer answer = read_answer(store, {.key = key});
  if (answer.status == Status::failed) throw Error(answer.failure);
  return answer.status == Status::missing ? "<missing>" : answer.text;
}

void write_text(const Store& store, std::string_view key, std::string_view text,
                WriteCondition condition) {
  store.write(key, as_byte_view(text), condition);
}

void check_bad_keys(const Store& store) {
  const std::string long_part(256, 'n');
  for (const std::string& key :
       {std::string(".."), std::string("."), std::string("a/../b"), std::string("a//b"),
        std::string("/a"), std::string("a/"), std::string("/"), std::string(""),
        std::string("a\0b", 3), std::string("a\\b"), std::string(300, 'n'), "a/" + long_part}) {
    const auto refused = [&](auto work) {
      EXPECT_EQ(failure_of(work).code, ErrorCode::invalid_argument) << key;
    };
    refused([&] { store.read({.key = key}, [](ReadResult) { FAIL() << "answered"; }); });
    refused([&] { write_text(store, key, "x"); });
    refused([&] { store.erase(key); });
    refused([&] { store.exists(key); });
    if (key.empty()) continue;  // as a prefix: all
    refused([&] { store.list(key, ListDepth::one); });
    refused([&] { erase_prefix(store, key); });
  }
  EXPECT_NO_THROW(check_key(std::string(255, 'n')));
  EXPECT_NO_THROW(check_key("a/..b/...c/__x/c"));
}

void check_store(const Store& store) {
  check_bad_keys(store);
  check_places(store);
  check_whole_objects(store);
  check_ranges(store);
  check_versions(store);
  check_memory(store);
  check_giving_up(store);
  check_limit(store);
  check_erase(store);
  check_list(store);
  check_erase_prefix(store);
  check_condition(store);
  check_whole_versions(store);
}

}  // namespace zarrloom::conformance
