#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

TEST(Crc32c, ChecksumStandsBehindTheDataLittleEndian) {
  const auto codec = make_compressor("crc32c");
  const Bytes encoded = encoded_by(*codec, as_byte_view("123456789"));
  EXPECT_EQ(as_text(encoded.view()), "123456789\x83\x92\x06\xE3");
}

TEST(Crc32c, B2WrongChecksumIsRefused) {
  const auto codec = make_compressor("crc32c");
  Bytes encoded = encoded_by(*codec, as_byte_view("123456789"));
  encoded.data()[4] ^= std::byte{1};
  const std::string message =
      expect_error(ErrorCode::corrupt_data, [&] { codec->peel(encoded.view()); });
  expect_contains(message, "checksum mismatch");
  expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, encoded.view(), 9); });
  expect_error(ErrorCode::corrupt_data, [&] { codec->peel(encoded.view().first(3)); });
}

}  // namespace
}  // namespace zarrloom::testing
