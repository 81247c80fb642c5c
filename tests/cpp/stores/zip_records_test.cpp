// The records of zip archives; what is above 4 GiB is tested here, without 4 GiB.
#include "zarrloom/stores/zip_records.h"

#include <gtest/gtest.h>

#include "conformance/check_store.h"

namespace zarrloom {
namespace {

using conformance::failure_of;

constexpr std::uint64_t kLarge = std::uint64_t{5} << 30;

// Parses what make_zip_directory has made.
ZipMembers parsed(const std::string& made, ZipEnd* out = nullptr) {
  const ByteView bytes = as_byte_view(made);
  ZipEnd end = parse_zip_end(bytes.subspan(bytes.size() - kZipEndSize));
  const std::size_t records = kZipEndSize + kZipLocatorSize + kZip64EndSize;
  if (bytes.size() >= records) {
    const std::size_t at = bytes.size() - kZipEndSize - kZipLocatorSize;
    if (parse_zip64_locator(bytes.subspan(at, kZipLocatorSize))) {
      EXPECT_TRUE(parse_zip64_end(bytes.subspan(at - kZip64EndSize, kZip64EndSize), end));
    }
  }
  if (out != nullptr) *out = end;
  return parse_zip_directory(bytes.first(static_cast<std::size_t>(end.size)), end);
}

TEST(ZipRecords, ADirectoryIsReadAsItWasWritten) {
  const ZipMembers members{
      {"a/c/0", {.offset = 12, .stored_size = 5, .size = 7, .crc = 9, .method = kZipDeflated}},
      {"zarr.json", {.offset = 0, .stored_size = 3, .size = 3, .crc = 0xffffffff}}};
  ZipEnd end;
  EXPECT_EQ(parsed(make_zip_directory(members, 1000), &end), members);
  EXPECT_EQ(end.start, 1000u);
  EXPECT_EQ(end.entries, 2u);
  EXPECT_FALSE(end.zip64);
  EXPECT_TRUE(parsed(make_zip_directory({}, 0)).empty());
}

TEST(ZipRecords, C9Zip64EachValueByItself) {
  for (const ZipMember& member :
       {ZipMember{.offset = kLarge}, ZipMember{.size = kLarge, .method = kZipDeflated},
        ZipMember{.stored_size = kLarge, .size = kLarge},
        ZipMember{.offset = kLarge, .stored_size = kLarge + 1, .size = kLarge + 2},
        ZipMember{.offset = 0xffffffff, .stored_size = 0xffffffff, .size = 0xffffffff},
        ZipMember{.offset = 0xfffffffe, .stored_size = 0xfffffffe, .size = 0xfffffffe}}) {
    const ZipMembers members{{"c/0", member}};
    EXPECT_EQ(parsed(make_zip_directory(members, 0)), members);
    const std::string header = make_zip_local_header("c/0", member);
    EXPECT_EQ(zip_local_header_size(as_byte_view(header)), header.size());
    check_zip_local_header(as_byte_view(header), "c/0", member);
    ZipMember other = member;
    other.size += 1;
    EXPECT_EQ(failure_of([&] { check_zip_local_header(as_byte_view(header), "c/0", other); }).code,
              ErrorCode::corrupt_data);
  }
}

TEST(ZipRecords, C9Zip64EndRecord) {
  ZipEnd end;
  const ZipMembers one{{"k", {.offset = 1}}};
  EXPECT_EQ(parsed(make_zip_directory(one, kLarge), &end), one);
  EXPECT_TRUE(end.zip64);
  EXPECT_EQ(end.start, kLarge);
  ZipMembers many;
  for (std::uint64_t i = 0; i < 65535; ++i) many[std::to_string(i)] = {.offset = i};
  EXPECT_EQ(parsed(make_zip_directory(many, 7), &end), many);
  EXPECT_TRUE(end.zip64) << "65535 entries are the mark of zip64";
  EXPECT_EQ(end.entries, 65535u);
}

TEST(ZipRecords, C9ALackingZip64ValueIsAnError) {
  std::string made = make_zip_directory({{"k", {.offset = kLarge}}}, 0);
  made[made.find("k\1") + 1] = 2;  // another field's id
  const Failure failure = failure_of([&] { parsed(made); });
  EXPECT_EQ(failure.code, ErrorCode::corrupt_data);
  EXPECT_NE(failure.message.find("zip64"), std::string::npos) << failure.message;
}

TEST(ZipRecords, C9EachByteOfACutDirectoryIsMissed) {
  const ZipMembers members{{"a/c/0", {.offset = 12}}, {"b", {.offset = kLarge}}};
  const std::string made = make_zip_directory(members, 0);
  ZipEnd end;
  parsed(made, &end);
  for (std::size_t size = 0; size < end.size; ++size) {
    EXPECT_EQ(failure_of([&] { parse_zip_directory(as_byte_view(made).first(size), end); }).code,
              ErrorCode::corrupt_data)
        << size;
  }
}

TEST(ZipRecords, EntriesAreCountedModulo65536WithoutZip64) {
  const std::string made = make_zip_directory({{"k", {}}}, 0);
  ZipEnd end;
  parsed(made, &end);
  const ByteView directory = as_byte_view(made).first(static_cast<std::size_t>(end.size));
  end.entries = 2;
  EXPECT_EQ(failure_of([&] { parse_zip_directory(directory, end); }).code, ErrorCode::corrupt_data);
  end.entries = 65537;
  end.zip64 = true;
  EXPECT_EQ(failure_of([&] { parse_zip_directory(directory, end); }).code, ErrorCode::corrupt_data);
}

}  // namespace
}  // namespace zarrloom
