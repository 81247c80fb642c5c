#include <gtest/gtest.h>

#include <filesystem>

#include "conformance/check_store.h"
#include "fakes/temp_folder.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {
namespace {

using namespace conformance;
using fakes::TempFolder;

TEST(OpenStore, PathsAndFileUrlsAreTheSameFolder) {
  const TempFolder folder;
  const std::string path = folder / "a b%20c.zarr";
  const auto by_path = open_store(path);
  write_text(*by_path, "zarr.json", "{}");
  for (const std::string& url : {"file://" + path, "FILE://" + path, "file://localhost" + path,
                                 path + "/", by_path->locate("")}) {
    const auto store = open_store(url);
    EXPECT_EQ(read_text(*store, "zarr.json"), "{}") << url;
    EXPECT_EQ(store->locate("c/0"), "file://" + path + "/c/0");
  }
}

TEST(OpenStore, Memory) {
  const auto store = open_store("memory://");
  write_text(*store, "k", "x");
  EXPECT_EQ(read_text(*store, "k"), "x");
  EXPECT_EQ(failure_of([] { open_store("memory://name"); }).code, ErrorCode::invalid_argument);
}

TEST(OpenStore, OptionsReachTheFolder) {
  const TempFolder folder;
  const auto store = open_store("file://" + folder.path().string(), {.read_only = true});
  EXPECT_EQ(failure_of([&] { write_text(*store, "k", "x"); }).code, ErrorCode::read_only);
}

TEST(OpenStore, AnUnknownSchemeNamesTheKnownOnes) {
  const Failure failure = failure_of([] { open_store("gopher://host/a.zarr"); });
  EXPECT_EQ(failure.code, ErrorCode::unsupported);
  for (const char* part : {"gopher", "file://", "memory://", "s3://", "plain path"}) {
    EXPECT_NE(failure.message.find(part), std::string::npos) << failure.message;
  }
}

TEST(OpenStore, MalformedIsRefused) {
  EXPECT_EQ(failure_of([] { open_store(""); }).code, ErrorCode::invalid_argument);
  EXPECT_EQ(failure_of([] { open_store("file://data/a"); }).code, ErrorCode::invalid_argument);
  EXPECT_EQ(failure_of([] { open_store(std::string("/a\0b", 4)); }).code,
            ErrorCode::invalid_argument);
}

TEST(OpenStore, APathMayHoldTheMarkOfAUrl) {
  const TempFolder folder;
  EXPECT_EQ(open_store(folder / "odd://x")->locate(""), "file://" + (folder / "odd:/x"));
}

}  // namespace
}  // namespace zarrloom
