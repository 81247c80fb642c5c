#include "zarrloom/stores/zip_archive.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "zarrloom/stores/answer.h"
#include "zarrloom/stores/file_io.h"

namespace zarrloom {
namespace {

constexpr std::uint64_t kSearchStep = 1 << 20;  // bytes read at a time when an end is looked for

Bytes read_part(int file, std::uint64_t offset, std::uint64_t size) {
  Bytes bytes(static_cast<std::size_t>(size));
  read_at(file, offset, bytes.span());
  return bytes;
}

// ---- The directory ----

struct FoundEnd {
  ZipEnd end;
  std::uint64_t at = 0;  // of the end record
  std::uint64_t behind = 0;
  bool fits = false;  // the directory lies right in front of its end records
};

void add_zip64(int file, FoundEnd& found) {
  std::uint64_t records = found.at;  // where the end records begin
  if (found.at >= kZipLocatorSize) {
    const std::uint64_t place = found.at - kZipLocatorSize;
    const Bytes locator = read_part(file, place, kZipLocatorSize);
    const std::optional<std::uint64_t> record = parse_zip64_locator(locator.view());
    if (record && place >= kZip64EndSize && *record <= place - kZip64EndSize &&
        parse_zip64_end(read_part(file, *record, kZip64EndSize).view(), found.end)) {
      records = *record;
    }
  }
  found.fits = found.end.one_file && found.end.size <= records &&
               found.end.start == records - found.end.size;
}

// The end record at `at`, if it is one and ends within the file.
std::optional<FoundEnd> end_at(int file, std::uint64_t at, std::uint64_t file_size) {
  if (file_size - at < kZipEndSize) return std::nullopt;
  FoundEnd found{.end = parse_zip_end(read_part(file, at, kZipEndSize).view()), .at = at};
  found.behind = at + kZipEndSize + found.end.comment_size;
  if (found.behind > file_size) return std::nullopt;
  add_zip64(file, found);
  return found;
}

ZipDirectory load(int file, const FoundEnd& found) {
  const ZipEnd& end = found.end;
  const Bytes bytes = read_part(file, end.start, found.behind - end.start);
  return {
      .members = parse_zip_directory(bytes.view().first(static_cast<std::size_t>(end.size)), end),
      .start = end.start,
      .end = found.behind,
      .check_sum = zip_crc(bytes.view())};
}

// The last place before `before` with the mark of an end record.
std::optional<std::uint64_t> find_end(int file, std::uint64_t before) {
  constexpr std::uint64_t kOverlap = 3;  // a mark may lie across two steps
  while (before > kOverlap) {
    const std::uint64_t from = before - std::min(before, kSearchStep);
    const Bytes bytes = read_part(file, from, before - from);
    if (const auto at = find_last_zip_end(bytes.view())) return from + *at;
    if (from == 0) break;
    before = from + kOverlap;
  }
  return std::nullopt;
}

// ---- Members ----

// Throws before memory is allocated for what cannot be true.
void check_member(const ZipMember& member, const ZipBounds& bounds) {
  if ((member.flags & kZipEncrypted) != 0) {
    fail(ErrorCode::unsupported, "zip: the member is encrypted");
  }
  if (member.method != kZipStored && member.method != kZipDeflated) {
    fail(ErrorCode::unsupported, "zip: compressed by method " + std::to_string(member.method) +
                                     "; known are 0 (stored) and 8 (deflate)");
  }
  const bool outside =
      member.offset > bounds.end || member.stored_size > bounds.end - member.offset;
  const bool lies = member.method == kZipStored
                        ? member.size != member.stored_size
                        : member.size / kMostInflatedPerByte > member.stored_size;
  if (outside || lies) {
    fail(ErrorCode::corrupt_data, "zip: " + std::to_string(member.stored_size) +
                                      " stored bytes at " + std::to_string(member.offset) +
                                      " cannot hold " + std::to_string(member.size) + " bytes" +
                                      (outside ? ": they are not inside the archive" : ""));
  }
}

// Where the member's data begin.
std::uint64_t data_of(int file, std::string_view name, const ZipMember& member,
                      const ZipBounds& bounds) {
  Bytes header = read_part(file, member.offset, kZipLocalSize);
  const std::size_t size = zip_local_header_size(header.view());
  header = read_part(file, member.offset, size);
  check_zip_local_header(header.view(), name, member);
  const std::uint64_t data = member.offset + size;
  if (data > bounds.end || member.stored_size > bounds.end - data) {
    fail(ErrorCode::corrupt_data, "zip: the data run out of the archive");
  }
  return data;
}

void check_crc(ByteView bytes, const ZipMember& member) {
  if (zip_crc(bytes) != member.crc) {
    fail(ErrorCode::corrupt_data, "zip: the data do not have the CRC-32 of the directory");
  }
}

libdeflate_decompressor* decompressor() {
  struct Free {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
  };
  thread_local std::unique_ptr<libdeflate_decompressor, Free> context;
  if (!context) context.reset(libdeflate_alloc_decompressor());
  if (!context) fail(ErrorCode::out_of_memory, "no memory for a deflate decompressor");
  return context.get();
}

// `out` has the member's size.
void inflate(ByteView stored, MutableBytes out, const ZipMember& member) {
  std::size_t used = 0, made = 0;
  std::byte none{};  // libdeflate wants an address for nothing, too
  const libdeflate_result result =
      libdeflate_deflate_decompress_ex(decompressor(), stored.data(), stored.size(),
                                       out.empty() ? &none : out.data(), out.size(), &used, &made);
  if (result != LIBDEFLATE_SUCCESS || used != stored.size() || made != out.size()) {
    fail(ErrorCode::corrupt_data, result == LIBDEFLATE_BAD_DATA
                                      ? "zip: the deflated data are cut or damaged"
                                      : "zip: the deflated data do not have the declared size of " +
                                            std::to_string(member.size) + " bytes");
  }
  check_crc(out, member);
}

void read_deflated(int file, std::uint64_t data, const ZipMember& member, const Slice& slice,
                   const ReadRequest& request, ReadResult& result) {
  const Bytes stored = read_part(file, data, member.stored_size);
  if (slice.length == member.size) {
    return inflate(stored.view(), memory_for(request, slice.length, result), member);
  }
  Bytes all(static_cast<std::size_t>(member.size));
  inflate(stored.view(), all.span(), member);
  const ByteView part = all.view().subspan(static_cast<std::size_t>(slice.offset), slice.length);
  std::ranges::copy(part, memory_for(request, slice.length, result).begin());
}

}  // namespace

ObjectVersion version_of_zip_member(const ZipMember& member, std::uint64_t inode) {
  const std::array<std::uint64_t, 4> state{member.offset, member.size, member.crc, inode};
  return {reinterpret_cast<const char*>(state.data()), sizeof state};
}

std::uint32_t zip_crc(ByteView bytes) { return libdeflate_crc32(0, bytes.data(), bytes.size()); }

ZipDirectory load_zip_directory(int file, std::uint64_t file_size) {
  const std::uint64_t first = std::min<std::uint64_t>(file_size, 4);
  if (!begins_like_zip(read_part(file, 0, first).view())) {
    fail(ErrorCode::corrupt_data, "is no zip archive: it does not begin like one");
  }
  const std::uint64_t longest = kZipEndSize + kZipLongestComment;
  for (std::optional<std::uint64_t> at = find_end(file, file_size); at;
       at = find_end(file, *at + 3)) {
    const std::optional<FoundEnd> found = end_at(file, *at, file_size);
    if (!found) continue;
    if (found->behind == file_size && file_size - *at <= longest) {
      if (!found->end.one_file) fail(ErrorCode::unsupported, "a zip archive in several files");
      if (found->fits) return load(file, *found);
      fail(ErrorCode::corrupt_data, "the zip directory is not where its end record says");
    }
    // Not at the end: the mark may be a member's data.
    if (!found->fits) continue;
    try {
      return load(file, *found);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt_data) throw;
    }
  }
  fail(ErrorCode::corrupt_data,
       "has no zip directory: it was cut, or its writer has not closed it");
}

bool has_zip_directory(int file, const ZipDirectory& directory) {
  try {
    const Bytes bytes = read_part(file, directory.start, directory.end - directory.start);
    return zip_crc(bytes.view()) == directory.check_sum;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::corrupt_data) return false;  // cut
    throw;
  }
}

void read_zip_member(int file, const ZipMember& member, const ZipBounds& bounds,
                     const ReadRequest& request, ReadResult& result) {
  check_member(member, bounds);
  const Slice slice = slice_of(request, member.size);
  const std::uint64_t data = data_of(file, request.key, member, bounds);
  if (member.method == kZipStored) {
    const MutableBytes memory = memory_for(request, slice.length, result);
    read_at(file, data + slice.offset, memory);
    if (slice.length == member.size) check_crc(memory, member);
    return;
  }
  if (member.size > bounds.inflate_limit) {
    fail(ErrorCode::corrupt_data, "zip: " + std::to_string(member.size) +
                                      " deflated bytes, above the store's limit of " +
                                      std::to_string(bounds.inflate_limit));
  }
  read_deflated(file, data, member, slice, request, result);
}

}  // namespace zarrloom
