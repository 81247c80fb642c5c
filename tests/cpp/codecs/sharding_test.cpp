#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "codecs/codec_test_tools.h"
#include "zarrloom/codecs/shard_layout.h"

namespace zarrloom::testing {
namespace {

constexpr std::string_view kRaw = R"({"name": "bytes", "configuration": {"endian": "little"}})";

// The chain of one sharding codec over int32 elements, with inner chunks of (2, 2).
CodecChain make_shards(const Dims& shape, const std::string& members = "",
                       const std::string& codecs = std::string(kRaw)) {
  const Json configuration =
      parse_json(R"({"chunk_shape": [2, 2], "codecs": [)" + codecs + "]" + members + "}");
  return CodecChain({{"sharding_indexed", configuration}}, spec_of(shape, "int32"));
}

const std::string kNoChecksum = ", \"index_codecs\": [" + std::string(kRaw) + "]";
const std::string kAtStart = kNoChecksum + R"(, "index_location": "start")";

// A shard of four raw inner chunks of 16 bytes by the given ranges.
Bytes shard_of(std::array<std::uint64_t, 8> index, std::size_t data_size, bool at_end = true) {
  Bytes shard(data_size + sizeof index);
  for (std::size_t i = 0; i < data_size; ++i) {
    shard.data()[i + (at_end ? 0 : sizeof index)] = static_cast<std::byte>(i);
  }
  std::memcpy(shard.data() + (at_end ? data_size : 0), index.data(), sizeof index);
  return shard;
}

constexpr std::uint64_t kNone = UINT64_MAX;

std::vector<std::byte> decoded(const CodecChain& chain, ByteView stored) {
  std::vector<std::byte> elements(chain.decoded_size());
  Workspace workspace;
  chain.decode(stored, c_view(MutableBytes(elements), chain.spec().shape, 4), workspace);
  return elements;
}

std::string refused(const CodecChain& chain, const Bytes& shard) {
  return expect_error(ErrorCode::corrupt_data, [&] { decoded(chain, shard.view()); });
}

TEST(Sharding, ChainsOfEveryKind) {
  const std::string raw(kRaw);
  const std::string zstd = raw + R"(, {"name": "zstd"})";
  const std::string blosc =
      raw + R"(, {"name": "blosc", "configuration": {"cname": "lz4"}}, "crc32c")";
  const std::string turned =
      R"({"name": "transpose", "configuration": {"order": [1, 0]}}, )" + zstd;
  const std::string nested = R"({"name": "sharding_indexed", "configuration":
      {"chunk_shape": [1, 2], "index_location": "start", "codecs": [)" +
                             zstd + "]}}";
  for (const std::string& codecs : {raw, zstd, blosc, turned, nested}) {
    SCOPED_TRACE(codecs);
    check_chain(make_shards({6, 8}, "", codecs));
  }
}

TEST(Sharding, CodecsBeforeAndAfter) {
  const Json configuration = parse_json(R"({"chunk_shape": [2, 3], "codecs": [)" +
                                        std::string(kRaw) + R"(, {"name": "gzip"}]})");
  const CodecConfig sharding{"sharding_indexed", configuration};
  const CodecConfig transpose{"transpose", parse_json(R"({"order": [1, 0]})")};
  const CodecConfig gzip{"gzip"};
  const CodecConfig crc{"crc32c"};
  check_chain(CodecChain({transpose, sharding}, spec_of({6, 8}, "int32")));
  check_chain(CodecChain({sharding, gzip}, spec_of({8, 6}, "int32")));
  check_chain(CodecChain({transpose, sharding, gzip, crc}, spec_of({6, 8}, "int32")));
}

TEST(Sharding, InnerChunksOfFillValueAreNotStored) {
  const CodecChain chain = make_shards({4, 4});
  Workspace workspace;
  std::vector<std::byte> elements(chain.decoded_size());
  const ArrayView view = c_view(MutableBytes(elements), chain.spec().shape, 4);
  EXPECT_EQ(chain.encode(view, workspace).size(), 64u + 4u) << "an index and nothing else";
  elements[4 * 15] = std::byte{7};
  const ByteView stored = chain.encode(view, workspace);
  EXPECT_EQ(stored.size(), 16u + 64u + 4u);
  EXPECT_EQ(decoded(chain, stored), elements);
}

TEST(Sharding, B11AnIndexThatLiesIsAnError) {
  const CodecChain chain = make_shards({4, 4}, kNoChecksum);
  expect_contains(refused(chain, shard_of({0, 16, 16, 16, 32, 16, 60, 16}, 64)),
                  "inner chunk (1, 1) is said to have 16 bytes at 60");
  expect_contains(refused(chain, shard_of({0, 16, 1000, 16, 32, 16, 48, 16}, 64)),
                  "inner chunk (0, 1)");
  expect_contains(refused(chain, shard_of({0, 1ull << 63, 16, 16, 32, 16, 48, 16}, 64)),
                  "inner chunk (0, 0)");
  expect_contains(refused(chain, shard_of({0, 16, 16, 16, 32, 15, 48, 16}, 64)),
                  "inner chunk (1, 0): bytes: 15 bytes stored, 16 expected");
  expect_contains(refused(chain, shard_of({0, 16, 16, 0, 32, 16, 48, 16}, 64)),
                  "inner chunk (0, 1): bytes: 0 bytes stored, 16 expected");
  expect_contains(refused(chain, Bytes()), "a shard of 0 bytes cannot hold its index of 64");
  expect_contains(refused(chain, Bytes::copy_of(as_byte_view("20 bytes, no shard.."))), "20 bytes");

  const CodecChain summed = make_shards({4, 4});
  Workspace workspace;
  std::vector<std::byte> elements(summed.decoded_size(), std::byte{1});
  Bytes stored = Bytes::copy_of(
      summed.encode(c_view(MutableBytes(elements), summed.spec().shape, 4), workspace));
  stored.data()[70] ^= std::byte{1};
  expect_contains(refused(summed, stored), "shard index: crc32c: checksum mismatch");
}

TEST(Sharding, B12RangesThatOverflowAreAnError) {
  const CodecChain chain = make_shards({4, 4}, kNoChecksum);
  for (const auto& [offset, length] :
       std::initializer_list<std::pair<std::uint64_t, std::uint64_t>>{
           {kNone - 3, 16}, {16, kNone - 7}, {kNone, 16}, {16, kNone}, {kNone - 1, kNone - 1}}) {
    const Bytes shard = shard_of({0, 16, offset, length, 32, 16, 48, 16}, 64);
    expect_contains(refused(chain, shard), "inner chunk (0, 1)");
  }
}

TEST(Sharding, B13OverlapsAndGapsAreReadButNotTheIndex) {
  const CodecChain chain = make_shards({4, 4}, kNoChecksum);
  // All the same bytes, but one that is missing; the rest of the shard is a gap.
  const std::vector<std::byte> same =
      decoded(chain, shard_of({20, 16, 20, 16, 28, 16, kNone, kNone}, 100).view());
  EXPECT_EQ(same[0], std::byte{20});
  EXPECT_EQ(same[8], std::byte{20});
  EXPECT_EQ(same[32], std::byte{28});
  EXPECT_EQ(same[40], std::byte{0});
  for (const std::uint64_t offset : {63u, 64u, 100u}) {
    const Bytes shard = shard_of({0, 16, 16, 16, 32, 16, offset, 16}, 64);
    expect_contains(refused(chain, shard), "which lie in the index");
  }
  const CodecChain at_start = make_shards({4, 4}, kAtStart);
  const std::vector<std::byte> gaps =
      decoded(at_start, shard_of({64, 16, 80, 16, 64, 16, 150, 16}, 102, false).view());
  EXPECT_EQ(gaps[40], std::byte{86});
  expect_contains(refused(at_start, shard_of({64, 16, 63, 16, 64, 16, 64, 16}, 64, false)),
                  "which lie in the index");
}

TEST(Sharding, B14ConfigurationsThatMakeNoShardAreRefused) {
  const auto error = [](const Dims& shape, const std::string& members, const std::string& codecs) {
    return expect_error(ErrorCode::invalid_argument, [&] { make_shards(shape, members, codecs); });
  };
  const std::string raw(kRaw);
  expect_contains(error({7, 4}, "", raw), "do not divide shards of shape (7, 4)");
  expect_contains(error({4, 4, 4}, "", raw), "do not divide");
  expect_contains(error({4, 4}, "", ""), "lack one that turns the array into bytes");
  expect_contains(error({4, 4}, R"(, "index_location": "middle")", raw), "\"middle\"");
  expect_contains(error({4, 4}, ", \"index_codecs\": [" + raw + R"(, {"name": "gzip"}])", raw),
                  "same size in every shard");
  expect_contains(error({4, 4}, "",
                        R"({"name": "sharding_indexed", "configuration":
      {"chunk_shape": [2, 3], "codecs": [)" +
                            raw + "]}}"),
                  "do not divide");
  for (const char* bad : {"[0, 2]", "[-1, 2]", "[2.5, 2]", "2", "null"}) {
    const Json configuration =
        parse_json(std::string(R"({"chunk_shape": )") + bad + R"(, "codecs": [)" + raw + "]}");
    expect_error(ErrorCode::invalid_argument, [&] {
      CodecChain({{"sharding_indexed", configuration}}, spec_of({4, 4}, "int32"));
    });
  }
}

TEST(Sharding, SizesBeyondAllCountsAreRefused) {
  const std::int64_t big = std::int64_t{1} << 31;
  const Json configuration =
      parse_json(R"({"chunk_shape": [1, 1], "codecs": [)" + std::string(kRaw) + "]}");
  expect_error(ErrorCode::invalid_argument, [&] {
    CodecChain({{"sharding_indexed", configuration}}, spec_of({big, big}, "int8"));
  });
  // Possible, but no bytes can hold it: nothing is allocated.
  const CodecChain chain({{"sharding_indexed", configuration}},
                         spec_of({1 << 20, 1 << 20}, "int8"));
  Workspace workspace;
  std::byte element{};
  const Bytes stored = Bytes::copy_of(as_byte_view("no index"));
  expect_error(ErrorCode::corrupt_data, [&] {
    chain.decode_part(stored.view(), {0, 0}, {1, 1}, {&element, {1, 1}, {1, 1}, 1}, workspace);
  });
}

TEST(Sharding, LayoutsOfPartsThatCanBeReadByRange) {
  const CodecConfig sharding{
      "sharding_indexed",
      parse_json(R"({"chunk_shape": [3, 2], "codecs": [)" + std::string(kRaw) + "]}")};
  const CodecConfig transpose{"transpose", parse_json(R"({"order": [1, 0]})")};
  const CodecChain plain({sharding}, spec_of({6, 8}, "int32"));
  EXPECT_EQ(plain.inner_chain().spec().shape, (Dims{3, 2}));
  const CodecChain turned({transpose, sharding}, spec_of({8, 6}, "int32"));
  EXPECT_EQ(turned.shard_layout()->grid, (Dims{2, 4}));
  EXPECT_EQ(turned.inner_chain().spec().shape, (Dims{2, 3}));
  EXPECT_EQ(turned.inner_chain().configs().size(), 2u);
  const CodecChain summed({sharding, {"crc32c"}}, spec_of({6, 8}, "int32"));
  EXPECT_EQ(summed.shard_layout(), nullptr) << "the checksum is over the whole shard";
}

}  // namespace
}  // namespace zarrloom::testing
