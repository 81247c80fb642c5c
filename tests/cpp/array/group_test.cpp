#include "zarrloom/array/group.h"

#include <gtest/gtest.h>

#include "fakes/arrays.h"
#include "fakes/counting_store.h"
#include "fakes/faulty_store.h"
#include "fakes/slow_store.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

using fakes::CountingStore;

template <typename Call>
ErrorCode code_of(const Call& call, std::string* message = nullptr) {
  try {
    call();
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return error.code();
  }
  return ErrorCode::internal;  // nothing was thrown
}

CreateOptions array_of(int zarr_format) {
  CreateOptions options = fakes::int32_array({10}, {5});
  options.zarr_format = zarr_format;
  return options;
}

// "a0".."a9" in each of the groups "", "g0".."g9": 121 nodes below the root.
void make_tree(const std::shared_ptr<Store>& store, int zarr_format, const OpenOptions& options) {
  std::vector<NodeSpec> specs{{"", GroupMetadata{.zarr_format = zarr_format}}};
  for (int g = -1; g < 10; ++g) {
    const std::string group = g < 0 ? "" : "g" + std::to_string(g);
    if (g >= 0) specs.push_back({group, GroupMetadata{.zarr_format = zarr_format}});
    for (int a = 0; a < 10; ++a) {
      specs.push_back({join_key(group, "a" + std::to_string(a)), array_of(zarr_format)});
    }
  }
  create_hierarchy(store, "", specs, false, options);
}

std::vector<std::string> paths_of(const std::vector<NodeEntry>& entries) {
  std::vector<std::string> paths;
  for (const NodeEntry& entry : entries) paths.push_back(entry.path);
  return paths;
}

class Groups : public testing::TestWithParam<fakes::Workers> {
 protected:
  OpenOptions options() const { return {.runtime = runtime_}; }

 private:
  std::shared_ptr<Runtime> runtime_ = std::make_shared<Runtime>(GetParam().options);
};

INSTANTIATE_TEST_SUITE_P(Workers, Groups, testing::ValuesIn(fakes::all_workers()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(Groups, WhatIsMadeIsFound) {
  for (const int format : {2, 3}) {
    const auto store = make_memory_store();
    const Group root = Group::create(store, "", {.zarr_format = format}, false, options());
    root.create_array("a/b/c", array_of(format));
    root.create_group("a/d", parse_json(R"({"n": 1})"));
    EXPECT_EQ(paths_of(root.members()), std::vector<std::string>{"a"});
    EXPECT_EQ(paths_of(root.members(std::nullopt)),
              (std::vector<std::string>{"a", "a/b", "a/b/c", "a/d"}));
    EXPECT_TRUE(root.contains("a/b"));
    EXPECT_FALSE(root.contains("a/q"));
    EXPECT_FALSE(root.find("q").has_value());
    const Node node = root.at("a/b/c");
    EXPECT_EQ(std::get<Array>(node).shape(), Dims({10}));
    const Group inner = std::get<Group>(root.at("a"));
    EXPECT_EQ(inner.zarr_format(), format);
    EXPECT_EQ(paths_of(inner.members(1)), (std::vector<std::string>{"a/b", "a/b/c", "a/d"}));
    EXPECT_EQ(std::get<Group>(inner.at("d")).read_attributes(), parse_json(R"({"n": 1})"));
  }
}

TEST_P(Groups, ADeepHierarchyIsReadTogether) {
  for (const int format : {2, 3}) {
    const auto counted = std::make_shared<CountingStore>(make_memory_store());
    make_tree(counted, format, options());
    const auto slow = std::make_shared<fakes::SlowStore>(counted, std::chrono::milliseconds(20));
    const Group root = Group::open(slow, "", options());
    const std::uint64_t reads = counted->reads(), lists = counted->lists();
    EXPECT_EQ(root.members(std::nullopt).size(), 120U);
    // One listing for each group, one request for each node of format 3 and three for one of 2.
    EXPECT_EQ(counted->lists() - lists, 11U);
    EXPECT_EQ(counted->reads() - reads, format == 3 ? 120U : 360U);
    EXPECT_GE(slow->most_in_flight(), 32U);
    EXPECT_EQ(counted->exists_calls() > 0, format == 2);  // .zattrs, when they were made
  }
}

TEST_P(Groups, OpeningMakesTheNecessaryRequests) {
  const auto counted = std::make_shared<CountingStore>(make_memory_store());
  make_tree(counted, 3, options());
  const auto requests = [&](const auto& call) {
    const std::uint64_t before = counted->calls();
    call();
    return counted->calls() - before;
  };
  EXPECT_EQ(requests([&] { Group::open(counted, "", options()); }), 1U);
  EXPECT_EQ(requests([&] { open_node(counted, "g1/a3", options()); }), 1U);
  const Group root = Group::open(counted, "", options());
  EXPECT_EQ(requests([&] { root.at("g1/a3"); }), 1U);
  EXPECT_EQ(requests([&] { EXPECT_TRUE(root.contains("g1")); }), 1U);
  // A look at the place, and the document; the group itself is known to be there.
  EXPECT_EQ(requests([&] { root.create_group("new"); }), 4U + 1U);
  const Group all = root.consolidate();
  EXPECT_EQ(requests([&] { Group::open(counted, "", options()); }), 1U);
  EXPECT_EQ(requests([&] {
              EXPECT_EQ(all.members(std::nullopt).size(), 121U);
              EXPECT_EQ(std::get<Array>(all.at("g1/a3")).path(), "g1/a3");
              EXPECT_FALSE(all.contains("q"));
            }),
            0U);
}

TEST_P(Groups, NothingIsWrittenIfTheWholeCannotBe) {
  const auto counted = std::make_shared<CountingStore>(make_memory_store());
  make_tree(counted, 3, options());
  const std::uint64_t writes = counted->writes();
  const std::vector<NodeSpec> specs{{"new", GroupMetadata{}}, {"g3/a3", array_of(3)}};
  EXPECT_EQ(code_of([&] { create_hierarchy(counted, "", specs, false, options()); }),
            ErrorCode::node_exists);
  const std::vector<NodeSpec> inside{{"a3/below", GroupMetadata{}}};
  EXPECT_EQ(code_of([&] { create_hierarchy(counted, "", inside, false, options()); }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(counted->writes(), writes);
  EXPECT_EQ(counted->erases(), 0U);
}

TEST_P(Groups, AFailureAmongManyIsThrown) {
  const auto faulty = std::make_shared<fakes::FaultyStore>(make_memory_store());
  make_tree(faulty, 3, options());
  const Group root = Group::open(faulty, "", options());
  faulty->fail_read(50, {.code = ErrorCode::storage, .message = "no more"});
  std::string message;
  EXPECT_EQ(code_of([&] { root.members(std::nullopt); }, &message), ErrorCode::storage);
  EXPECT_NE(message.find("zarr.json: no more"), std::string::npos) << message;
  faulty->fail_write(7, {.code = ErrorCode::storage, .message = "full"});
  std::vector<NodeSpec> specs;
  for (int i = 0; i < 20; ++i) specs.push_back({"new/" + std::to_string(i), array_of(3)});
  EXPECT_EQ(code_of([&] { create_hierarchy(faulty, "", specs, false, options()); }),
            ErrorCode::storage);
}

TEST_P(Groups, WhatIsMissingIsToldWithWhatIsThere) {
  const auto store = make_memory_store();
  make_tree(store, 3, options());
  const Group root = Group::open(store, "", options());
  std::string message;
  EXPECT_EQ(code_of([&] { root.at("g1/q"); }, &message), ErrorCode::node_not_found);
  EXPECT_NE(message.find(store->locate("g1/q") +
                         ": there is no array or group here; \"g1\" is a group with a0, a1"),
            std::string::npos)
      << message;
  EXPECT_EQ(code_of([&] { root.erase("q"); }), ErrorCode::node_not_found);
  EXPECT_EQ(code_of([&] { Group::open(store, "a1", options()); }, &message),
            ErrorCode::invalid_argument);
  EXPECT_NE(message.find("zarr.json: this is an array, not a group"), std::string::npos);
}

TEST_P(Groups, BrokenDocumentsAreErrorsThatNameTheObject) {
  const auto store = make_memory_store();
  for (const char* text :
       {"", "[]", "{}", R"({"zarr_format": 3})", R"({"zarr_format": 3, "node_type": "file"})",
        R"({"zarr_format": 3, "node_type": "group", "attributes": [1]})"}) {
    store->write("zarr.json", as_byte_view(std::string_view(text)));
    std::string message;
    EXPECT_EQ(code_of([&] { Group::open(store, "", options()); }, &message),
              ErrorCode::corrupt_metadata)
        << text;
    EXPECT_TRUE(message.starts_with(store->locate("zarr.json") + ": ")) << message;
  }
  const std::string_view unknown = R"({"zarr_format": 3, "node_type": "group", "x": {}})";
  store->write("zarr.json", as_byte_view(unknown));
  EXPECT_EQ(code_of([&] { Group::open(store, "", options()); }), ErrorCode::unsupported);
}

TEST_P(Groups, UnknownMembersStay) {
  const auto store = make_memory_store();
  const std::string_view text =
      R"({"zarr_format": 3, "node_type": "group", "x": {"must_understand": false, "y": 1}})";
  store->write("zarr.json", as_byte_view(text));
  const Group group = Group::open(store, "", options());
  group.write_attributes(parse_json(R"({"a": 1})"));
  const Json stored = parse_json(as_text(read_object(*store, "zarr.json")->view()));
  EXPECT_EQ(*stored.find("x"), parse_json(R"({"must_understand": false, "y": 1})"));
  EXPECT_EQ(*stored.find("attributes"), parse_json(R"({"a": 1})"));
}

}  // namespace
}  // namespace zarrloom
