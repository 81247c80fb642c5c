#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

std::string sum_behind(std::string_view name, std::string_view configuration,
                       std::string_view text) {
  const Bytes encoded = encoded_by(*make_compressor(name, configuration), as_byte_view(text));
  EXPECT_EQ(as_text(encoded.view()).substr(0, text.size()), text);
  return std::string(as_text(encoded.view()).substr(text.size()));
}

TEST(Checksums, Crc32AndAdler32StandBeforeTheData) {
  const Bytes crc = encoded_by(*make_compressor("numcodecs.crc32"), as_byte_view("123456789"));
  EXPECT_EQ(as_text(crc.view()),
            "\x26\x39\xF4\xCB"
            "123456789");
  const Bytes adler = encoded_by(*make_compressor("numcodecs.adler32"), as_byte_view("Wikipedia"));
  EXPECT_EQ(as_text(adler.view()),
            "\x98\x03\xE6\x11"
            "Wikipedia");
}

TEST(Checksums, LocationMovesThem) {
  EXPECT_EQ(sum_behind("numcodecs.crc32", R"({"location": "end"})", "123456789"),
            "\x26\x39\xF4\xCB");
  const auto codec = make_compressor("numcodecs.crc32", R"({"location": "end"})");
  EXPECT_EQ(codec->configuration(), parse_json(R"({"location": "end"})"));
  EXPECT_EQ(make_compressor("numcodecs.crc32", R"({"location": "start"})")->configuration(),
            Json(Json::Object{}))
      << "its own place is not told: older readers know no other";
  expect_error(ErrorCode::invalid_argument,
               [] { make_compressor("numcodecs.crc32", R"({"location": "middle"})"); });
  expect_error(ErrorCode::invalid_argument,
               [] { make_compressor("crc32c", R"({"location": "start"})"); });
}

// What numcodecs 0.16 gives.
TEST(Checksums, Fletcher32) {
  EXPECT_EQ(sum_behind("numcodecs.fletcher32", "{}", "abcde"), "\xC7\x29\xF0\x4F");
  EXPECT_EQ(sum_behind("numcodecs.fletcher32", "{}", "\xFF\xFF"), "\xFF\xFF\xFF\xFF");
  std::string all;
  for (int i = 0; i < 256 * 9; ++i) all += static_cast<char>(i);
  EXPECT_EQ(sum_behind("numcodecs.fletcher32", "{}", all), "\x3D\xC2\xA4\x7C");
}

// The first is the example in Bob Jenkins' own source.
TEST(Checksums, JenkinsLookup3) {
  EXPECT_EQ(sum_behind("numcodecs.jenkins_lookup3", "{}", "Four score and seven years ago"),
            "\x51\x05\x77\x17");
  EXPECT_EQ(sum_behind("numcodecs.jenkins_lookup3", R"({"initval": 7, "prefix": [1, 255]})", "abc"),
            "\x2D\xF6\x04\x9B");
  for (const char* prefix : {R"("ab")", "[256]", "[-1]", "[1.5]"}) {
    const std::string configuration = std::string(R"({"prefix": )") + prefix + "}";
    expect_error(ErrorCode::invalid_argument,
                 [&] { make_compressor("numcodecs.jenkins_lookup3", configuration); });
  }
}

TEST(Checksums, WrongOnesAreRefused) {
  for (const char* name : {"numcodecs.crc32", "numcodecs.adler32", "numcodecs.fletcher32",
                           "numcodecs.jenkins_lookup3", "numcodecs.crc32c"}) {
    const auto codec = make_compressor(name);
    Bytes encoded = encoded_by(*codec, as_byte_view("123456789"));
    encoded.data()[5] ^= std::byte{1};
    expect_contains(
        expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, encoded.view(), 9); }),
        "checksum mismatch");
  }
}

}  // namespace
}  // namespace zarrloom::testing
