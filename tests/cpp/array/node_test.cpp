#include "zarrloom/array/node.h"

#include <gtest/gtest.h>

#include <limits>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

ArrayMetadata made(int zarr_format) {
  CreateOptions options;
  options.zarr_format = zarr_format;
  options.shape = {10};
  options.chunk_shape = Dims{5};
  options.dtype = dtype_from_numpy_name("int32");
  return make_metadata(options);
}

void put(const Store& store, std::string_view key, std::string_view text) {
  store.write(key, as_byte_view(text));
}

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

TEST(Node, WhatIsWrittenIsRead) {
  const auto store = make_memory_store();
  for (int format : {2, 3}) {
    const std::string path = "group/a" + std::to_string(format);
    EXPECT_FALSE(node_exists(*store, path));
    EXPECT_FALSE(read_array_metadata(*store, path, std::nullopt));
    ArrayMetadata metadata = made(format);
    metadata.attributes = parse_json(R"({"units": "m", "unknown": [1, {"a": null}]})");
    write_array_metadata(*store, path, metadata);
    EXPECT_TRUE(node_exists(*store, path));
    EXPECT_TRUE(store->exists(array_metadata_key(path, format)));
    const auto read = read_array_metadata(*store, path, std::nullopt);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->zarr_format, format);
    EXPECT_EQ(read->attributes, metadata.attributes);
    EXPECT_EQ(read->codecs, metadata.codecs);
    EXPECT_FALSE(read_array_metadata(*store, path, 5 - format));
  }
}

TEST(Node, A1BrokenDocumentsAreErrorsThatNameTheObject) {
  const auto store = make_memory_store();
  for (const char* text : {"", "{\"zarr_format\": 3", "\xff\xfe", "{}"}) {
    put(*store, "a/zarr.json", text);
    std::string message;
    EXPECT_EQ(code_of([&] { read_array_metadata(*store, "a", std::nullopt); }, &message),
              ErrorCode::corrupt_metadata);
    EXPECT_TRUE(message.starts_with(store->locate("a/zarr.json") + ": ")) << message;
    EXPECT_TRUE(node_exists(*store, "a"));
    put(*store, "b/.zarray", text);
    EXPECT_EQ(code_of([&] { read_array_metadata(*store, "b", std::nullopt); }, &message),
              ErrorCode::corrupt_metadata);
    EXPECT_TRUE(message.starts_with(store->locate("b/.zarray") + ": ")) << message;
  }
}

TEST(Node, A1BrokenAttributesNameTheirObject) {
  const auto store = make_memory_store();
  write_array_metadata(*store, "a", made(2));
  put(*store, "a/.zattrs", "{");
  std::string message;
  EXPECT_EQ(code_of([&] { read_array_metadata(*store, "a", 2); }, &message),
            ErrorCode::corrupt_metadata);
  EXPECT_TRUE(message.starts_with(store->locate("a/.zattrs") + ": ")) << message;
}

TEST(Node, A2A3DeepNestingAndKeysGivenTwiceAreErrors) {
  const auto store = make_memory_store();
  for (const std::string& text :
       {std::string(200000, '['), std::string("\xef\xbb\xbf{}"),
        std::string(R"({"zarr_format": 3, "shape": [1], "shape": [2]})")}) {
    put(*store, "zarr.json", text);
    EXPECT_EQ(code_of([&] { read_array_metadata(*store, "", std::nullopt); }),
              ErrorCode::corrupt_metadata);
  }
}

TEST(Node, A4BareNaNIsReadInV2Only) {
  const auto store = make_memory_store();
  ArrayMetadata metadata = made(2);
  metadata.attributes.set("a", std::numeric_limits<double>::infinity());
  write_array_metadata(*store, "v2", metadata);
  EXPECT_EQ(read_array_metadata(*store, "v2", std::nullopt)->attributes, metadata.attributes);
  metadata = made(3);
  write_array_metadata(*store, "v3", metadata);
  const std::optional<Bytes> before = read_object(*store, "v3/zarr.json");
  metadata.attributes.set("a", std::numeric_limits<double>::infinity());
  EXPECT_EQ(code_of([&] { write_array_metadata(*store, "v3", metadata); }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(as_text(read_object(*store, "v3/zarr.json")->view()), as_text(before->view()));
  put(*store, "v3/zarr.json", R"({"zarr_format": 3, "fill_value": NaN})");
  EXPECT_EQ(code_of([&] { read_array_metadata(*store, "v3", 3); }), ErrorCode::corrupt_metadata);
}

TEST(Node, A11TheGivenFormatWinsElseV3) {
  const auto store = make_memory_store();
  write_array_metadata(*store, "a", made(2));
  write_array_metadata(*store, "a", made(3));
  EXPECT_EQ(read_array_metadata(*store, "a", std::nullopt)->zarr_format, 3);
  EXPECT_EQ(read_array_metadata(*store, "a", 2)->zarr_format, 2);
  EXPECT_EQ(code_of([&] { read_array_metadata(*store, "a", 4); }), ErrorCode::invalid_argument);
}

TEST(Node, GroupsAreNotArrays) {
  const auto store = make_memory_store();
  put(*store, "v3/zarr.json", R"({"zarr_format": 3, "node_type": "group"})");
  put(*store, "v2/.zgroup", R"({"zarr_format": 2})");
  for (const char* path : {"v3", "v2"}) {
    std::string message;
    EXPECT_EQ(code_of([&] { read_array_metadata(*store, path, std::nullopt); }, &message),
              ErrorCode::invalid_argument);
    EXPECT_NE(message.find("is a group, not an array"), std::string::npos) << message;
    EXPECT_TRUE(node_exists(*store, path));
  }
  EXPECT_FALSE(read_array_metadata(*store, "v2", 3));
}

TEST(Node, DocumentsBeyondReasonAreRefused) {
  const auto store = make_memory_store();
  std::string text = write_json(write_v3_metadata(made(3)));
  text.resize(std::size_t{64} << 20, ' ');
  put(*store, "zarr.json", text);
  EXPECT_TRUE(read_array_metadata(*store, "", std::nullopt));
  put(*store, "zarr.json", text + " ");
  EXPECT_EQ(code_of([&] { read_array_metadata(*store, "", std::nullopt); }),
            ErrorCode::corrupt_metadata);
}

TEST(Node, AttributesThatBecomeEmptyReplaceTheStoredOnes) {
  const auto store = make_memory_store();
  ArrayMetadata metadata = made(2);
  write_array_metadata(*store, "a", metadata);
  EXPECT_FALSE(store->exists("a/.zattrs"));
  metadata.attributes.set("units", "m");
  write_array_metadata(*store, "a", metadata);
  metadata.attributes = Json::Object{};
  write_array_metadata(*store, "a", metadata);
  EXPECT_EQ(read_array_metadata(*store, "a", 2)->attributes, Json(Json::Object{}));
}

TEST(Node, A10PathsStayInsideAndOutOfReservedNames) {
  for (const char* path : {"", "a", "a/b", "a.b", ".hidden", "c", "a_/_b"}) {
    EXPECT_NO_THROW(check_path(path)) << path;
  }
  for (const std::string& path :
       {std::string(".."), std::string("a/../b"), std::string("/a"), std::string("a/"),
        std::string("a//b"), std::string("."), std::string("..."), std::string("__x"),
        std::string("a/__x/b"), std::string("a\\b"), std::string("a\0b", 3),
        std::string(300, 'x')}) {
    EXPECT_EQ(code_of([&] { check_path(path); }), ErrorCode::invalid_argument) << path;
    EXPECT_EQ(code_of([&] { read_array_metadata(*make_memory_store(), path, std::nullopt); }),
              ErrorCode::invalid_argument);
  }
}

TEST(Node, KeysAreJoined) {
  EXPECT_EQ(join_key("", "x"), "x");
  EXPECT_EQ(join_key("a/b", "x"), "a/b/x");
  EXPECT_EQ(join_key("a", ""), "a");
  EXPECT_EQ(array_metadata_key("a", 2), "a/.zarray");
  EXPECT_EQ(array_metadata_key("", 3), "zarr.json");
}

}  // namespace
}  // namespace zarrloom
