#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

TEST(Shuffle, FirstBytesFirst) {
  const auto codec = make_compressor("numcodecs.shuffle", R"({"elementsize": 4})");
  const Bytes encoded = encoded_by(*codec, as_byte_view("abcdABCD1234"));
  EXPECT_EQ(as_text(encoded.view()), "aA1bB2cC3dD4");
  EXPECT_EQ(decoded_by(*codec, encoded.view(), 12), "abcdABCD1234");
}

TEST(Shuffle, ElementSizeIsTheItemSizeWhereNoneIsGiven) {
  EXPECT_EQ(make_compressor("numcodecs.shuffle", "{}", "float64")->configuration(),
            parse_json(R"({"elementsize": 8})"));
}

TEST(Shuffle, PartsOfElementsAreRefused) {
  const auto codec = make_compressor("numcodecs.shuffle", R"({"elementsize": 4})");
  Bytes out(7);
  expect_error(ErrorCode::invalid_argument,
               [&] { codec->encode(as_byte_view("1234567"), out.span()); });
  expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, as_byte_view("1234567"), 7); });
}

}  // namespace
}  // namespace zarrloom::testing
