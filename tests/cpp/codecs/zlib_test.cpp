#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

TEST(Zlib, LevelsOfNumcodecs) {
  EXPECT_EQ(make_compressor("numcodecs.zlib")->configuration(), parse_json(R"({"level": 1})"));
  const auto standard = make_compressor("numcodecs.zlib", R"({"level": -1})");
  EXPECT_EQ(standard->configuration(), parse_json(R"({"level": -1})")) << "stored as it was given";
  const std::string text = repeated("the quick brown fox ", 3000);
  const auto six = make_compressor("numcodecs.zlib", R"({"level": 6})");
  EXPECT_EQ(encoded_by(*standard, as_byte_view(text)).size(),
            encoded_by(*six, as_byte_view(text)).size());
  for (const char* bad : {R"({"level": 10})", R"({"level": -2})"}) {
    expect_error(ErrorCode::invalid_argument, [&] { make_compressor("numcodecs.zlib", bad); });
  }
}

TEST(Zlib, ReadsWhatZlibWrote) {
  // python: zlib.compress(b"hello")
  const Bytes stored =
      bytes_of({0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x06, 0x2c, 0x02, 0x15});
  EXPECT_EQ(decoded_by(*make_compressor("numcodecs.zlib"), stored.view(), 5), "hello");
}

TEST(Zlib, B6StreamsAreNotJoined) {
  const auto codec = make_compressor("numcodecs.zlib");
  const Bytes one = encoded_by(*codec, as_byte_view("first "));
  const Bytes all = joined({one.view(), one.view()});
  for (std::size_t size : {6, 12}) {
    expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, all.view(), size); });
  }
}

TEST(Zlib, B2ChecksumIsVerified) {
  const auto codec = make_compressor("numcodecs.zlib");
  Bytes bad = encoded_by(*codec, as_byte_view("some data"));
  bad.data()[bad.size() - 1] ^= std::byte{1};
  expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, bad.view(), 9); });
}

}  // namespace
}  // namespace zarrloom::testing
