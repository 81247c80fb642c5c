// Chains whose array codecs compute: any order of views and transforms, and what each of them
// makes.
#include "codecs/codec_test_tools.h"
#include "zarrloom/codecs/chain.h"

namespace zarrloom::testing {
namespace {

CodecConfig codec(std::string_view name, std::string_view configuration = "{}") {
  return {std::string(name), parse_json(configuration)};
}

const CodecConfig kLittle = codec("bytes", R"({"endian": "little"})");
const CodecConfig kTurned = codec("transpose", R"({"order": [2, 0, 1]})");
const CodecConfig kDelta = codec("numcodecs.delta");

template <typename T>
std::vector<T> stored_elements(const CodecChain& chain, std::vector<std::int32_t> values) {
  Workspace workspace;
  const ByteView bytes{reinterpret_cast<const std::byte*>(values.data()), values.size() * 4};
  const ByteView stored = chain.encode(c_view(bytes, chain.spec().shape, 4), workspace);
  std::vector<T> elements(stored.size() / sizeof(T));
  std::copy(stored.begin(), stored.end(), reinterpret_cast<std::byte*>(elements.data()));
  return elements;
}

TEST(Transforms, InAnyOrderWithViewsShardsAndCompressors) {
  const CodecConfig wide = codec("numcodecs.astype", R"({"encode_dtype": "<i8"})");
  const CodecConfig turned_back = codec("transpose", R"({"order": [1, 2, 0]})");
  const CodecConfig shards = codec("sharding_indexed", R"({"chunk_shape": [1, 2, 2], "codecs":
            [{"name": "transpose", "configuration": {"order": [2, 1, 0]}},
             {"name": "numcodecs.delta", "configuration": {}},
             {"name": "bytes", "configuration": {"endian": "big"}}, "zstd"]})");
  const CodecConfig big = codec("bytes", R"({"endian": "big"})");
  const std::vector<std::vector<CodecConfig>> chains{
      {kDelta, kLittle},
      {kTurned, kDelta, kLittle},
      {kDelta, kTurned, kLittle},
      {kTurned, kDelta, kTurned, wide, turned_back, kLittle, codec("zstd")},
      {kDelta, wide, kDelta, big, codec("crc32c"), codec("gzip")},
      {codec("numcodecs.crc32"), kLittle},
      {kDelta, kLittle, codec("numcodecs.crc32"), codec("numcodecs.crc32")},
      {shards},
      {kDelta, shards, codec("gzip")},
      {wide, kTurned, kDelta, shards},
  };
  for (const auto& codecs : chains) {
    if (codecs.front().name == "numcodecs.crc32") {
      expect_error(ErrorCode::invalid_argument,
                   [&] { CodecChain(codecs, spec_of({4, 6, 2}, "int32")); });
      continue;
    }
    const CodecChain chain(codecs, spec_of({4, 6, 2}, "int32"));
    SCOPED_TRACE(chain.configs().front().name + " and " + std::to_string(codecs.size() - 1));
    check_chain(chain);
    EXPECT_FALSE(chain.is_memory_image());
  }
}

TEST(Transforms, ShardsBehindOneAreReadWhole) {
  const CodecConfig shards = codec("sharding_indexed", R"({"chunk_shape": [2], "codecs":
      [{"name": "bytes", "configuration": {"endian": "little"}}]})");
  EXPECT_NE(CodecChain({shards}, spec_of({4}, "int32")).shard_layout(), nullptr);
  EXPECT_EQ(CodecChain({kDelta, shards}, spec_of({4}, "int32")).shard_layout(), nullptr);
}

TEST(Transforms, DeltaGoesInCOrderOfWhatItSees) {
  using Values = std::vector<std::int32_t>;
  const Values values{1, 2, 4, 8, 16, 32};
  const CodecChain plain({kDelta, kLittle}, spec_of({2, 3}, "int32"));
  EXPECT_EQ(stored_elements<std::int32_t>(plain, values), (Values{1, 1, 2, 4, 8, 16}));
  const CodecConfig turned = codec("transpose", R"({"order": [1, 0]})");
  const CodecChain first({turned, kDelta, kLittle}, spec_of({2, 3}, "int32"));
  EXPECT_EQ(stored_elements<std::int32_t>(first, values), (Values{1, 7, -6, 14, -12, 28}));
  const CodecChain last({kDelta, turned, kLittle}, spec_of({2, 3}, "int32"));
  EXPECT_EQ(stored_elements<std::int32_t>(last, values), (Values{1, 4, 1, 8, 2, 16}));
}

// A chunk of terabytes in the metadata, a few bytes in the store: refused before memory is asked
// for.
TEST(Transforms, B3SizesAreCheckedBeforeMemoryIsAllocated) {
  const std::int64_t huge = std::int64_t{1} << 40;
  const CodecConfig one = codec("numcodecs.astype", R"({"encode_dtype": "|u1"})");
  const Bytes few = encoded_by(*make_compressor("zstd"), as_byte_view("few"));
  Bytes out(8);
  const ArrayView part = c_view(out.span(), {1}, 8);
  Workspace workspace;
  for (const auto& codecs : {std::vector{one, kLittle}, {one, kLittle, codec("zstd")}}) {
    const CodecChain chain(codecs, spec_of({huge}, "int64"));
    expect_error(ErrorCode::corrupt_data,
                 [&] { chain.decode_part(few.view(), {0}, {1}, part, workspace); });
  }
}

TEST(Transforms, PackbitsChecksTheNumberOfUnusedBits) {
  const CodecChain chain({codec("numcodecs.packbits"), codec("bytes")}, spec_of({3}, "bool"));
  Bytes stored = bytes_of({5, 0xA0});
  Bytes out(3);
  const ArrayView view = c_view(out.span(), {3}, 1);
  Workspace workspace;
  chain.decode(stored.view(), view, workspace);
  EXPECT_TRUE(std::ranges::equal(out.view(), bytes_of({1, 0, 1}).view()));
  for (int wrong : {0, 4, 6, 13, 255}) {
    stored.data()[0] = static_cast<std::byte>(wrong);
    expect_contains(expect_error(ErrorCode::corrupt_data,
                                 [&] { chain.decode(stored.view(), view, workspace); }),
                    "numcodecs.packbits");
  }
}

// Elements of another type than the array's are looked at as those; a bool stays 0 or 1 all the
// same.
TEST(Transforms, B10BoolsFromACodecOfBytesAreChecked) {
  const CodecConfig bytes_delta = codec("numcodecs.delta", R"({"dtype": "|u1"})");
  const CodecChain chain({bytes_delta, codec("bytes")}, spec_of({2}, "bool"));
  Bytes out(2);
  Workspace workspace;
  const auto decode = [&](std::initializer_list<int> stored) {
    chain.decode(bytes_of(stored).view(), c_view(out.span(), {2}, 1), workspace);
  };
  decode({1, 255});
  EXPECT_TRUE(std::ranges::equal(out.view(), bytes_of({1, 0}).view()));
  expect_error(ErrorCode::corrupt_data, [&] { decode({1, 1}); });
}

TEST(Transforms, WrongConfigurationsAreRefusedAtOpen) {
  const auto refused = [](std::string_view name, std::string_view configuration,
                          std::string_view dtype) {
    try {
      CodecChain({codec(name, configuration), codec("bytes", R"({"endian": "little"})")},
                 spec_of({3}, dtype));
    } catch (const Error& error) {
      expect_contains(error.what(), name);
      return error.code() == ErrorCode::invalid_argument || error.code() == ErrorCode::unsupported;
    }
    return false;
  };
  EXPECT_TRUE(refused("numcodecs.delta", R"({"dtype": "<i8"})", "int32")) << "12 bytes";
  EXPECT_TRUE(refused("numcodecs.delta", "{}", "S4"));
  EXPECT_TRUE(refused("numcodecs.delta", R"({"dtype": "|O"})", "int32"));
  EXPECT_TRUE(refused("numcodecs.astype", "{}", "int32"));
  EXPECT_TRUE(refused("numcodecs.quantize", R"({"digits": 2})", "int32"));
  EXPECT_TRUE(refused("numcodecs.quantize", "{}", "float32"));
  EXPECT_TRUE(refused("bitround", R"({"keepbits": 24})", "float32"));
  EXPECT_TRUE(refused("bitround", R"({"keepbits": -1})", "float32"));
  EXPECT_TRUE(refused("bitround", R"({"keepbits": 3})", "bool"));
  EXPECT_TRUE(refused("numcodecs.fixedscaleoffset", R"({"offset": 1})", "float32"));
  EXPECT_TRUE(refused("numcodecs.fixedscaleoffset", R"({"offset": 1, "scale": 0})", "float32"));
  EXPECT_TRUE(refused("numcodecs.fixedscaleoffset", R"({"offset": 300, "scale": 1})", "uint8"));
  EXPECT_TRUE(refused("numcodecs.packbits", "{}", "uint8"));
}

}  // namespace
}  // namespace zarrloom::testing
