#include "zarrloom/array/metadata.h"

#include <gtest/gtest.h>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

const char* const kV3 = R"({
  "zarr_format": 3, "node_type": "array", "shape": [100, 30], "data_type": "int32",
  "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10, 20]}},
  "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
  "fill_value": 0,
  "codecs": [{"name": "bytes", "configuration": {"endian": "little"}},
             {"name": "zstd", "configuration": {"level": 3, "checksum": false}}],
  "attributes": {"a": [1, 2.0, null], "b": {"deep": true}, "big": 12345678901234567890123},
  "dimension_names": ["y", null]})";

const char* const kV2 = R"({
  "zarr_format": 2, "shape": [100, 30], "chunks": [10, 20], "dtype": ">i4",
  "compressor": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
  "fill_value": 0, "order": "F", "filters": null, "dimension_separator": "/"})";

// The document with members replaced by those of `changes`; null in `removed` takes one away.
Json changed(const char* document, const char* changes, std::string_view removed = "") {
  Json json = parse_json(document);
  const Json other = parse_json(changes, {.allow_nan = true});
  for (const auto& [name, value] : *other.as_object()) json.set(name, value);
  json.erase(removed);
  return json;
}

ArrayMetadata v3(const char* changes = "{}") { return parse_v3_metadata(changed(kV3, changes)); }
ArrayMetadata v2(const char* changes = "{}") {
  return parse_v2_metadata(changed(kV2, changes), Json());
}

// The error's code, and its message in `message`.
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

void expect_v3_error(const char* changes, ErrorCode code, std::string_view named) {
  std::string message = "no error";
  EXPECT_EQ(code_of([&] { v3(changes); }, &message), code) << changes << ": " << message;
  EXPECT_NE(message.find(named), std::string::npos) << changes << ": " << message;
}

void expect_v2_error(const char* changes, ErrorCode code, std::string_view named) {
  std::string message = "no error";
  EXPECT_EQ(code_of([&] { v2(changes); }, &message), code) << changes << ": " << message;
  EXPECT_NE(message.find(named), std::string::npos) << changes << ": " << message;
}

// Parsed, written and parsed again it is the same, and so is what is written.
Json round_trip_v3(const char* changes) {
  const Json written = write_v3_metadata(v3(changes));
  const Json again = write_v3_metadata(parse_v3_metadata(parse_json(write_json(written))));
  EXPECT_EQ(write_json(written), write_json(again));
  return written;
}

Json round_trip_v2(const char* changes) {
  const Json written = write_v2_metadata(v2(changes));
  const Json again = write_v2_metadata(parse_v2_metadata(parse_json(write_json(written)), Json()));
  EXPECT_EQ(write_json(written), write_json(again));
  return written;
}

TEST(MetadataV3, MembersAreRead) {
  const ArrayMetadata metadata = v3();
  EXPECT_EQ(metadata.zarr_format, 3);
  EXPECT_EQ(metadata.shape, (Dims{100, 30}));
  EXPECT_EQ(metadata.chunk_shape, (Dims{10, 20}));
  EXPECT_EQ(metadata.dtype, dtype_from_numpy_name("int32"));
  EXPECT_EQ(metadata.fill_value, FillValue(4));
  EXPECT_EQ(metadata.key_encoding, (ChunkKeyEncoding{false, '/'}));
  ASSERT_EQ(metadata.codecs.size(), 2u);
  EXPECT_EQ(metadata.codecs[1].name, "zstd");
  ASSERT_TRUE(metadata.dimension_names);
  EXPECT_EQ(metadata.dimension_names->at(0), "y");
  EXPECT_EQ(metadata.dimension_names->at(1), std::nullopt);
}

TEST(MetadataV3, AWholeDocumentIsWrittenBack) {
  EXPECT_EQ(write_v3_metadata(v3()), parse_json(kV3));
  const char* kept[] = {
      R"({"data_type": "uint64", "fill_value": 18446744073709551615})",
      R"({"data_type": "float32", "fill_value": "0x7fc00001"})",
      R"({"data_type": "float64", "fill_value": -0.0})",
      R"({"data_type": "r24", "fill_value": [1, 2, 255]})",
      R"({"data_type": {"name": "raw_bytes", "configuration": {"length_bytes": 3}},
          "fill_value": "AQID"})",
      R"({"data_type": {"name": "null_terminated_bytes", "configuration": {"length_bytes": 4}},
          "fill_value": "YWI="})",
      R"({"data_type": {"name": "numpy.datetime64",
                        "configuration": {"unit": "us", "scale_factor": 10}}, "fill_value": 5})",
      R"({"data_type": {"name": "int32"}})",
      R"({"chunk_key_encoding": {"name": "v2", "configuration": {"separator": "."}}})",
      R"({"my_extension": {"must_understand": false, "purpose": [1, {"a": null}]}})"};
  for (const char* changes : kept) {
    EXPECT_EQ(round_trip_v3(changes), changed(kV3, changes)) << changes;
  }
}

TEST(MetadataV3, WhatIsLeftOutHasItsDefault) {
  Json document = changed(kV3, R"({"chunk_key_encoding": "v2"})", "attributes");
  document.erase("dimension_names");
  const ArrayMetadata metadata = parse_v3_metadata(document);
  EXPECT_EQ(metadata.key_encoding, (ChunkKeyEncoding{true, '.'}));
  EXPECT_EQ(metadata.attributes, Json(Json::Object{}));
  EXPECT_FALSE(metadata.dimension_names);
  EXPECT_EQ(v3(R"({"chunk_key_encoding": {"name": "default"}})").key_encoding,
            (ChunkKeyEncoding{false, '/'}));
  EXPECT_EQ(v3(R"({"storage_transformers": [], "consolidated_metadata": null})").extra,
            Json(Json::Object{}));
  EXPECT_FALSE(v3(R"({"dimension_names": null})").dimension_names);
}

TEST(MetadataV3, DataTypes) {
  const auto dtype = [](const char* changes) { return v3(changes).dtype.numpy_name(); };
  EXPECT_EQ(dtype(R"({"data_type": {"name": "int32", "configuration": {}}})"), "int32");
  EXPECT_EQ(dtype(R"({"data_type": "r16", "fill_value": [0, 1]})"), "V2");
  EXPECT_EQ(dtype(R"({"data_type": {"name": "numpy.timedelta64", "configuration":
                      {"unit": "generic", "scale_factor": 1}}})"),
            "timedelta64");
  EXPECT_EQ(dtype(R"({"data_type": {"name": "numpy.datetime64", "configuration":
                      {"unit": "ns", "scale_factor": 1}}, "fill_value": "NaT"})"),
            "datetime64[ns]");
  expect_v3_error(R"({"data_type": "r12"})", ErrorCode::corrupt_metadata, "r12");
  expect_v3_error(R"({"data_type": "r0"})", ErrorCode::corrupt_metadata, "r0");
  expect_v3_error(R"({"data_type": 32})", ErrorCode::corrupt_metadata, "data_type");
  expect_v3_error(R"({"data_type": {"name": "int32", "configuration": {"bits": 32}}})",
                  ErrorCode::corrupt_metadata, "bits");
  expect_v3_error(R"({"data_type": {"name": "numpy.datetime64", "configuration":
                      {"unit": "1s", "scale_factor": 2}}})",
                  ErrorCode::corrupt_metadata, "unit");
  expect_v3_error(R"({"data_type": {"name": "numpy.datetime64", "configuration":
                      {"unit": "s", "scale_factor": 0}}})",
                  ErrorCode::corrupt_metadata, "scale");
}

TEST(MetadataV3, A5FillValueMustBeThere) {
  std::string message;
  EXPECT_EQ(code_of([] { parse_v3_metadata(changed(kV3, "{}", "fill_value")); }, &message),
            ErrorCode::corrupt_metadata);
  EXPECT_EQ(message, "fill_value is missing");
  expect_v3_error(R"({"fill_value": null})", ErrorCode::corrupt_metadata, "fill_value");
  expect_v3_error(R"({"fill_value": 2147483648})", ErrorCode::corrupt_metadata, "out of range");
}

TEST(MetadataV3, A6ShapesAreChecked) {
  for (const char* shape : {"[-1, 30]", "[100.0, 30]", "[18446744073709551616, 30]",
                            "[9223372036854775808, 30]", "[\"100\", 30]", "100", "[true, 1]"}) {
    const std::string changes = R"({"shape": )" + std::string(shape) + "}";
    expect_v3_error(changes.c_str(), ErrorCode::corrupt_metadata, "shape");
  }
  expect_v3_error(R"({"shape": [100]})", ErrorCode::corrupt_metadata, "2 dimensions");
  std::string many = R"({"shape": [1)";
  for (int i = 0; i < 32; ++i) many += ", 1";
  expect_v3_error((many + "]}").c_str(), ErrorCode::unsupported, "33 dimensions");
  const char* zero = R"({"chunk_grid": {"name": "regular",
                                        "configuration": {"chunk_shape": [0, 20]}}})";
  expect_v3_error(zero, ErrorCode::corrupt_metadata, "chunk_shape");
  Json empty = changed(kV3, zero);
  empty.set("shape", Json::Array{0, 30});
  EXPECT_EQ(parse_v3_metadata(empty).chunk_shape, (Dims{0, 20}));
}

TEST(MetadataV3, A7HugeShapesAreFine) {
  const ArrayMetadata metadata = v3(R"({"shape": [4611686018427387904, 4611686018427387904]})");
  EXPECT_EQ(metadata.shape[1], std::int64_t{1} << 62);
}

TEST(MetadataV3, A8UnknownExtensionsAreNamed) {
  const ErrorCode unsupported = ErrorCode::unsupported;
  expect_v3_error(R"({"codecs": [{"name": "bytes", "configuration": {"endian": "little"}},
                                 {"name": "mystery"}]})",
                  unsupported, "mystery");
  expect_v3_error(R"({"mystery": 1})", unsupported, "mystery");
  expect_v3_error(R"({"mystery": {"must_understand": true}})", unsupported, "mystery");
  expect_v3_error(R"({"mystery": {"must_understand": 0}})", unsupported, "mystery");
  expect_v3_error(R"({"data_type": {"name": "fixed_length_utf16",
                                    "configuration": {"length_bytes": 4}}})",
                  unsupported, "fixed_length_utf16");
  expect_v3_error(R"({"data_type": "V5"})", unsupported, "V5");
  expect_v3_error(R"({"data_type": "float128"})", unsupported, "float128");
  expect_v3_error(R"({"chunk_grid": {"name": "hexagonal", "configuration": {}}})", unsupported,
                  "known are regular, rectilinear");
  expect_v3_error(R"({"chunk_grid": {"name": "rectilinear",
                                     "configuration": {"kind": "by reference"}}})",
                  unsupported, "by reference");
  expect_v3_error(R"({"chunk_key_encoding": "hashed"})", unsupported, "hashed");
  expect_v3_error(R"({"storage_transformers": [{"name": "mystery"}]})", unsupported, "mystery");
  expect_v3_error(R"({"storage_transformers": {}})", ErrorCode::corrupt_metadata,
                  "storage_transformers");
}

TEST(MetadataV3, A8UnknownMembersOfExtensionsAreRefused) {
  expect_v3_error(R"({"chunk_grid": {"name": "regular", "extra": 1,
                                     "configuration": {"chunk_shape": [10, 20]}}})",
                  ErrorCode::corrupt_metadata, "extra");
  expect_v3_error(R"({"chunk_grid": {"name": "regular",
                                     "configuration": {"chunk_shape": [10, 20], "extra": 1}}})",
                  ErrorCode::corrupt_metadata, "extra");
}

TEST(MetadataV3, A9CodecChainsAreBound) {
  const auto codecs = [](const char* list) { return R"({"codecs": )" + std::string(list) + "}"; };
  for (const char* list :
       {"[]", R"(["crc32c"])", R"([{"name": "bytes", "configuration": {"endian": "little"}},
                                   {"name": "bytes", "configuration": {"endian": "little"}}])",
        R"(["zstd", {"name": "bytes", "configuration": {"endian": "little"}}])",
        R"(["bytes"])",  // int32 has a byte order
        R"([{"name": "transpose", "configuration": {"order": [1]}},
            {"name": "bytes", "configuration": {"endian": "little"}}])"}) {
    expect_v3_error(codecs(list).c_str(), ErrorCode::invalid_argument, "");
  }
  expect_v3_error(codecs(R"([{"configuration": {}}])").c_str(), ErrorCode::corrupt_metadata,
                  "name");
  expect_v3_error(codecs(R"({"name": "bytes"})").c_str(), ErrorCode::corrupt_metadata, "codecs");
  const ArrayMetadata checked = v3(R"({"data_type": "int8", "codecs": ["bytes", "crc32c"]})");
  EXPECT_EQ(checked.codecs[1].name, "crc32c");
}

TEST(MetadataV3, A10SeparatorsLeadNowhereElse) {
  for (const char* separator : {R"("/../")", R"("")", R"("\\")", "1", "null"}) {
    const std::string changes = R"({"chunk_key_encoding": {"name": "default",
                                    "configuration": {"separator": )" +
                                std::string(separator) + "}}}";
    expect_v3_error(changes.c_str(), ErrorCode::corrupt_metadata, "separator");
  }
}

TEST(MetadataV3, TheHeaderAndAttributesAreChecked) {
  for (const char* format : {"2", "3.0", "\"3\"", "null"}) {
    const std::string changes = R"({"zarr_format": )" + std::string(format) + "}";
    expect_v3_error(changes.c_str(), ErrorCode::corrupt_metadata, "zarr_format");
  }
  expect_v3_error(R"({"node_type": "group"})", ErrorCode::invalid_argument, "group");
  expect_v3_error(R"({"node_type": "thing"})", ErrorCode::corrupt_metadata, "node_type");
  expect_v3_error(R"({"attributes": []})", ErrorCode::corrupt_metadata, "attributes");
  expect_v3_error(R"({"dimension_names": ["x"]})", ErrorCode::corrupt_metadata, "dimension_names");
  expect_v3_error(R"({"dimension_names": ["x", 1]})", ErrorCode::corrupt_metadata,
                  "dimension_names");
  EXPECT_EQ(code_of([] { parse_v3_metadata(Json::Array{}); }), ErrorCode::corrupt_metadata);
  for (const char* member : {"zarr_format", "node_type", "shape", "data_type", "chunk_grid",
                             "chunk_key_encoding", "codecs"}) {
    std::string message;
    EXPECT_EQ(code_of([&] { parse_v3_metadata(changed(kV3, "{}", member)); }, &message),
              ErrorCode::corrupt_metadata);
    EXPECT_EQ(message, std::string(member) + " is missing");
  }
}

TEST(MetadataV3, AnArrayWithoutDimensions) {
  const ArrayMetadata metadata = v3(R"({"shape": [], "dimension_names": [],
      "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": []}}})");
  EXPECT_EQ(metadata.shape.size(), 0u);
  EXPECT_TRUE(metadata.dimension_names->empty());
}

TEST(MetadataV2, MembersAreReadAsAChain) {
  const ArrayMetadata metadata = v2();
  EXPECT_EQ(metadata.zarr_format, 2);
  EXPECT_EQ(metadata.dtype, dtype_from_numpy_name("int32"));
  EXPECT_TRUE(metadata.v2.big_endian);
  EXPECT_EQ(metadata.key_encoding, (ChunkKeyEncoding{true, '/'}));
  ASSERT_EQ(metadata.codecs.size(), 3u);
  EXPECT_EQ(metadata.codecs[0].configuration, parse_json(R"({"order": [1, 0]})"));
  EXPECT_EQ(metadata.codecs[1].configuration, parse_json(R"({"endian": "big"})"));
  EXPECT_EQ(metadata.codecs[2].name, "blosc");
  EXPECT_EQ(metadata.codecs[2].configuration.find("id"), nullptr);
}

TEST(MetadataV2, AWholeDocumentIsWrittenBack) {
  const char* kept[] = {"{}",
                        R"({"compressor": null, "filters": []})",
                        R"({"compressor": {"id": "zstd", "level": 0}})",
                        R"({"compressor": {"id": "gzip", "level": 1}})",
                        R"({"compressor": {"id": "zlib", "level": 1}})",
                        R"({"compressor": {"id": "lz4", "acceleration": 1}})",
                        R"({"dtype": "<f8", "fill_value": "NaN"})",
                        R"({"dtype": "<u8", "fill_value": 18446744073709551615, "order": "C"})",
                        R"({"dtype": "|S4", "fill_value": "YWI="})",
                        R"({"dtype": "|V3", "fill_value": "AQID"})",
                        R"({"dtype": ">M8[ns]", "fill_value": -9223372036854775808})",
                        R"({"dtype": "|b1", "fill_value": true})",
                        R"({"fill_value": null})",
                        R"({"dimension_separator": "."})",
                        R"({"unknown": {"kept": [1, 2]}})"};
  for (const char* changes : kept) {
    EXPECT_EQ(round_trip_v2(changes), changed(kV2, changes)) << changes;
  }
}

TEST(MetadataV2, DefaultsAndOneDimension) {
  Json document =
      changed(kV2, R"({"shape": [9], "chunks": [3], "dtype": "|u1"})", "dimension_separator");
  document.erase("filters");
  const ArrayMetadata metadata = parse_v2_metadata(document, Json());
  EXPECT_EQ(metadata.key_encoding, (ChunkKeyEncoding{true, '.'}));
  ASSERT_EQ(metadata.codecs.size(), 2u);  // no transpose: the orders are the same
  EXPECT_EQ(metadata.codecs[0], (CodecConfig{"bytes"}));
  EXPECT_EQ(metadata.v2.order, 'F');
}

TEST(MetadataV2, A5NullFillIsZero) {
  const ArrayMetadata metadata = v2(R"({"fill_value": null})");
  EXPECT_TRUE(metadata.v2.null_fill);
  EXPECT_EQ(metadata.fill_value, FillValue(4));
  EXPECT_EQ(code_of([] { parse_v2_metadata(changed(kV2, "{}", "fill_value"), Json()); }),
            ErrorCode::corrupt_metadata);
}

TEST(MetadataV2, A4BareNaNIsReadAndWrittenAsAString) {
  const Json written = round_trip_v2(R"({"dtype": "<f4", "fill_value": NaN})");
  EXPECT_EQ(*written.find("fill_value"), Json("NaN"));
}

TEST(MetadataV2, A6A8WrongAndUnknownMembersAreNamed) {
  expect_v2_error(R"({"dtype": "|O"})", ErrorCode::unsupported, "|O");
  expect_v2_error(R"({"dtype": [["a", "<q4"]]})", ErrorCode::unsupported, "\"<q4\"");
  expect_v2_error(R"({"dtype": 4})", ErrorCode::corrupt_metadata, "dtype");
  expect_v2_error(R"({"filters": [{"id": "categorize"}]})", ErrorCode::unsupported, "categorize");
  expect_v2_error(R"({"filters": [{"id": "pickle"}]})", ErrorCode::unsupported, "executes code");
  expect_v2_error(R"({"filters": [{"id": "zstd"}, {"id": "delta"}]})", ErrorCode::unsupported,
                  "behind one that makes bytes");
  expect_v2_error(R"({"filters": [{"id": "delta", "dtype": "<i4"}]})", ErrorCode::unsupported,
                  "byte order");
  expect_v2_error(R"({"filters": [{"id": "delta", "no": 1}]})", ErrorCode::invalid_argument,
                  "delta");
  expect_v2_error(R"({"filters": [{"dtype": "<i4"}]})", ErrorCode::corrupt_metadata, "filter");
  expect_v2_error(R"({"filters": {}})", ErrorCode::corrupt_metadata, "filters");
  expect_v2_error(R"({"compressor": {"id": "categorize"}})", ErrorCode::unsupported, "categorize");
  expect_v2_error(R"({"compressor": {"id": "sharding_indexed"}})", ErrorCode::unsupported,
                  "sharding_indexed");
  expect_v2_error(R"({"compressor": "zstd"})", ErrorCode::corrupt_metadata, "compressor");
  expect_v2_error(R"({"compressor": {"id": "zstd", "level": "x"}})", ErrorCode::invalid_argument,
                  "level");
  expect_v2_error(R"({"order": "A"})", ErrorCode::corrupt_metadata, "order");
  expect_v2_error(R"({"dimension_separator": "/../"})", ErrorCode::corrupt_metadata,
                  "dimension_separator");
  expect_v2_error(R"({"chunks": [10]})", ErrorCode::corrupt_metadata, "chunks");
  expect_v2_error(R"({"chunks": [0, 20]})", ErrorCode::corrupt_metadata, "chunks");
  expect_v2_error(R"({"shape": [-1, 30]})", ErrorCode::corrupt_metadata, "shape");
  expect_v2_error(R"({"zarr_format": 3})", ErrorCode::corrupt_metadata, "zarr_format");
  for (const char* member : {"zarr_format", "shape", "chunks", "dtype", "compressor", "order"}) {
    EXPECT_EQ(code_of([&] { parse_v2_metadata(changed(kV2, "{}", member), Json()); }),
              ErrorCode::corrupt_metadata);
  }
}

TEST(MetadataV2, AttributesComeFromTheirOwnDocument) {
  const Json attributes = parse_json(R"({"units": "m", "n": 1.0})");
  EXPECT_EQ(parse_v2_metadata(parse_json(kV2), attributes).attributes, attributes);
  EXPECT_EQ(code_of([] { parse_v2_metadata(parse_json(kV2), Json::Array{}); }),
            ErrorCode::corrupt_metadata);
}

}  // namespace
}  // namespace zarrloom
