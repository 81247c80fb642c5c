// Both are left out of builds that have not their libraries: then they are refused by name.
#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

std::unique_ptr<BytesToBytes> make_if_built(std::string_view name, std::string_view configuration) {
  try {
    return make_compressor(name, configuration);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    expect_contains(error.what(), "build");
    return nullptr;
  }
}

void check_streams(const BytesToBytes& codec) {
  const Bytes one = encoded_by(codec, as_byte_view("hello "));
  const Bytes two = joined({one.view(), encoded_by(codec, as_byte_view("world")).view()});
  EXPECT_EQ(decoded_by(codec, two.view(), 11), "hello world") << "two streams, one after another";
  expect_contains(expect_error(ErrorCode::corrupt_data, [&] { decoded_by(codec, two.view(), 10); }),
                  "more");
  const Bytes garbage = joined({one.view(), as_byte_view("hello")});
  expect_error(ErrorCode::corrupt_data, [&] { decoded_by(codec, garbage.view(), 6); });
}

// A megabyte of zeros for a chunk of 100 bytes: it stops at the first byte too many.
void check_bomb(const BytesToBytes& codec) {
  const std::string zeros(std::size_t{1} << 20, '\0');
  const Bytes encoded = encoded_by(codec, as_byte_view(zeros));
  EXPECT_GE(codec.max_decoded_size(encoded.view()), zeros.size());
  expect_error(ErrorCode::corrupt_data, [&] { decoded_by(codec, encoded.view(), 100); });
  expect_error(ErrorCode::corrupt_data, [&] { codec.decode_unknown(encoded.view(), 100); });
}

TEST(Bz2, StreamsAndBombs) {
  const auto codec = make_if_built("numcodecs.bz2", R"({"level": 9})");
  if (!codec) GTEST_SKIP() << "built without bzip2";
  check_streams(*codec);
  check_bomb(*codec);
}

TEST(Bz2, BoundCoversTheBestThatABlockCanDo) {
  const auto codec = make_if_built("numcodecs.bz2", R"({"level": 9})");
  if (!codec) GTEST_SKIP() << "built without bzip2";
  const std::string zeros(std::size_t{46} << 20, '\0');
  const Bytes encoded = encoded_by(*codec, as_byte_view(zeros));
  EXPECT_GE(codec->max_decoded_size(encoded.view()), zeros.size());
}

TEST(Lzma, StreamsAndBombs) {
  for (const char* configuration : {R"({"preset": 0})", R"({"format": 2, "preset": 0})"}) {
    const auto codec = make_if_built("numcodecs.lzma", configuration);
    if (!codec) GTEST_SKIP() << "built without liblzma";
    check_streams(*codec);
    check_bomb(*codec);
  }
}

TEST(Lzma, SettingsThatMakeNoSenseAreRefusedAtOpen) {
  if (!make_if_built("numcodecs.lzma", "{}")) GTEST_SKIP() << "built without liblzma";
  for (const char* bad :
       {R"({"format": 3})", R"({"format": 3, "filters": []})", R"({"preset": 77})",
        R"({"preset": 1, "filters": [{"id": 33}]})",
        R"({"filters": [{"id": 33, "lc": 4, "lp": 4}]})",
        R"({"format": 2, "filters": [{"id": 33}]})", R"({"format": 3, "filters": [{"id": 3}]})",
        R"({"format": 3, "filters": [{"no": 3}]})"}) {
    expect_error(ErrorCode::invalid_argument, [&] { make_compressor("numcodecs.lzma", bad); });
  }
  for (const char* unknown : {R"({"format": 0})", R"({"check": 9})", R"({"filters": [{"id": 99}]})",
                              R"({"filters": [{"id": 33, "dict_size": 1073741824}]})"}) {
    expect_error(ErrorCode::unsupported, [&] { make_compressor("numcodecs.lzma", unknown); });
  }
}

// The header of the data says how large a dictionary it wants; that is not believed.
TEST(Lzma, HugeDictionaryInTheDataIsRefused) {
  const auto codec = make_if_built("numcodecs.lzma", R"({"format": 2, "preset": 0})");
  if (!codec) GTEST_SKIP() << "built without liblzma";
  Bytes encoded = encoded_by(*codec, as_byte_view("hello"));
  for (std::size_t i = 1; i < 5; ++i) encoded.data()[i] = std::byte{0xff};
  expect_contains(
      expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, encoded.view(), 5); }),
      "dictionary");
}

}  // namespace
}  // namespace zarrloom::testing
