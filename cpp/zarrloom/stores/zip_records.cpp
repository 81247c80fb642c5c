#include "zarrloom/stores/zip_records.h"

#include <algorithm>
#include <array>
#include <utility>

#include "zarrloom/base/error.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {
namespace {

constexpr std::uint32_t kLocalMark = 0x04034b50;
constexpr std::uint32_t kEntryMark = 0x02014b50;
constexpr std::uint32_t kEndMark = 0x06054b50;
constexpr std::uint32_t kLocatorMark = 0x07064b50;
constexpr std::uint32_t kEnd64Mark = 0x06064b50;
constexpr std::uint16_t kZip64Field = 1;

constexpr std::size_t kEntrySize = 46;  // without name, extra fields and comment
constexpr std::uint16_t kVersion = 20;  // 2.0: deflate
constexpr std::uint16_t kVersion64 = 45;
constexpr std::uint16_t kUnix = 3 << 8;  // attributes are those of Unix

// Such a value stands in the zip64 field.
constexpr std::uint64_t kFull16 = 0xffff;
constexpr std::uint64_t kFull32 = 0xffffffff;

// The caller has checked that the bytes are there.
std::uint64_t number_at(ByteView bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * i);
  }
  return value;
}
std::uint16_t u16(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(number_at(bytes, at, 2));
}
std::uint32_t u32(ByteView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(number_at(bytes, at, 4));
}
std::uint64_t u64(ByteView bytes, std::size_t at) { return number_at(bytes, at, 8); }

void put(std::string& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}
void put16(std::string& out, std::uint64_t value) { put(out, value, 2); }
void put32(std::string& out, std::uint64_t value) { put(out, value, 4); }
void put64(std::string& out, std::uint64_t value) { put(out, value, 8); }
std::uint64_t at_most(std::uint64_t value, std::uint64_t full) { return std::min(value, full); }

[[noreturn]] void fail_directory(const std::string& what) {
  fail(ErrorCode::corrupt_data, "the zip directory is damaged: " + what);
}

// The values of the zip64 field; empty if there is none.
ByteView zip64_field(ByteView extra) {
  while (extra.size() >= 4) {
    const std::size_t size = u16(extra, 2);
    if (size > extra.size() - 4) break;
    if (u16(extra, 0) == kZip64Field) return extra.subspan(4, size);
    extra = extra.subspan(4 + size);
  }
  return {};
}

// Replaces a value that did not fit 32 bits by the next one of the field. False: it is not there.
bool widen(std::uint64_t& value, ByteView& field) {
  if (value != kFull32) return true;
  if (field.size() < 8) return false;
  value = u64(field, 0);
  field = field.subspan(8);
  return true;
}

void check_name(std::string_view name) {
  try {
    check_key(name);
  } catch (const Error& error) {
    fail(ErrorCode::corrupt_data,
         "the archive has a member whose name is no key: " + error.failure().message);
  }
}

// Of the entry at `at`; moves `at` behind it.
std::pair<std::string, ZipMember> parse_entry(ByteView directory, std::size_t& at) {
  const ByteView rest = directory.subspan(at);
  if (rest.size() < kEntrySize || u32(rest, 0) != kEntryMark) {
    fail_directory("no entry at byte " + std::to_string(at) + " of " +
                   std::to_string(directory.size()));
  }
  const std::size_t name_size = u16(rest, 28), extra_size = u16(rest, 30);
  const std::size_t size = kEntrySize + name_size + extra_size + u16(rest, 32);
  if (size > rest.size()) fail_directory("its last entry is cut");
  std::string name(as_text(rest.subspan(kEntrySize, name_size)));
  ZipMember member{.offset = u32(rest, 42),
                   .stored_size = u32(rest, 20),
                   .size = u32(rest, 24),
                   .crc = u32(rest, 16),
                   .method = u16(rest, 10),
                   .flags = u16(rest, 8),
                   .modified = u32(rest, 12),
                   .attributes = u32(rest, 38)};
  ByteView field = zip64_field(rest.subspan(kEntrySize + name_size, extra_size));
  if (!widen(member.size, field) || !widen(member.stored_size, field) ||
      !widen(member.offset, field)) {
    fail_directory("\"" + name + "\" lacks a zip64 value");
  }
  at += size;
  return {std::move(name), member};
}

std::string zip64_values(std::initializer_list<std::uint64_t> values) {
  std::string field;
  for (const std::uint64_t value : values) {
    if (value >= kFull32) put64(field, value);
  }
  if (field.empty()) return field;
  std::string whole;
  put16(whole, kZip64Field);
  put16(whole, field.size());
  return whole + field;
}

void put_entry(std::string& out, std::string_view name, const ZipMember& member) {
  const std::string extra = zip64_values({member.size, member.stored_size, member.offset});
  const std::uint16_t version = extra.empty() ? kVersion : kVersion64;
  put32(out, kEntryMark);
  put16(out, kUnix | version);
  put16(out, version);
  put16(out, member.flags);
  put16(out, member.method);
  put32(out, member.modified);
  put32(out, member.crc);
  put32(out, at_most(member.stored_size, kFull32));
  put32(out, at_most(member.size, kFull32));
  put16(out, name.size());
  put16(out, extra.size());
  put16(out, 0);  // comment
  put16(out, 0);  // disk
  put16(out, 0);  // internal attributes
  put32(out, member.attributes);
  put32(out, at_most(member.offset, kFull32));
  out += name;
  out += extra;
}

void put_zip64_end(std::string& out, const ZipEnd& end) {
  put32(out, kEnd64Mark);
  put64(out, kZip64EndSize - 12);  // of what follows
  put16(out, kUnix | kVersion64);
  put16(out, kVersion64);
  put32(out, 0);  // this disk
  put32(out, 0);  // the directory's disk
  put64(out, end.entries);
  put64(out, end.entries);
  put64(out, end.size);
  put64(out, end.start);
  put32(out, kLocatorMark);
  put32(out, 0);
  put64(out, end.start + end.size);
  put32(out, 1);  // disks
}

void put_end(std::string& out, const ZipEnd& end) {
  if (end.entries >= kFull16 || end.size >= kFull32 || end.start >= kFull32) {
    put_zip64_end(out, end);
  }
  put32(out, kEndMark);
  put16(out, 0);
  put16(out, 0);
  put16(out, at_most(end.entries, kFull16));
  put16(out, at_most(end.entries, kFull16));
  put32(out, at_most(end.size, kFull32));
  put32(out, at_most(end.start, kFull32));
  put16(out, 0);  // comment
}

[[noreturn]] void fail_local(std::string_view what) {
  fail(ErrorCode::corrupt_data, "zip: the header in front of the data " + std::string(what));
}

}  // namespace

std::optional<std::size_t> find_last_zip_end(ByteView bytes) {
  constexpr std::byte kFirst{'P'};
  for (std::size_t at = bytes.size() < 4 ? 0 : bytes.size() - 3; at-- > 0;) {
    if (bytes[at] == kFirst && u32(bytes, at) == kEndMark) return at;
  }
  return std::nullopt;
}

ZipEnd parse_zip_end(ByteView record) {
  const bool one_file = (u16(record, 4) == 0 || u16(record, 4) == kFull16) &&
                        (u16(record, 6) == 0 || u16(record, 6) == kFull16);
  return {.start = u32(record, 16),
          .size = u32(record, 12),
          .entries = u16(record, 10),
          .comment_size = u16(record, 20),
          .one_file = one_file};
}

std::optional<std::uint64_t> parse_zip64_locator(ByteView locator) {
  if (u32(locator, 0) != kLocatorMark) return std::nullopt;
  return u64(locator, 8);
}

bool parse_zip64_end(ByteView record, ZipEnd& end) {
  if (u32(record, 0) != kEnd64Mark) return false;
  end.entries = u64(record, 32);
  end.size = u64(record, 40);
  end.start = u64(record, 48);
  end.zip64 = true;
  return true;
}

bool begins_like_zip(ByteView first_bytes) {
  if (first_bytes.size() < 4) return false;
  const std::uint32_t mark = u32(first_bytes, 0);
  return mark == kLocalMark || mark == kEndMark || mark == kEnd64Mark;
}

ZipMembers parse_zip_directory(ByteView directory, const ZipEnd& end) {
  ZipMembers members;
  std::uint64_t entries = 0;
  for (std::size_t at = 0; at < directory.size(); ++entries) {
    auto [name, member] = parse_entry(directory, at);
    const bool is_folder = name.ends_with('/') && member.size == 0;
    check_name(is_folder ? std::string_view(name).substr(0, name.size() - 1) : name);
    if (!is_folder) members.insert_or_assign(std::move(name), member);
  }
  const bool as_told = end.zip64 ? entries == end.entries : (entries & kFull16) == end.entries;
  if (!as_told) {
    fail_directory(std::to_string(entries) + " entries where " + std::to_string(end.entries) +
                   " are announced");
  }
  return members;
}

std::string make_zip_directory(const ZipMembers& members, std::uint64_t start) {
  std::string out;
  for (const auto& [name, member] : members) put_entry(out, name, member);
  put_end(out, {.start = start, .size = out.size(), .entries = members.size()});
  return out;
}

std::string make_zip_local_header(std::string_view name, const ZipMember& member) {
  // Both sizes or none, says the format.
  const bool large = member.size >= kFull32 || member.stored_size >= kFull32;
  std::string extra;
  if (large) {
    put16(extra, kZip64Field);
    put16(extra, 16);
    put64(extra, member.size);
    put64(extra, member.stored_size);
  }
  std::string out;
  put32(out, kLocalMark);
  put16(out, large ? kVersion64 : kVersion);
  put16(out, member.flags);
  put16(out, member.method);
  put32(out, member.modified);
  put32(out, member.crc);
  put32(out, large ? kFull32 : member.stored_size);
  put32(out, large ? kFull32 : member.size);
  put16(out, name.size());
  put16(out, extra.size());
  return out.append(name).append(extra);
}

std::size_t zip_local_header_size(ByteView header) {
  if (u32(header, 0) != kLocalMark) fail_local("is not there");
  return kZipLocalSize + u16(header, 26) + u16(header, 28);
}

void check_zip_local_header(ByteView header, std::string_view name, const ZipMember& member) {
  const std::size_t name_size = u16(header, 26);
  if (as_text(header.subspan(kZipLocalSize, name_size)) != name) fail_local("has another name");
  const std::uint16_t flags = u16(header, 6);
  if (((flags ^ member.flags) & (kZipEncrypted | kZipSizesFollow)) != 0 ||
      u16(header, 8) != member.method) {
    fail_local("tells another method than the directory");
  }
  if ((flags & kZipSizesFollow) != 0) return;  // not known yet when it was written
  std::uint64_t stored_size = u32(header, 18), size = u32(header, 22);
  ByteView field = zip64_field(header.subspan(kZipLocalSize + name_size));
  if (!widen(size, field) || !widen(stored_size, field)) fail_local("lacks a zip64 value");
  if (size != member.size || stored_size != member.stored_size || u32(header, 14) != member.crc) {
    fail_local("tells other sizes (" + std::to_string(stored_size) + " stored, " +
               std::to_string(size) + " in all) than the directory (" +
               std::to_string(member.stored_size) + ", " + std::to_string(member.size) + ")");
  }
}

}  // namespace zarrloom
