#include "zarrloom/stores/reference.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "conformance/check_store.h"
#include "fakes/slow_store.h"
#include "fakes/temp_folder.h"

namespace zarrloom {
namespace {

using namespace conformance;
using namespace fakes;
namespace fs = std::filesystem;
using Status = ReadResult::Status;

class References : public testing::Test {
 protected:
  void make_file(const std::string& name, std::string_view text) const {
    fs::create_directories(fs::path(folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  std::shared_ptr<Store> open(std::string_view json) const {
    make_file("refs.json", json);
    return open_store("reference://" + (folder / "refs.json"));
  }
  Failure opening(std::string_view json) const {
    const Failure failure = failure_of([&] { open(json); });
    EXPECT_NE(failure.message.find("refs.json: "), std::string::npos) << failure.message;
    return failure;
  }
  static Failure reading(const Store& store, const ReadRequest& request) {
    const Answer answer = read_answer(store, request);
    EXPECT_EQ(answer.status, Status::failed) << request.key << ": " << answer.text;
    return answer.failure;
  }
  static std::string part(const Store& store, std::string_view key, ByteRange range) {
    return read_answer(store, {.key = key, .range = range}).text;
  }

  const TempFolder folder;
};

TEST_F(References, Version0) {
  make_file("data.bin", "0123456789");
  const auto store = open(R"({
    ".zgroup": "{\"zarr_format\": 2}",
    ".zattrs": {"title": "an object, not a string"},
    "a/0": "base64:AAEC",
    "a/1": ["data.bin"],
    "a/2": ["data.bin", 2, 3]})");
  EXPECT_EQ(read_text(*store, ".zgroup"), R"({"zarr_format": 2})");
  EXPECT_EQ(read_text(*store, ".zattrs"), R"({"title":"an object, not a string"})");
  EXPECT_EQ(read_text(*store, "a/0"), std::string("\0\1\2", 3));
  EXPECT_EQ(read_text(*store, "a/1"), "0123456789");
  EXPECT_EQ(read_text(*store, "a/2"), "234");
  EXPECT_EQ(read_text(*store, "a/3"), "<missing>");
  EXPECT_TRUE(store->exists("a/2"));
  EXPECT_FALSE(store->exists("a"));
  EXPECT_EQ(store->list("a", ListDepth::all).size(), 3u);
}

TEST_F(References, Version1WithTemplates) {
  make_file("deep/data.bin", "0123456789");
  const auto store = open(R"({"version": 1,
    "templates": {"u": ")" +
                          folder.path().string() + R"(", "n": "data"},
    "gen": [],
    "refs": {"a/0": ["{{u}}/deep/{{ n }}.bin", 4, 2], "a/1": "{{u}} is no template here"}})");
  EXPECT_EQ(read_text(*store, "a/0"), "45");
  EXPECT_EQ(read_text(*store, "a/1"), "{{u}} is no template here");
}

TEST_F(References, RangesOfRanges) {
  make_file("data.bin", "0123456789");
  const auto store = open(R"({"r": ["data.bin", 2, 5], "w": ["data.bin"], "i": "abc", "e": ""})");
  EXPECT_EQ(part(*store, "r", {.offset = 1, .length = 2}), "34");
  EXPECT_EQ(part(*store, "r", {.offset = 3}), "56");
  EXPECT_EQ(part(*store, "r", {.length = 2, .from_end = true}), "56");
  EXPECT_EQ(part(*store, "w", {.length = 2, .from_end = true}), "89");
  EXPECT_EQ(part(*store, "i", {.offset = 1, .length = 1}), "b");
  EXPECT_EQ(read_text(*store, "e"), "");
  EXPECT_EQ(read_answer(*store, {.key = "r"}).object_size, 5u);
  EXPECT_EQ(reading(*store, {.key = "r", .range = {4, 2}}).code, ErrorCode::corrupt_data);
  EXPECT_EQ(reading(*store, {.key = "i", .range = {2, 2}}).code, ErrorCode::corrupt_data);
  EXPECT_EQ(reading(*store, {.key = "r", .limit = 4}).code, ErrorCode::corrupt_data);
  EXPECT_EQ(reading(*store, {.key = "w", .limit = 4}).code, ErrorCode::corrupt_data);
  std::string into(8, '.');
  const MutableBytes memory{reinterpret_cast<std::byte*>(into.data()), into.size()};
  EXPECT_TRUE(read_answer(*store, {.key = "r", .into = memory}).in_place);
  EXPECT_EQ(into, "23456...");
}

TEST_F(References, VersionsAreTheTargets) {
  make_file("data.bin", "0123456789");
  const auto store = open(R"({"r": ["data.bin", 2, 5], "i": "abc"})");
  const Answer first = read_answer(*store, {.key = "r", .want_version = true});
  EXPECT_FALSE(first.version.empty());
  EXPECT_EQ(read_answer(*store, {.key = "r", .if_version = first.version}).text, "23456");
  make_file("data.bin", "9876543210+");
  EXPECT_EQ(read_answer(*store, {.key = "r", .if_version = first.version}).status, Status::changed);
  EXPECT_TRUE(read_answer(*store, {.key = "i", .want_version = true}).version.empty());
}

TEST_F(References, ARangeOutsideItsTargetIsAnError) {
  make_file("data.bin", "0123456789");
  const auto store = open(R"({"end": ["data.bin", 8, 3], "behind": ["data.bin", 11, 1],
    "far": ["data.bin", 9223372036854775807, 9223372036854775807]})");
  for (const char* key : {"end", "behind", "far"}) {
    const Failure failure = reading(*store, {.key = key});
    EXPECT_EQ(failure.code, ErrorCode::corrupt_data);
    EXPECT_TRUE(failure.message.starts_with(store->locate(key))) << failure.message;
    EXPECT_NE(failure.message.find("data.bin"), std::string::npos) << failure.message;
  }
}

TEST_F(References, AMissingTargetIsAnErrorNotAMissingChunk) {
  const auto store = open(R"({"r": ["nowhere.bin", 0, 3], "w": ["nowhere.bin"]})");
  for (const char* key : {"r", "w"}) {
    const Failure failure = reading(*store, {.key = key});
    EXPECT_EQ(failure.code, ErrorCode::storage);
    EXPECT_NE(failure.message.find("file://" + (folder / "nowhere.bin")), std::string::npos)
        << failure.message;
  }
}

TEST_F(References, AnUnknownSchemeIsNamedWhereItIsRead) {
  const auto store = open(R"({"far": ["gopher://host/data.bin", 0, 3], "near": "here"})");
  EXPECT_EQ(read_text(*store, "near"), "here");
  const Failure failure = reading(*store, {.key = "far"});
  EXPECT_EQ(failure.code, ErrorCode::unsupported);
  for (const char* word : {"gopher", "file://", "gopher://host/data.bin"}) {
    EXPECT_NE(failure.message.find(word), std::string::npos) << failure.message;
  }
}

TEST_F(References, PathsAreAbsoluteOrRelativeToTheFile) {
  make_file("data/x y.bin", "data");
  const std::string path = folder / "data/x y.bin";
  for (const std::string& url :
       {path, "file://" + path, std::string("data/x y.bin"), std::string("./data/../data/x y.bin"),
        ".." + path.substr(path.rfind('/', path.rfind("/data/") - 1))}) {
    EXPECT_EQ(read_text(*open("{\"k\": [\"" + url + "\"]}"), "k"), "data") << url;
  }
  const auto nameless = make_reference_store();
  nameless->add({{.key = "k", .url = "relative.bin", .bytes = {}}});
  EXPECT_EQ(reading(*nameless, {.key = "k"}).code, ErrorCode::invalid_argument);
  EXPECT_NE(make_reference_store()->locate(""), nameless->locate(""));
}

TEST_F(References, TargetsInAnotherStore) {
  const auto memory = make_memory_store();
  write_text(*memory, "data/x.bin", "0123456789");
  const auto store = make_reference_store({.remote = memory});
  store->add({{.key = "k", .url = "data/x.bin", .bytes = {}, .range = {3, 2}},
              {.key = "up", .url = "../x.bin", .bytes = {}}});
  EXPECT_EQ(read_text(*store, "k"), "34");
  EXPECT_EQ(store->capabilities().kind, IoKind::memory);
  EXPECT_EQ(reading(*store, {.key = "up"}).code, ErrorCode::invalid_argument);
  store->add({{.key = "k", .url = {}, .bytes = "the last counts"}});
  EXPECT_EQ(read_text(*store, "k"), "the last counts");
}

TEST_F(References, ASlowTargetAnswersLater) {
  const auto memory = make_memory_store();
  write_text(*memory, "x.bin", "0123456789");
  const auto store = make_reference_store(
      {.remote = std::make_shared<SlowStore>(memory, std::chrono::milliseconds(1))});
  store->add({{.key = "k", .url = "x.bin", .bytes = {}, .range = {3, 2}},
              {.key = "gone", .url = "y.bin", .bytes = {}},
              {.key = "here", .url = {}, .bytes = "inline"}});
  EXPECT_FALSE(store->capabilities().answers_inline);
  EXPECT_EQ(read_text(*store, "k"), "34");
  EXPECT_EQ(read_text(*store, "here"), "inline");
  EXPECT_EQ(reading(*store, {.key = "gone"}).code, ErrorCode::storage);
}

TEST_F(References, WritingIsRefused) {
  const auto store = open("{}");
  EXPECT_EQ(failure_of([&] { write_text(*store, "k", "x"); }).code, ErrorCode::read_only);
  EXPECT_EQ(failure_of([&] { store->erase("k"); }).code, ErrorCode::read_only);
  EXPECT_EQ(failure_of([&] { erase_prefix(*store, ""); }).code, ErrorCode::read_only);
  check_bad_keys(*open(R"({"k": "x"})"));
}

TEST_F(References, WhatIsNotKnownIsRefusedWithTheReason) {
  const auto refused = [&](std::string_view json, std::string_view reason) {
    const Failure failure = opening(json);
    EXPECT_EQ(failure.code, ErrorCode::unsupported) << json;
    EXPECT_NE(failure.message.find(reason), std::string::npos) << failure.message;
  };
  refused(R"({"version": 1, "gen": [{"key": "a/{{i}}"}], "refs": {}})", "\"gen\"");
  refused(R"({"version": 1, "templates": {"f": "x{{c}}"}, "refs": {}})", "function");
  refused(R"({"version": 1, "templates": {"f": "x"}, "refs": {"k": ["{{f(c='a')}}"]}})",
          "expression");
  refused(R"({"version": 2, "refs": {}})", "version");
}

TEST_F(References, MalformedIsRefused) {
  for (const char* json : {"",
                           "[]",
                           "{",
                           R"({"version": 1})",
                           R"({"version": 1, "refs": []})",
                           R"({"k": 1})",
                           R"({"k": []})",
                           R"({"k": ["a", 1]})",
                           R"({"k": ["a", 1, 2, 3]})",
                           R"({"k": ["a", -1, 2]})",
                           R"({"k": ["a", 1.5, 2]})",
                           R"({"k": [1, 2, 3]})",
                           R"({"k": [""]})",
                           R"({"k": null})",
                           R"({"k": "base64:?"})",
                           R"({"../k": "x"})",
                           R"({"/k": "x"})",
                           R"({"version": 1, "templates": [], "refs": {}})",
                           R"({"version": 1, "templates": {"a": 1}, "refs": {}})",
                           R"({"version": 1, "refs": {"k": ["{{a}}"]}})"}) {
    EXPECT_EQ(opening(json).code, ErrorCode::corrupt_metadata) << json;
  }
  EXPECT_EQ(failure_of([&] { open_store("reference://" + (folder / "no.json")); }).code,
            ErrorCode::node_not_found);
  EXPECT_EQ(failure_of([] { open_store("reference://refs.json"); }).code,
            ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace zarrloom
