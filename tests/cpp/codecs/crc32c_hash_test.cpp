#include "zarrloom/codecs/crc32c_hash.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace zarrloom {
namespace {

TEST(Crc32cHash, KnownValues) {
  std::string up, down;
  for (int i = 0; i < 32; ++i) {
    up += static_cast<char>(i);
    down += static_cast<char>(31 - i);
  }
  const std::pair<std::string, std::uint32_t> known[] = {
      // RFC 3720, appendix B.4
      {"", 0},
      {"123456789", 0xE3069283},
      {std::string(32, '\0'), 0x8A9136AA},
      {std::string(32, '\xff'), 0x62A8AB43},
      {up, 0x46DD794E},
      {down, 0x113FDB5C},
  };
  for (const auto& [text, sum] : known) {
    EXPECT_EQ(crc32c(as_byte_view(text)), sum);
    EXPECT_EQ(crc32c_by_tables(as_byte_view(text)), sum);
  }
}

// The instruction works on three strands at a time: around their length, and at any address.
TEST(Crc32cHash, InstructionAgreesWithTables) {
  std::mt19937 random(5);
  Bytes bytes(40000);
  for (std::byte& byte : bytes.span()) byte = static_cast<std::byte>(random());
  for (std::size_t length : {1, 7, 8, 9, 63, 6143, 6144, 6145, 6152, 12287, 12288, 20001, 39990}) {
    for (std::size_t offset : {0, 1, 3, 8}) {
      const ByteView part = bytes.view().subspan(offset, length);
      EXPECT_EQ(crc32c(part), crc32c_by_tables(part)) << length << " at " << offset;
    }
  }
}

}  // namespace
}  // namespace zarrloom
