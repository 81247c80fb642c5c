#include "zarrloom/codecs/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "conformance/check_codec.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

class EveryCodec : public ::testing::TestWithParam<CodecRow> {};

TEST_P(EveryCodec, KeepsItsPromises) { testing::check_codec(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Registry, EveryCodec,
                         ::testing::ValuesIn(codec_table().begin(), codec_table().end()),
                         [](const auto& row) {
                           std::string name(row.param.name);
                           std::ranges::replace_if(
                               name, [](char c) { return c == '.' || c == '-'; }, '_');
                           return name;
                         });

TEST(Registry, NamesAreUnique) {
  std::set<std::string_view> names, ids;
  for (const CodecRow& row : codec_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(row.v2_id.empty() || ids.insert(row.v2_id).second) << row.v2_id;
  }
  EXPECT_TRUE(std::ranges::is_sorted(codec_names()));
  EXPECT_EQ(codec_names().size(), names.size());
}

TEST(Registry, FindsByEitherFormat) {
  EXPECT_EQ(find_codec("numcodecs.zlib").v2_id, "zlib");
  EXPECT_EQ(find_v2_codec("lz4").name, "numcodecs.lz4");
}

template <typename Find>
std::string refusal(const Find& find) {
  try {
    find();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST(Registry, UnknownCodecNamesItselfAndWhatIsKnown) {
  const std::string v3 = refusal([] { find_codec("no-such"); });
  for (const char* text : {"no-such", "bytes", "zstd", "numcodecs.lz4", "crc32c"}) {
    EXPECT_NE(v3.find(text), std::string::npos) << text << " in " << v3;
  }
  const std::string v2 = refusal([] { find_v2_codec("no-such"); });
  EXPECT_NE(v2.find("no-such"), std::string::npos);
  EXPECT_EQ(v2.find("sharding"), std::string::npos) << "format 2 has no shards: " << v2;
  refusal([] { find_v2_codec(""); });
  refusal([] { find_v2_codec("bytes"); });
}

TEST(Registry, KnownButRefusedWithTheReason) {
  EXPECT_NE(refusal([] { find_v2_codec("pickle"); }).find("executes code"), std::string::npos);
  for (const char* id : {"json2", "msgpack2", "zfpy", "pcodec"}) {
    EXPECT_NE(refusal([&] { find_v2_codec(id); }).find(id), std::string::npos);
    EXPECT_EQ(refusal([&] { find_v2_codec(id); }).find("is not known"), std::string::npos);
  }
  for (const char* name : {"zfp", "pcodec", "numcodecs.zfpy", "numcodecs.pcodec"}) {
    EXPECT_NE(refusal([&] { find_codec(name); }).find("not supported: "), std::string::npos);
  }
}

}  // namespace
}  // namespace zarrloom
