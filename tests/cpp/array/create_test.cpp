#include <gtest/gtest.h>

#include <limits>

#include "zarrloom/array/metadata.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

CreateOptions options_of(int zarr_format, const char* dtype = "int32") {
  CreateOptions options;
  options.zarr_format = zarr_format;
  options.shape = {100, 30};
  options.chunk_shape = Dims{10, 20};
  options.dtype = dtype_from_numpy_name(dtype);
  return options;
}

// What is made and what is read of its document, written, are the same.
Json document_of(const CreateOptions& options) {
  const ArrayMetadata made = make_metadata(options);
  if (options.zarr_format == 3) {
    const Json document = write_v3_metadata(made);
    const ArrayMetadata read = parse_v3_metadata(parse_json(write_json(document)));
    EXPECT_EQ(write_v3_metadata(read), document);
    EXPECT_EQ(read.codecs, made.codecs);
    return document;
  }
  const Json document = write_v2_metadata(made);
  const ArrayMetadata read = parse_v2_metadata(parse_json(write_json(document)), made.attributes);
  EXPECT_EQ(write_v2_metadata(read), document);
  EXPECT_EQ(read.codecs, made.codecs);
  return document;
}

ErrorCode code_of(const CreateOptions& options) {
  try {
    make_metadata(options);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;  // nothing was thrown
}

TEST(MakeMetadata, V3Defaults) {
  EXPECT_EQ(document_of(options_of(3)), parse_json(R"({
    "zarr_format": 3, "node_type": "array", "shape": [100, 30], "data_type": "int32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10, 20]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}},
               {"name": "zstd", "configuration": {"level": 0, "checksum": false}}],
    "attributes": {}})"));
}

TEST(MakeMetadata, V2Defaults) {
  EXPECT_EQ(document_of(options_of(2)), parse_json(R"({
    "zarr_format": 2, "shape": [100, 30], "chunks": [10, 20], "dtype": "<i4",
    "compressor": {"id": "zstd", "level": 0}, "fill_value": 0, "order": "C",
    "filters": null, "dimension_separator": "."})"));
}

TEST(MakeMetadata, DataTypesOfV3) {
  const auto type_of = [](const char* name) {
    return *document_of(options_of(3, name)).find("data_type");
  };
  EXPECT_EQ(type_of("V3"), Json("r24"));
  EXPECT_EQ(type_of("S4"), parse_json(R"({"name": "null_terminated_bytes",
                                          "configuration": {"length_bytes": 4}})"));
  EXPECT_EQ(type_of("datetime64[10us]"), parse_json(R"({"name": "numpy.datetime64",
      "configuration": {"unit": "us", "scale_factor": 10}})"));
  EXPECT_EQ(type_of("timedelta64"), parse_json(R"({"name": "numpy.timedelta64",
      "configuration": {"unit": "generic", "scale_factor": 1}})"));
  for (const char* name : {"bool", "float16", "complex128", "uint8"}) {
    EXPECT_EQ(type_of(name), Json(name));
    document_of(options_of(2, name));
  }
}

TEST(MakeMetadata, OrderAndByteOrder) {
  CreateOptions options = options_of(3);
  options.order = 'F';
  options.big_endian = true;
  options.compressors.emplace();
  EXPECT_EQ(*document_of(options).find("codecs"), parse_json(R"([
    {"name": "transpose", "configuration": {"order": [1, 0]}},
    {"name": "bytes", "configuration": {"endian": "big"}}])"));
  options.zarr_format = 2;
  const Json v2 = document_of(options);
  EXPECT_EQ(*v2.find("order"), Json("F"));
  EXPECT_EQ(*v2.find("dtype"), Json(">i4"));
  EXPECT_TRUE(v2.find("compressor")->is_null());
  // A serializer that names an order wins.
  options.serializer = CodecConfig{"bytes", Json::Object{{"endian", "little"}}};
  EXPECT_EQ(*document_of(options).find("dtype"), Json("<i4"));
}

TEST(MakeMetadata, CodecsOfV3AreStoredInFull) {
  CreateOptions options = options_of(3);
  options.compressors = {{CodecConfig{"blosc", Json::Object{{"cname", "zstd"}}}}};
  const Json document = document_of(options);
  const Json& blosc = document.find("codecs")->as_array()->at(1);
  for (const char* member : {"cname", "clevel", "shuffle", "typesize", "blocksize"}) {
    EXPECT_NE(blosc.find("configuration")->find(member), nullptr) << member;
  }
}

TEST(MakeMetadata, CompressorsOfV2AreThoseOfNumcodecs) {
  const auto compressor = [](const char* name, const char* configuration) {
    CreateOptions options = options_of(2);
    options.compressors = {{CodecConfig{name, parse_json(configuration)}}};
    return *document_of(options).find("compressor");
  };
  EXPECT_EQ(compressor("blosc", R"({"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle"})"),
            parse_json(R"({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 2,
                           "blocksize": 0})"));
  EXPECT_EQ(compressor("zstd", R"({"level": 3, "checksum": true})"),
            parse_json(R"({"id": "zstd", "level": 3, "checksum": true})"));
  EXPECT_EQ(compressor("gzip", R"({"level": 5})"), parse_json(R"({"id": "gzip", "level": 5})"));
  EXPECT_EQ(compressor("numcodecs.zlib", R"({"level": 5})"),
            parse_json(R"({"id": "zlib", "level": 5})"));
  EXPECT_EQ(compressor("lz4", "{}"), parse_json(R"({"id": "lz4", "acceleration": 1})"));
}

TEST(MakeMetadata, FillValuesAreKept) {
  CreateOptions options = options_of(3, "uint64");
  options.fill_value = FillValue(8, std::byte{0xff});
  EXPECT_EQ(*document_of(options).find("fill_value"),
            Json(std::numeric_limits<std::uint64_t>::max()));
  options.zarr_format = 2;
  EXPECT_EQ(*document_of(options).find("fill_value"),
            Json(std::numeric_limits<std::uint64_t>::max()));
  options.fill_value = FillValue(4);
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
}

TEST(MakeMetadata, WhatMakesNoArrayIsRefused) {
  const auto refused = [](int zarr_format, auto change) {
    CreateOptions options = options_of(zarr_format);
    change(options);
    const ErrorCode code = code_of(options);
    return code == ErrorCode::invalid_argument || code == ErrorCode::unsupported;
  };
  for (int format : {2, 3}) {
    EXPECT_TRUE(refused(format, [](auto& o) { o.shape = {-1, 30}; }));
    EXPECT_TRUE(refused(format, [](auto& o) { o.chunk_shape = Dims{10}; }));
    EXPECT_TRUE(refused(format, [](auto& o) { o.chunk_shape = Dims{0, 20}; }));
    EXPECT_TRUE(refused(format, [](auto& o) { o.chunk_shape = Dims{-10, 20}; }));
    EXPECT_TRUE(refused(format, [](auto& o) { o.order = 'A'; }));
    EXPECT_TRUE(refused(format, [](auto& o) { o.attributes = Json::Array{}; }));
    EXPECT_TRUE(refused(format, [](auto& o) { o.attributes.set("a", "\xff"); }));
    EXPECT_TRUE(refused(format, [](auto& o) { o.key_encoding = {true, '#'}; }));
    EXPECT_TRUE(refused(format, [](auto& o) { o.compressors = {{CodecConfig{"mystery"}}}; }));
    EXPECT_TRUE(refused(format, [](auto& o) { o.serializer = CodecConfig{"mystery"}; }));
    EXPECT_TRUE(refused(format, [](auto& o) {
      o.compressors = {{CodecConfig{"zstd", Json::Object{{"level", 99}}}}};
    }));
  }
  EXPECT_TRUE(refused(3, [](auto& o) { o.zarr_format = 4; }));
  EXPECT_TRUE(refused(3, [](auto& o) { o.dimension_names.emplace(1, "x"); }));
  EXPECT_TRUE(refused(2, [](auto& o) { o.dimension_names.emplace(2, "x"); }));
  EXPECT_TRUE(refused(2, [](auto& o) { o.compressors = {{CodecConfig{"sharding_indexed"}}}; }));
  EXPECT_TRUE(
      refused(2, [](auto& o) { o.compressors = {CodecConfig{"gzip"}, CodecConfig{"zstd"}}; }));
  EXPECT_TRUE(refused(2, [](auto& o) { o.filters = {CodecConfig{"transpose"}}; }));
  EXPECT_TRUE(refused(2, [](auto& o) { o.key_encoding = {false, '/'}; }));
}

// Such an array could be written, but not opened again.
TEST(MakeMetadata, A4NaNInAttributesIsForV2Only) {
  CreateOptions options = options_of(3);
  options.attributes.set("a", std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  options.zarr_format = 2;
  EXPECT_NO_THROW(make_metadata(options));
}

TEST(GuessChunkShape, SizesAndEdges) {
  const auto bytes = [](const Dims& shape, std::size_t item_size) {
    return static_cast<double>(checked_product(guess_chunk_shape(shape, item_size), "chunk")) *
           static_cast<double>(item_size);
  };
  EXPECT_EQ(guess_chunk_shape({10, 10}, 8), (Dims{10, 10}));
  EXPECT_EQ(guess_chunk_shape({}, 8), Dims{});
  EXPECT_EQ(guess_chunk_shape({0, 5}, 8), (Dims{1, 5}));
  EXPECT_EQ(guess_chunk_shape({5}, std::size_t{1} << 27), Dims{1});
  EXPECT_EQ(guess_chunk_shape({1000000, 3}, 8), (Dims{62500, 3}));
  for (const Dims& shape : {Dims{3000000}, Dims{1500, 1000}, Dims{1000, 1000, 3}}) {
    EXPECT_GT(bytes(shape, 4), 0.5e6);
    EXPECT_LE(bytes(shape, 4), 2.1e6);
  }
  EXPECT_GT(bytes({1000000, 1000000}, 8), 33e6);
  EXPECT_LE(bytes({1000000, 1000000}, 8), 67.2e6);
  EXPECT_LE(bytes(Dims::filled(3, std::int64_t{1} << 62), 16), 67.2e6);
}

}  // namespace
}  // namespace zarrloom
