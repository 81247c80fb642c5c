#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

TEST(Lz4, FrameOfNumcodecs) {
  const auto codec = make_compressor("numcodecs.lz4");
  EXPECT_EQ(codec->configuration(), parse_json(R"({"acceleration": 1})"));
  // The decoded size, little-endian, and a block of five literals.
  const Bytes stored = joined({bytes_of({5, 0, 0, 0, 0x50}).view(), as_byte_view("hello")});
  EXPECT_EQ(decoded_by(*codec, stored.view(), 5), "hello");
  const Bytes encoded = encoded_by(*codec, as_byte_view("hello"));
  EXPECT_TRUE(std::ranges::equal(encoded.view(), stored.view()));
}

TEST(Lz4, B8PrefixThatLies) {
  const auto codec = make_compressor("numcodecs.lz4");
  const Bytes good = encoded_by(*codec, as_byte_view("hello"));
  for (std::uint32_t lie : {0u, 4u, 6u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    Bytes bad = Bytes::copy_of(good.view());
    for (std::size_t i = 0; i < 4; ++i) bad.data()[i] = static_cast<std::byte>(lie >> (8 * i));
    const auto decode = [&] { decoded_by(*codec, bad.view(), 5); };
    expect_contains(expect_error(ErrorCode::corrupt_data, decode), std::to_string(lie));
    expect_error(ErrorCode::corrupt_data, [&] { codec->decode_unknown(bad.view(), 5); });
  }
  for (std::size_t size : {0, 3, 4}) {
    const ByteView cut = good.view().first(size);
    expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, cut, 5); });
  }
}

TEST(Lz4, BoundCoversTheBestThatABlockCanDo) {
  const std::string zeros(std::size_t{16} << 20, '\0');
  const auto codec = make_compressor("numcodecs.lz4");
  const Bytes encoded = encoded_by(*codec, as_byte_view(zeros));
  EXPECT_GE(codec->max_decoded_size(encoded.view()), zeros.size());
  EXPECT_EQ(decoded_by(*codec, encoded.view(), zeros.size()), zeros);
}

}  // namespace
}  // namespace zarrloom::testing
