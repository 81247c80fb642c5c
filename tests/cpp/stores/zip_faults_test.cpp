// Archives that are damaged, hostile or made by hand: row C9 of the faults.
#include <gtest/gtest.h>
#include <libdeflate.h>

#include <filesystem>
#include <fstream>

#include "conformance/check_store.h"
#include "fakes/temp_folder.h"
#include "zarrloom/stores/zip.h"
#include "zarrloom/stores/zip_archive.h"

namespace zarrloom {
namespace {

using namespace conformance;
using namespace fakes;
namespace fs = std::filesystem;
using Status = ReadResult::Status;

std::string deflated(std::string_view text) {
  libdeflate_compressor* const compressor = libdeflate_alloc_compressor(9);
  std::string out(libdeflate_deflate_compress_bound(compressor, text.size()), '\0');
  out.resize(
      libdeflate_deflate_compress(compressor, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

class ZipFaults : public testing::Test {
 protected:
  // A member that tells the truth; to be changed before it is added.
  static ZipMember member_of(std::string_view text) {
    return {.stored_size = text.size(), .size = text.size(), .crc = zip_crc(as_byte_view(text))};
  }

  // Appends a member whose local header says `local` and whose entry says `listed`.
  void add(const std::string& name, std::string_view data, ZipMember local, ZipMember listed) {
    local.offset = listed.offset = bytes_.size();
    bytes_ += make_zip_local_header(name, local);
    bytes_ += data;
    ZipMembers one;
    one[name] = listed;
    const std::string made = make_zip_directory(one, 0);
    entries_ += made.substr(0, made.size() - kZipEndSize);
    ++count_;
  }
  void add(const std::string& name, std::string_view data, const ZipMember& both) {
    add(name, data, both, both);
  }
  void add(const std::string& name, std::string_view text) { add(name, text, member_of(text)); }

  void clear() {
    bytes_.clear();
    entries_.clear();
    count_ = 0;
  }

  std::string archive() const {
    std::string end = make_zip_directory({}, bytes_.size());
    const auto set = [&](std::size_t at, std::size_t value) {
      for (std::size_t i = 0; i < 2; ++i) end[at + i] = static_cast<char>(value >> (8 * i));
    };
    set(8, count_);
    set(10, count_);
    set(12, entries_.size());
    return bytes_ + entries_ + end;
  }

  std::shared_ptr<ZipStore> store_of(const std::string& bytes) const {
    std::ofstream(path, std::ios::binary) << bytes;
    return make_zip_store(path, {.mode = ZipMode::read, .inflate_limit = 1 << 20});
  }
  std::shared_ptr<ZipStore> store() const { return store_of(archive()); }

  Failure opening(const std::string& bytes) const {
    const Failure failure = failure_of([&] { store_of(bytes); });
    EXPECT_NE(failure.message.find("zip://" + path), std::string::npos) << failure.message;
    return failure;
  }

  static Failure reading(const Store& store, const ReadRequest& request) {
    const Answer answer = read_answer(store, request);
    EXPECT_EQ(answer.status, Status::failed) << request.key << ": " << answer.text;
    return answer.failure;
  }

  const TempFolder folder;
  const std::string path = folder / "s.zip";

 private:
  std::string bytes_;
  std::string entries_;
  std::size_t count_ = 0;
};

TEST_F(ZipFaults, WhatIsMadeHereIsAnArchive) {
  add("a/0", "stored");
  const std::string text(1000, 'x');
  const std::string packed = deflated(text);
  ZipMember member = member_of(text);
  member.stored_size = packed.size();
  member.method = kZipDeflated;
  add("a/1", packed, member);
  const auto zip = store();
  EXPECT_EQ(read_text(*zip, "a/0"), "stored");
  EXPECT_EQ(read_text(*zip, "a/1"), text);
  EXPECT_EQ(read_answer(*zip, {.key = "a/1", .range = {990, 5}}).text, "xxxxx");
}

TEST_F(ZipFaults, C9TruncatedAnywhere) {
  add("k", "some text");
  add("l", "more text");
  const std::string whole = archive();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(opening(whole.substr(0, size)).code, ErrorCode::corrupt_data) << size;
  }
}

TEST_F(ZipFaults, C9EveryByteDamagedGivesTheRightBytesOrAnError) {
  add("k", "some text");
  const std::string whole = archive();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    try {
      const Answer answer = read_answer(*store_of(damaged), {.key = "k"});
      if (answer.status == Status::found) {
        EXPECT_EQ(answer.text, "some text") << at;
      }
    } catch (const Error&) {
    }
  }
}

TEST_F(ZipFaults, NoArchiveAtAll) {
  EXPECT_EQ(opening("").code, ErrorCode::corrupt_data);
  EXPECT_EQ(opening("{\"zarr_format\": 3}").code, ErrorCode::corrupt_data);
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_EQ(failure_of([&] { make_zip_store(path, {.mode = ZipMode::read}); }).code,
            ErrorCode::storage);
}

TEST_F(ZipFaults, C9OfDuplicateNamesTheLastWins) {
  add("k", "first");
  add("l", "x");
  add("k", "second");
  const auto zip = store();
  EXPECT_EQ(read_text(*zip, "k"), "second");
  EXPECT_EQ(zip->list("", ListDepth::all).size(), 2u);
}

TEST_F(ZipFaults, C9NamesThatAreNoKeysAreRefused) {
  for (const char* name :
       {"../x", "a/../x", "/absolute", "a//b", "./a", "a\\b", "C:\\x", "../", "/", ""}) {
    clear();
    add(name, "x");
    const Failure failure = opening(archive());
    EXPECT_EQ(failure.code, ErrorCode::corrupt_data) << name;
    EXPECT_NE(failure.message.find("no key"), std::string::npos) << failure.message;
  }
}

TEST_F(ZipFaults, FoldersAreNoObjects) {
  add("a/", "");
  add("a/0", "x");
  const auto zip = store();
  EXPECT_EQ(zip->list("", ListDepth::all).size(), 1u);
  EXPECT_FALSE(zip->exists("a"));
}

TEST_F(ZipFaults, C9EncryptedIsRefused) {
  ZipMember member = member_of("secret");
  member.flags = kZipEncrypted;
  add("k", "secret", member);
  add("l", "open");
  const auto zip = store();
  const Failure failure = reading(*zip, {.key = "k"});
  EXPECT_EQ(failure.code, ErrorCode::unsupported);
  EXPECT_NE(failure.message.find("encrypted"), std::string::npos) << failure.message;
  EXPECT_EQ(read_text(*zip, "l"), "open");
}

TEST_F(ZipFaults, AnotherCompressionIsNamed) {
  ZipMember member = member_of("bzip2");
  member.method = 12;
  add("k", "bzip2", member);
  const Failure failure = reading(*store(), {.key = "k"});
  EXPECT_EQ(failure.code, ErrorCode::unsupported);
  EXPECT_NE(failure.message.find("method 12"), std::string::npos) << failure.message;
}

TEST_F(ZipFaults, C9AStoredSizeThatLies) {
  const std::string text = "0123456789";
  ZipMember longer = member_of(text);
  longer.size += 1;
  add("size", text, longer);
  longer.stored_size += 1;
  add("both", text, longer);
  ZipMember far = member_of(text);
  far.stored_size = far.size = std::uint64_t{1} << 62;
  add("far", text, far);
  add("local", text, longer, member_of(text));
  const auto zip = store();
  for (const char* key : {"size", "both", "far", "local"}) {
    for (const ByteRange range : {ByteRange{}, ByteRange{.length = 3, .from_end = true}}) {
      // Within "both" lies one byte of the next header: only the whole shows that.
      if (std::string_view(key) == "both" && range.from_end) continue;
      EXPECT_EQ(reading(*zip, {.key = key, .range = range}).code, ErrorCode::corrupt_data) << key;
    }
  }
}

TEST_F(ZipFaults, C9ADeflatedSizeThatLies) {
  const std::string text(1000, 'x');
  const std::string packed = deflated(text);
  ZipMember member = member_of(text);
  member.stored_size = packed.size();
  member.method = kZipDeflated;
  for (const std::uint64_t size : {0, 1, 999, 1001, 5000}) {
    ZipMember lying = member;
    lying.size = size;
    add(std::to_string(size), packed, lying);
  }
  ZipMember cut = member;
  cut.stored_size -= 1;
  add("cut", packed, cut);
  ZipMember more = member;
  more.stored_size += 1;
  add("more", packed + "x", more);
  const auto zip = store();
  for (const char* key : {"0", "1", "999", "1001", "5000", "cut", "more"}) {
    EXPECT_EQ(reading(*zip, {.key = key}).code, ErrorCode::corrupt_data) << key;
  }
}

TEST_F(ZipFaults, C9ADeflateBombIsRefusedBeforeItTakesMemory) {
  const std::string text(3 << 20, '\0');
  const std::string packed = deflated(text);
  ZipMember member = member_of(text);
  member.stored_size = packed.size();
  member.method = kZipDeflated;
  add("true", packed, member);
  ZipMember small = member;
  small.size = 10;
  add("small", packed, small);
  ZipMember huge = member;
  huge.size = std::uint64_t{1} << 60;
  add("huge", packed, huge);
  const auto zip = store();
  // Above the store's limit, also for a part; above the reader's own limit; larger than told; not
  // possible from so few bytes.
  EXPECT_EQ(reading(*zip, {.key = "true"}).code, ErrorCode::corrupt_data);
  EXPECT_EQ(reading(*zip, {.key = "true", .range = {0, 1}}).code, ErrorCode::corrupt_data);
  EXPECT_EQ(reading(*zip, {.key = "true", .limit = 1000}).code, ErrorCode::corrupt_data);
  EXPECT_EQ(reading(*zip, {.key = "small"}).code, ErrorCode::corrupt_data);
  EXPECT_EQ(reading(*zip, {.key = "huge"}).code, ErrorCode::corrupt_data);
  EXPECT_EQ(reading(*zip, {.key = "huge", .range = {0, 1}}).code, ErrorCode::corrupt_data);
  zip->close();
  const auto generous = make_zip_store(path, {.mode = ZipMode::read});
  EXPECT_EQ(read_answer(*generous, {.key = "true"}).text, text);
}

TEST_F(ZipFaults, C9ADataDescriptorIsRead) {
  const std::string text = "sizes follow";
  ZipMember listed = member_of(text);
  listed.flags = kZipSizesFollow;
  ZipMember local;
  local.flags = kZipSizesFollow;
  add("k", text + std::string(16, 'd'), local, listed);
  add("l", "x");
  const auto zip = store();
  EXPECT_EQ(read_text(*zip, "k"), text);
  EXPECT_EQ(read_text(*zip, "l"), "x");
}

TEST_F(ZipFaults, C9AWrongCrcIsAnError) {
  ZipMember stored = member_of("0123456789");
  stored.crc ^= 1;
  add("stored", "0123456789", stored);
  const std::string packed = deflated("0123456789");
  ZipMember member = stored;
  member.stored_size = packed.size();
  member.method = kZipDeflated;
  add("deflated", packed, member);
  const auto zip = store();
  EXPECT_EQ(reading(*zip, {.key = "stored"}).code, ErrorCode::corrupt_data);
  EXPECT_EQ(reading(*zip, {.key = "deflated"}).code, ErrorCode::corrupt_data);
  EXPECT_EQ(reading(*zip, {.key = "deflated", .range = {2, 3}}).code, ErrorCode::corrupt_data);
  // A part of a stored member cannot be checked.
  EXPECT_EQ(read_answer(*zip, {.key = "stored", .range = {2, 3}}).text, "234");
}

TEST_F(ZipFaults, C9ALocalHeaderOfAnotherMember) {
  add("k", "text");
  std::string bytes = archive();
  bytes[30] = 'j';  // the first local header's name
  EXPECT_EQ(reading(*store_of(bytes), {.key = "k"}).code, ErrorCode::corrupt_data);
  bytes[0] = 'X';
  EXPECT_EQ(opening(bytes).code, ErrorCode::corrupt_data);
}

TEST_F(ZipFaults, C9AnArchiveThatIsChangedBetweenReads) {
  add("k", "old text");
  const auto zip = store();
  EXPECT_EQ(read_text(*zip, "k"), "old text");
  // In place, with the same size: the same sizes and places in it, too.
  std::string other = archive();
  other.replace(other.find("old text"), 8, "new text");
  const std::uint32_t crc = zip_crc(as_byte_view("new text"));
  for (const std::size_t at : {std::size_t{14}, other.find("PK\1\2") + 16}) {
    for (std::size_t i = 0; i < 4; ++i) other[at + i] = static_cast<char>(crc >> (8 * i));
  }
  const auto overwritten = store_of(other);
  // Two changes within one tick of the kernel's clock look the same: make sure that it has ticked.
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1));
  EXPECT_EQ(read_text(*overwritten, "k"), "new text") << "only its time was changed";
  const Failure failure = reading(*zip, {.key = "k"});
  EXPECT_EQ(failure.code, ErrorCode::storage);
  EXPECT_NE(failure.message.find("changed since it was opened"), std::string::npos);
  EXPECT_EQ(failure_of([&] { zip->exists("k"); }).code, ErrorCode::storage);
  fs::resize_file(path, 10);
  EXPECT_EQ(reading(*overwritten, {.key = "k"}).code, ErrorCode::storage);
}

TEST_F(ZipFaults, AnArchiveThatIsReplacedBetweenReadsIsReadOn) {
  add("k", "old text");
  const auto zip = store();
  fs::rename(path, folder / "moved.zip");
  EXPECT_EQ(read_text(*zip, "k"), "old text");
  add("k", "new text");
  store();
  fs::remove(folder / "moved.zip");
  EXPECT_EQ(read_text(*zip, "k"), "old text");
}

TEST_F(ZipFaults, ACommentMayHoldTheMarkOfAnEnd) {
  add("k", "x");
  std::string bytes = archive();
  const std::string comment = "PK\5\6" + std::string(60, 'c');
  bytes[bytes.size() - 2] = static_cast<char>(comment.size());
  EXPECT_EQ(read_text(*store_of(bytes + comment), "k"), "x");
  EXPECT_EQ(opening(bytes + comment.substr(0, 20)).code, ErrorCode::corrupt_data);
}

TEST_F(ZipFaults, AnArchiveInAnArchiveIsNotMistaken) {
  add("k", "inner");
  const std::string inner = archive();
  add("inner.zip", inner);
  const std::string outer = archive();
  EXPECT_EQ(read_text(*store_of(outer), "inner.zip"), inner);
  EXPECT_EQ(opening(outer.substr(0, outer.size() - 1)).code, ErrorCode::corrupt_data);
}

TEST_F(ZipFaults, SeveralFilesAreRefused) {
  add("k", "x");
  std::string bytes = archive();
  bytes[bytes.size() - kZipEndSize + 4] = 1;
  EXPECT_EQ(opening(bytes).code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace zarrloom
