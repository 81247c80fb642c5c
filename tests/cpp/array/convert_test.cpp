#include "zarrloom/array/convert.h"

#include <gtest/gtest.h>

#include "fakes/arrays.h"
#include "fakes/counting_store.h"
#include "fakes/faulty_store.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

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

CreateOptions v2_array(char order, char separator) {
  CreateOptions options;
  options.zarr_format = 2;
  options.shape = {6, 4};
  options.chunk_shape = Dims{3, 2};
  options.dtype = dtype_from_numpy_name("int32");
  options.order = order;
  options.key_encoding = ChunkKeyEncoding{true, separator};
  options.attributes = parse_json(R"({"_ARRAY_DIMENSIONS": ["y", "x"], "units": "m"})");
  return options;
}

// "g/a" and "g/b".
void make(const std::shared_ptr<Store>& store) {
  const Group root = Group::create(store, "", {.zarr_format = 2});
  for (const char* path : {"g/a", "g/b"}) {
    fakes::write_all(root.create_array(path, v2_array('F', '.')), fakes::counting({6, 4}));
  }
}

TEST(Convert, MetadataGoesThereAndBack) {
  for (const char order : {'C', 'F'}) {
    for (const char separator : {'.', '/'}) {
      const ArrayMetadata old = make_metadata(v2_array(order, separator));
      const ArrayMetadata there = convert_metadata(old, 3, true);
      EXPECT_EQ(there.zarr_format, 3);
      EXPECT_EQ(there.key_encoding.separator, separator);
      EXPECT_TRUE(there.key_encoding.v2_style);
      EXPECT_EQ(there.attributes, parse_json(R"({"units": "m"})"));
      ASSERT_TRUE(there.dimension_names);
      EXPECT_EQ(there.dimension_names->at(1), "x");
      const ArrayMetadata back = convert_metadata(there, 2, true);
      EXPECT_EQ(write_v2_metadata(back), write_v2_metadata(old));
      EXPECT_FALSE(convert_metadata(old, 3, false).key_encoding.v2_style);
    }
  }
}

TEST(Convert, WhatTheOtherFormatCannotSayIsUnsupported) {
  CreateOptions options = v2_array('C', '.');
  options.zarr_format = 3;
  options.key_encoding = ChunkKeyEncoding{};
  EXPECT_EQ(code_of([&] { convert_metadata(make_metadata(options), 2, true); }),
            ErrorCode::unsupported);
  EXPECT_EQ(convert_metadata(make_metadata(options), 2, false).zarr_format, 2);
  options.shard_shape = Dims{6, 4};
  EXPECT_EQ(code_of([&] { convert_metadata(make_metadata(options), 2, false); }),
            ErrorCode::unsupported);
  CreateOptions nan = v2_array('C', '.');
  nan.attributes = parse_json(R"({"a": NaN})", {.allow_nan = true});
  EXPECT_EQ(code_of([&] { convert_metadata(make_metadata(nan), 3, true); }),
            ErrorCode::unsupported);
}

TEST(Convert, InPlaceWritesMetadataAlone) {
  const auto counted = std::make_shared<fakes::CountingStore>(make_memory_store());
  make(counted);
  const std::uint64_t writes = counted->writes();
  convert_in_place(default_runtime(), counted, "", 3);
  EXPECT_EQ(counted->writes() - writes, 4U);  // the root, "g" and the arrays
  const Group root = Group::open(counted);
  EXPECT_EQ(root.zarr_format(), 3);
  for (const NodeEntry& entry : root.members(std::nullopt)) {
    EXPECT_EQ(entry.documents.zarr_format, 3) << entry.path;
  }
  EXPECT_EQ(fakes::read_all(std::get<Array>(root.at("g/a"))), fakes::counting({6, 4}));
  EXPECT_EQ(code_of([&] { convert_in_place(default_runtime(), counted, "q", 3); }),
            ErrorCode::node_not_found);
}

TEST(Convert, OneThatIsBrokenOffCanBeBegunAgain) {
  for (std::uint64_t n = 1; n <= 4; ++n) {
    const auto faulty = std::make_shared<fakes::FaultyStore>(make_memory_store());
    make(faulty);
    faulty->fail_write(n, {.code = ErrorCode::storage, .message = "full"});
    EXPECT_EQ(code_of([&] { convert_in_place(default_runtime(), faulty, "", 3); }),
              ErrorCode::storage);
    const auto values = [&] {
      return fakes::read_all(std::get<Array>(Group::open(faulty).at("g/b")));
    };
    EXPECT_EQ(values(), fakes::counting({6, 4}));
    convert_in_place(default_runtime(), faulty, "", 3);
    EXPECT_EQ(values(), fakes::counting({6, 4}));
    EXPECT_EQ(std::get<Array>(Group::open(faulty).at("g/a")).metadata().zarr_format, 3);
    for (const ListEntry& entry : faulty->list("", ListDepth::all)) {
      EXPECT_EQ(entry.name.find(".z"), std::string::npos) << entry.name;
    }
  }
}

}  // namespace
}  // namespace zarrloom
