#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

TEST(Gzip, LevelsAndNothingElse) {
  for (int level = 0; level <= 9; ++level) {
    const auto codec = make_compressor("gzip", "{\"level\": " + std::to_string(level) + "}");
    EXPECT_EQ(codec->configuration(), Json(Json::Object{{"level", level}}));
    const std::string text = repeated("level ", 1000);
    EXPECT_EQ(decoded_by(*codec, encoded_by(*codec, as_byte_view(text)).view(), 1000), text);
  }
  for (const char* bad : {R"({"level": 10})", R"({"level": -1})", R"({"rate": 1})"}) {
    expect_error(ErrorCode::invalid_argument, [&] { make_compressor("gzip", bad); });
  }
}

TEST(Gzip, ReadsWhatGzipWrote) {
  // printf 'hello' | gzip -n
  const Bytes stored =
      bytes_of({0x1f, 0x8b, 8,    0,    0,    0,    0,    0,    0, 3, 0xcb, 0x48, 0xcd,
                0xc9, 0xc9, 0x07, 0x00, 0x86, 0xa6, 0x10, 0x36, 5, 0, 0,    0});
  EXPECT_EQ(decoded_by(*make_compressor("gzip"), stored.view(), 5), "hello");
}

TEST(Gzip, B2WrongChecksumOrLengthOrCut) {
  const auto codec = make_compressor("gzip");
  const Bytes good = encoded_by(*codec, as_byte_view("some data"));
  for (std::size_t from_end : {1, 4, 5, 8}) {
    Bytes bad = Bytes::copy_of(good.view());
    bad.data()[bad.size() - from_end] ^= std::byte{1};
    expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, bad.view(), 9); });
    const ByteView cut = good.view().first(good.size() - from_end);
    expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, cut, 9); });
  }
}

TEST(Gzip, B4BombStopsAtTheChunk) {
  const std::string zeros(std::size_t{64} << 20, '\0');
  const auto codec = make_compressor("gzip", R"({"level": 1})");
  const Bytes bomb = encoded_by(*codec, as_byte_view(zeros));
  EXPECT_GE(codec->max_decoded_size(bomb.view()), zeros.size());
  for (std::size_t size : {std::size_t{100}, zeros.size() - 1}) {
    const auto decode = [&] { decoded_by(*codec, bomb.view(), size); };
    expect_contains(expect_error(ErrorCode::corrupt_data, decode), "more bytes");
  }
  expect_error(ErrorCode::corrupt_data, [&] { codec->decode_unknown(bomb.view(), 100); });
}

TEST(Gzip, B6MembersMayBeJoinedGarbageMayNot) {
  const auto codec = make_compressor("gzip");
  const Bytes one = encoded_by(*codec, as_byte_view("first "));
  const Bytes two = encoded_by(*codec, as_byte_view("second"));
  const Bytes none = encoded_by(*codec, {});
  EXPECT_EQ(decoded_by(*codec, joined({one.view(), two.view(), none.view()}).view(), 12),
            "first second");
  expect_error(ErrorCode::corrupt_data,
               [&] { decoded_by(*codec, joined({one.view(), two.view()}).view(), 6); });
  for (std::string_view garbage : {"g", "garbage that is longer than a header of gzip"}) {
    const Bytes all = joined({one.view(), as_byte_view(garbage)});
    expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, all.view(), 6); });
  }
}

}  // namespace
}  // namespace zarrloom::testing
