#include "zarrloom/array/consolidated.h"

#include <gtest/gtest.h>

#include "fakes/arrays.h"
#include "zarrloom/array/group.h"
#include "zarrloom/array/resize.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

template <typename Call>
ErrorCode code_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;  // nothing was thrown
}

CreateOptions array_of(int zarr_format) {
  CreateOptions options = fakes::int32_array({10}, {5});
  options.zarr_format = zarr_format;
  return options;
}

bool is_stored(const std::shared_ptr<Store>& store, std::string_view path = "") {
  return Group::open(store, path).is_consolidated();
}

class ConsolidatedFormats : public testing::TestWithParam<int> {
 protected:
  // "a", "g/b", "g/h/c", consolidated.
  std::shared_ptr<Store> make() const {
    const auto store = make_memory_store();
    const Group root = Group::create(store, "", {.zarr_format = GetParam()});
    for (const char* path : {"a", "g/b", "g/h/c"}) root.create_array(path, array_of(GetParam()));
    EXPECT_FALSE(root.is_consolidated());
    EXPECT_TRUE(root.consolidate().is_consolidated());
    return store;
  }
};

INSTANTIATE_TEST_SUITE_P(Formats, ConsolidatedFormats, testing::Values(2, 3),
                         [](const auto& info) { return "v" + std::to_string(info.param); });

TEST_P(ConsolidatedFormats, SaysTheSameAsTheNodes) {
  const auto store = make();
  const Group with = Group::open(store);
  const Group without = Group::open(store, "", {.use_consolidated = false});
  ASSERT_TRUE(with.is_consolidated());
  ASSERT_FALSE(without.is_consolidated());
  const auto a = with.members(std::nullopt), b = without.members(std::nullopt);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].path, b[i].path);
    EXPECT_EQ(a[i].documents.metadata, b[i].documents.metadata);
  }
  EXPECT_EQ(with.members(0).size(), 2U);
  EXPECT_EQ(with.members(1).size(), 4U);
  EXPECT_EQ(std::get<Group>(with.at("g")).members(0).size(), 2U);
}

TEST_P(ConsolidatedFormats, EveryChangeErasesItFirst) {
  using Change = std::function<void(const Group&)>;
  const auto array = [](const Group& root) { return std::get<Array>(root.at("g/b")); };
  const std::vector<Change> changes{
      [](const Group& g) { g.create_array("new", array_of(GetParam())); },
      [](const Group& g) { g.create_group("new"); },
      [](const Group& g) { std::get<Group>(g.at("g")).create_group("x/y"); },
      [](const Group& g) { g.create_nodes({{"new", GroupMetadata{.zarr_format = GetParam()}}}); },
      [](const Group& g) { g.erase("g/h"); },
      [](const Group& g) { std::get<Group>(g.at("g")).write_attributes(Json::Object{{"n", 1}}); },
      [&](const Group& g) { array(g).write_attributes(Json::Object{{"n", 1}}); },
      [&](const Group& g) { resize(array(g), {20}); },
      [](const Group& g) { Array::create(g.store(), "g/z", array_of(GetParam())); },
      [](const Group& g) { Group::create(g.store(), "g/z/y", {.zarr_format = GetParam()}); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto store = make();
    const Group root = Group::open(store);
    changes[i](root);
    EXPECT_FALSE(is_stored(store)) << i;
  }
}

TEST_P(ConsolidatedFormats, AfterAChangeTheHandlesLookInTheStore) {
  const auto store = make();
  const Group root = Group::open(store);
  const Group inner = std::get<Group>(root.at("g"));
  const Array b = std::get<Array>(root.at("g/b"));
  inner.create_group("new");
  EXPECT_FALSE(root.is_consolidated());
  EXPECT_TRUE(root.contains("g/new"));
  EXPECT_TRUE(root.consolidate().is_consolidated());
  EXPECT_TRUE(root.is_consolidated());  // what one knows, all know
  EXPECT_TRUE(is_stored(store));
  b.write_attributes(Json::Object{{"n", 1}});
  EXPECT_FALSE(is_stored(store));
}

TEST_P(ConsolidatedFormats, ChunksAreNoChange) {
  const auto store = make();
  const Array array = std::get<Array>(Group::open(store).at("g/b"));
  fakes::write_all(array, fakes::counting({10}));
  EXPECT_TRUE(is_stored(store));
}

TEST_P(ConsolidatedFormats, OnRequestOnly) {
  const auto store = make();
  const Group without = Group::open(store, "", {.use_consolidated = false});
  without.create_group("new");
  EXPECT_FALSE(is_stored(store));  // it was there all the same
  EXPECT_EQ(code_of([&] { Group::open(store, "", {.use_consolidated = true}); }),
            ErrorCode::invalid_argument);
}

TEST_P(ConsolidatedFormats, RefreshTakesInWhatOthersWrote) {
  const auto store = make();
  const Group root = Group::open(store);
  const Group other = Group::open(store);
  other.create_group("new");
  static_cast<void>(other.consolidate());
  EXPECT_FALSE(root.contains("new"));
  root.refresh();
  EXPECT_TRUE(root.contains("new"));
  EXPECT_TRUE(root.is_consolidated());
}

TEST_P(ConsolidatedFormats, OfAGroupBelow) {
  const auto store = make();
  const Group root = Group::open(store, "", {.use_consolidated = false});
  const Group inner = std::get<Group>(root.at("g")).consolidate();
  EXPECT_TRUE(is_stored(store, "g"));
  inner.create_group("h/new");
  EXPECT_FALSE(is_stored(store, "g"));
  EXPECT_FALSE(is_stored(store));
}

TEST_P(ConsolidatedFormats, MixedFormatsAreRefused) {
  const auto store = make();
  Array::create(store, "g/other", array_of(5 - GetParam()));
  EXPECT_EQ(code_of([&] { static_cast<void>(Group::open(store).consolidate()); }),
            ErrorCode::unsupported);
}

TEST(Consolidated, BrokenOnesAreErrors) {
  const std::vector<std::pair<int, const char*>> cases{
      {3, R"({"kind": "inline", "metadata": []})"},
      {3, R"({"kind": "inline"})"},
      {3, R"({"kind": "inline", "metadata": {"a": {}}})"},
      {2, R"({"zarr_consolidated_format": 1, "metadata": 3})"},
      {2, R"([])"},
  };
  for (const auto& [format, text] : cases) {
    EXPECT_EQ(code_of([&] { parse_consolidated("", format, parse_json(text)); }),
              ErrorCode::corrupt_metadata)
        << text;
  }
  const std::vector<std::pair<int, const char*>> paths{
      {3, R"({"kind": "inline", "metadata": {"../a": {}}})"},
      {2, R"({"zarr_consolidated_format": 1, "metadata": {"../a/.zgroup": {}}})"},
  };
  for (const auto& [format, text] : paths) {
    EXPECT_EQ(code_of([&] { parse_consolidated("", format, parse_json(text)); }),
              ErrorCode::invalid_argument)
        << text;
  }
  EXPECT_EQ(
      code_of([&] { parse_consolidated("", 3, parse_json(R"({"kind": "far", "metadata": {}})")); }),
      ErrorCode::unsupported);
}

}  // namespace
}  // namespace zarrloom
