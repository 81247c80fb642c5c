#include "zarrloom/codecs/chain.h"

#include <cstring>

#include "codecs/codec_test_tools.h"
#include "zarrloom/base/strided_copy.h"

namespace zarrloom::testing {
namespace {

// From JSON as metadata has it.
CodecChain make_chain(std::string_view codecs, const ChunkSpec& spec) {
  std::vector<CodecConfig> configs;
  const Json list = parse_json(codecs);
  for (const Json& item : *list.as_array()) {
    const Json* configuration = item.find("configuration");
    configs.push_back({*item.find("name")->as_string(),
                       configuration != nullptr ? *configuration : Json(Json::Object{})});
  }
  return CodecChain(configs, spec);
}

constexpr std::string_view kLittle = R"({"name": "bytes", "configuration": {"endian": "little"}})";

std::string with_bytes(std::string_view rest) {
  return "[" + std::string(kLittle) + (rest.empty() ? "" : ", ") + std::string(rest) + "]";
}

TEST(Chain, ManyCodecsInARow) {
  const std::string chains[] = {
      with_bytes(R"({"name": "zstd"}, {"name": "crc32c"})"),
      with_bytes(R"({"name": "crc32c"}, {"name": "zstd"})"),
      with_bytes(R"({"name": "crc32c"}, {"name": "crc32c"})"),
      with_bytes(R"({"name": "gzip"}, {"name": "zstd"})"),
      with_bytes(R"({"name": "zstd"}, {"name": "numcodecs.lz4"}, {"name": "blosc"},
                    {"name": "numcodecs.zlib"}, {"name": "crc32c"})"),
      R"([{"name": "transpose", "configuration": {"order": [2, 0, 1]}},
          {"name": "bytes", "configuration": {"endian": "big"}}, {"name": "blosc"}])",
      R"([{"name": "transpose", "configuration": {"order": [2, 0, 1]}},
          {"name": "transpose", "configuration": {"order": [1, 0, 2]}},
          {"name": "bytes", "configuration": {"endian": "little"}}, {"name": "zstd"}])",
      // Two that undo each other.
      R"([{"name": "transpose", "configuration": {"order": [2, 0, 1]}},
          {"name": "transpose", "configuration": {"order": [1, 2, 0]}},
          {"name": "bytes", "configuration": {"endian": "little"}}])",
  };
  for (const std::string& codecs : chains) {
    SCOPED_TRACE(codecs);
    for (const char* dtype : {"bool", "int16", "float64"}) {
      check_chain(make_chain(codecs, spec_of({4, 3, 7}, dtype)));
    }
  }
}

TEST(Chain, MemoryImage) {
  const ChunkSpec spec = spec_of({2, 3}, "int32");
  EXPECT_TRUE(make_chain(with_bytes(""), spec).is_memory_image());
  EXPECT_FALSE(make_chain(with_bytes(R"({"name": "crc32c"})"), spec).is_memory_image());
  EXPECT_FALSE(make_chain(R"([{"name": "bytes", "configuration": {"endian": "big"}}])", spec)
                   .is_memory_image());
  const auto transposed = [](const Dims& shape) {
    return make_chain(R"([{"name": "transpose", "configuration": {"order": [1, 0]}},
                          {"name": "bytes", "configuration": {"endian": "little"}}])",
                      spec_of(shape, "int32"))
        .is_memory_image();
  };
  EXPECT_FALSE(transposed({2, 3}));
  EXPECT_FALSE(transposed({3, 3}));
  EXPECT_TRUE(transposed({1, 3})) << "no element moves";
}

TEST(Chain, MemoryImageIsEncodedWithoutACopy) {
  const CodecChain chain = make_chain(with_bytes(""), spec_of({6}, "uint8"));
  Workspace workspace;
  const std::string_view elements = "abcdef";
  const ByteView encoded = chain.encode(c_view(as_byte_view(elements), {6}, 1), workspace);
  EXPECT_EQ(static_cast<const void*>(encoded.data()), elements.data());
}

TEST(Chain, ConfigsAreComplete) {
  const CodecChain chain = make_chain(
      R"([{"name": "transpose", "configuration": {"order": "F"}},
          {"name": "bytes", "configuration": {"endian": "big"}}, {"name": "zstd"}])",
      spec_of({2, 3}, "int32"));
  const std::vector<CodecConfig> configs = chain.configs();
  ASSERT_EQ(configs.size(), 3u);
  EXPECT_EQ(configs[0].configuration, parse_json(R"({"order": [1, 0]})"));
  EXPECT_EQ(configs[1].name, "bytes");
  EXPECT_EQ(configs[2].configuration, parse_json(R"({"level": 0, "checksum": false})"));
}

TEST(Chain, A9WrongOrderIsAnErrorWhenBound) {
  const auto refused = [](const std::string& codecs) {
    const auto bind = [&] { make_chain(codecs, spec_of({2, 3}, "int32")); };
    return expect_error(ErrorCode::invalid_argument, bind);
  };
  const std::string order = R"({"name": "transpose", "configuration": {"order": [1, 0]}})";
  const std::string bytes(kLittle), zstd = R"({"name": "zstd"})";
  expect_contains(refused("[]"), "bytes");
  refused("[" + order + "]");
  expect_contains(refused("[" + zstd + "]"), "zstd");
  expect_contains(refused("[" + bytes + ", " + bytes + "]"), "bytes");
  expect_contains(refused("[" + zstd + ", " + bytes + "]"), "zstd");
  expect_contains(refused("[" + bytes + ", " + order + "]"), "transpose");
  expect_contains(refused("[" + bytes + ", " + zstd + ", " + bytes + "]"), "bytes");
  expect_contains(refused(R"([{"name": "bytes"}])"), "endian");
  expect_contains(refused(R"([{"name": "transpose", "configuration": {"order": [1]}}])"),
                  "transpose");
  const auto unknown = [] { make_chain(R"([{"name": "unheard-of"}])", spec_of({2}, "int32")); };
  expect_contains(expect_error(ErrorCode::unsupported, unknown), "unheard-of");
}

std::string decode_refused(const CodecChain& chain, ByteView stored) {
  Workspace workspace;
  Bytes out(chain.spec().dtype.item_size);
  const std::size_t rank = chain.spec().shape.size();
  const Dims one = Dims::filled(rank, 1);
  const ArrayView element = c_view(out.span(), one, out.size());
  const auto decode = [&] {
    chain.decode_part(stored, Dims::filled(rank, 0), one, element, workspace);
  };
  const std::string message = expect_error(ErrorCode::corrupt_data, decode);
  EXPECT_LE(workspace.stage_a.capacity() + workspace.stage_b.capacity(), std::size_t{64} << 20);
  return message;
}

TEST(Chain, B1RawChunkOfAnotherSize) {
  const CodecChain chain = make_chain(with_bytes(""), spec_of({4}, "int32"));
  EXPECT_EQ(chain.max_stored_size(), 16u);
  for (std::size_t size : {0, 1, 15, 17, 32}) {
    const std::string message = decode_refused(chain, Bytes(size).view());
    expect_contains(message, "bytes: ");
    expect_contains(message, std::to_string(size) + " bytes stored, 16 expected");
  }
}

TEST(Chain, B2ErrorsNameTheCodec) {
  const CodecChain chain =
      make_chain(with_bytes(R"({"name": "zstd"}, {"name": "crc32c"})"), spec_of({4}, "int32"));
  const std::string_view noise = "not what a chunk looks like";
  EXPECT_EQ(decode_refused(chain, as_byte_view(noise)).find("crc32c: "), 0u);
  const auto crc = make_compressor("crc32c");
  EXPECT_EQ(decode_refused(chain, encoded_by(*crc, as_byte_view(noise)).view()).find("zstd: "), 0u);
}

// A terabyte is bound without allocating it, and is refused for an object that cannot hold it.
TEST(Chain, B3HugeChunkAndSmallObject) {
  const ChunkSpec spec = spec_of({std::int64_t{1} << 20, std::int64_t{1} << 20}, "uint8");
  const std::string noise = repeated("\x01\x02garbage", 100);
  for (const char* rest :
       {"", R"({"name": "zstd"})", R"({"name": "gzip"})", R"({"name": "blosc"})",
        R"({"name": "crc32c"})", R"({"name": "numcodecs.zlib"})", R"({"name": "numcodecs.lz4"})",
        R"({"name": "gzip"}, {"name": "zstd"})", R"({"name": "zstd"}, {"name": "gzip"})",
        R"({"name": "zstd"}, {"name": "blosc"})", R"({"name": "crc32c"}, {"name": "zstd"})"}) {
    SCOPED_TRACE(rest);
    const CodecChain chain = make_chain(with_bytes(rest), spec);
    EXPECT_EQ(chain.decoded_size(), std::size_t{1} << 40);
    EXPECT_GE(chain.max_stored_size(), std::size_t{1} << 40);
    decode_refused(chain, as_byte_view(noise));
    decode_refused(chain, {});
  }
}

TEST(Chain, B3ValidSmallObjectForAHugeChunk) {
  const ChunkSpec huge = spec_of({std::int64_t{1} << 40}, "uint8");
  for (const char* name : {"zstd", "gzip", "blosc", "numcodecs.zlib", "numcodecs.lz4", "crc32c"}) {
    SCOPED_TRACE(name);
    const std::string text(100, 'x');
    const Bytes stored = encoded_by(*make_compressor(name), as_byte_view(text));
    const CodecChain chain =
        make_chain(with_bytes("{\"name\": \"" + std::string(name) + "\"}"), huge);
    decode_refused(chain, stored.view());
    const CodecChain two = make_chain(
        with_bytes("{\"name\": \"gzip\"}, {\"name\": \"" + std::string(name) + "\"}"), huge);
    const Bytes inner = encoded_by(*make_compressor("gzip"), as_byte_view(text));
    decode_refused(two, encoded_by(*make_compressor(name), inner.view()).view());
  }
}

TEST(Chain, SizesBeyond64BitsAreRefusedWhenBound) {
  const ChunkSpec spec = spec_of({std::int64_t{1} << 40, std::int64_t{1} << 40}, "uint8");
  expect_error(ErrorCode::invalid_argument, [&] { make_chain(with_bytes(""), spec); });
  const ChunkSpec items = spec_of({std::int64_t{1} << 61}, "float64");
  expect_error(ErrorCode::invalid_argument, [&] { make_chain(with_bytes(""), items); });
  const ChunkSpec most = spec_of({(std::int64_t{1} << 62)}, "uint8");
  const CodecChain chain = make_chain(
      with_bytes(R"({"name": "zstd"}, {"name": "gzip"}, {"name": "blosc"}, {"name": "crc32c"})"),
      most);
  EXPECT_GE(chain.max_stored_size(), std::size_t{1} << 62);
}

// The outer codec gives far more than the inner one could have written.
TEST(Chain, B4BombInTheOuterCodec) {
  const CodecChain chain =
      make_chain(with_bytes(R"({"name": "gzip"}, {"name": "zstd"})"), spec_of({100}, "uint8"));
  const std::string zeros(std::size_t{64} << 20, '\0');
  const Bytes bomb = encoded_by(*make_compressor("zstd"), as_byte_view(zeros));
  EXPECT_EQ(decode_refused(chain, bomb.view()).find("zstd: "), 0u);
}

TEST(Chain, B10BoolIsCheckedOnEveryPath) {
  const Bytes wrong = bytes_of({0, 1, 2, 0});
  for (const char* rest : {"", R"({"name": "zstd"})", R"({"name": "crc32c"})"}) {
    SCOPED_TRACE(rest);
    const CodecChain chain = make_chain(with_bytes(rest), spec_of({4}, "bool"));
    Workspace workspace;
    const ConstArrayView chunk = c_view(wrong.view(), {4}, 1);
    const Bytes stored = Bytes::copy_of(chain.encode(chunk, workspace));
    decode_refused(chain, stored.view());
    Bytes out(8);
    for (std::int64_t stride : {1, 2}) {
      const ArrayView whole{out.data(), {4}, {stride}, 1};
      expect_error(ErrorCode::corrupt_data, [&] { chain.decode(stored.view(), whole, workspace); });
    }
    expect_error(ErrorCode::corrupt_data, [&] { chain.check_memory_image(wrong.view()); });
  }
}

TEST(Workspace, LargeBuffersAreGivenBack) {
  Workspace& workspace = thread_workspace();
  EXPECT_EQ(&workspace, &thread_workspace());
  workspace.stored = Bytes((std::size_t{64} << 20) + (std::size_t{4} << 20));
  workspace.stage_a = Bytes(1000);
  trim_workspace(workspace);
  EXPECT_EQ(workspace.stored.capacity(), 0u);
  EXPECT_GE(workspace.stage_a.capacity(), 1000u);
}

}  // namespace
}  // namespace zarrloom::testing
