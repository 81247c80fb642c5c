#include <cstring>
#include <limits>

#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

std::unique_ptr<ArrayToBytes> make_bytes(std::string_view configuration, const ChunkSpec& spec) {
  return std::get<std::unique_ptr<ArrayToBytes>>(
      find_codec("bytes").make(parse_json(configuration), spec));
}

// Big-endian or little-endian bytes of one element.
template <typename Value>
Bytes stored_as(std::string_view endian, std::string_view dtype, Value value) {
  const ChunkSpec spec = spec_of({1}, dtype);
  const auto codec = make_bytes("{\"endian\": \"" + std::string(endian) + "\"}", spec);
  Bytes out;
  codec->encode({reinterpret_cast<const std::byte*>(&value), {1}, {sizeof value}, sizeof value},
                out);
  return out;
}

TEST(BytesCodec, ByteOrder) {
  const auto same = [](const Bytes& a, const Bytes& b) {
    return std::ranges::equal(a.view(), b.view());
  };
  EXPECT_TRUE(
      same(stored_as<std::uint32_t>("little", "uint32", 0x01020304), bytes_of({4, 3, 2, 1})));
  EXPECT_TRUE(same(stored_as<std::uint32_t>("big", "uint32", 0x01020304), bytes_of({1, 2, 3, 4})));
  EXPECT_TRUE(same(stored_as<std::uint16_t>("big", "uint16", 0x0102), bytes_of({1, 2})));
  // A complex number is two numbers: each is swapped, they do not change places.
  const std::array<std::uint32_t, 2> parts{0x01020304, 0x05060708};
  EXPECT_TRUE(same(stored_as("big", "complex64", parts), bytes_of({1, 2, 3, 4, 5, 6, 7, 8})));
}

TEST(BytesCodec, ConfigurationIsCompleteAndOnlyWhatMatters) {
  EXPECT_EQ(make_bytes(R"({"endian": "big"})", spec_of({2}, "int16"))->configuration(),
            parse_json(R"({"endian": "big"})"));
  EXPECT_EQ(make_bytes(R"({"endian": "big"})", spec_of({2}, "uint8"))->configuration(),
            Json(Json::Object{}));
  EXPECT_EQ(make_bytes("{}", spec_of({2}, "V6"))->configuration(), Json(Json::Object{}));
}

TEST(BytesCodec, A9MissingOrWrongEndian) {
  const ChunkSpec spec = spec_of({2}, "int32");
  const std::string message =
      expect_error(ErrorCode::invalid_argument, [&] { make_bytes("{}", spec); });
  expect_contains(message, "endian");
  expect_contains(message, "int32");
  for (const char* bad :
       {R"({"endian": "middle"})", R"({"endian": 1})", R"({"order": "big"})", "[]"}) {
    expect_error(ErrorCode::invalid_argument, [&] { make_bytes(bad, spec); });
  }
}

TEST(BytesCodec, MemoryImageOnlyInNativeOrder) {
  const bool little = std::endian::native == std::endian::little;
  const ChunkSpec spec = spec_of({2}, "int32");
  EXPECT_EQ(make_bytes(R"({"endian": "little"})", spec)->is_memory_image(), little);
  EXPECT_EQ(make_bytes(R"({"endian": "big"})", spec)->is_memory_image(), !little);
  EXPECT_TRUE(make_bytes(R"({"endian": "big"})", spec_of({2}, "bool"))->is_memory_image());
}

TEST(BytesCodec, B10BoolByteOtherThanZeroAndOneIsRefused) {
  const auto codec = make_bytes("{}", spec_of({4}, "bool"));
  codec->check_memory_image(bytes_of({0, 1, 1, 0}).view());
  const Bytes wrong = bytes_of({0, 1, 2, 0});
  const std::string message =
      expect_error(ErrorCode::corrupt_data, [&] { codec->check_memory_image(wrong.view()); });
  expect_contains(message, "byte 2");
  Bytes out = bytes_of({1, 1, 1, 1});
  const ArrayView to{out.data(), {4}, {1}, 1};
  expect_error(ErrorCode::corrupt_data, [&] { codec->decode_part(wrong.view(), {0}, {1}, to); });
  for (std::byte byte : out.span()) EXPECT_LE(byte, std::byte{1}) << "a wrong bool got out";
}

TEST(BytesCodec, B10NanPayloadsAreKept) {
  const std::uint64_t signalling = 0x7ff0'0000'dead'beef;
  for (const char* endian : {R"({"endian": "little"})", R"({"endian": "big"})"}) {
    const ChunkSpec spec = spec_of({1}, "float64");
    const auto codec = make_bytes(endian, spec);
    Bytes stored(8);
    codec->encode({reinterpret_cast<const std::byte*>(&signalling), {1}, {8}, 8}, stored);
    std::uint64_t back = 0;
    codec->decode_part(stored.view(), {0}, {1}, {reinterpret_cast<std::byte*>(&back), {1}, {8}, 8});
    EXPECT_EQ(back, signalling);
  }
}

}  // namespace
}  // namespace zarrloom::testing
