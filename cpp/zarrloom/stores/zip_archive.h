// Reading an open zip archive. Private to the zip store.
#pragma once

#include <cstdint>
#include <string_view>

#include "zarrloom/stores/store.h"
#include "zarrloom/stores/zip_records.h"

namespace zarrloom {

struct ZipDirectory {
  ZipMembers members;
  std::uint64_t start = 0;      // where the directory lies in the file
  std::uint64_t end = 0;        // behind the end record: what follows belongs to no archive
  std::uint32_t check_sum = 0;  // of the bytes from start to end
};

// The archive's last directory that is whole: behind it may lie what a writer did not finish.
// Throws corrupt_data where there is none, or where the end of the file tells of one that is
// damaged.
ZipDirectory load_zip_directory(int file, std::uint64_t file_size);

// Whether the directory still lies there. What appends to an archive lets it lie, or begins by
// writing over it.
bool has_zip_directory(int file, const ZipDirectory& directory);

// Deflate streams are at most so much larger when they are inflated.
inline constexpr std::uint64_t kMostInflatedPerByte = 1032;

struct ZipBounds {
  std::uint64_t end = 0;            // where members must have ended in the file
  std::uint64_t inflate_limit = 0;  // bytes
};

// Reads from a member into `result`. Throws corrupt_data (cut, damaged, sizes that are not true),
// unsupported (encrypted, another compression).
void read_zip_member(int file, const ZipMember& member, const ZipBounds& bounds,
                     const ReadRequest& request, ReadResult& result);

// No place in an archive is written twice, so that place, checks and file tell all states apart.
ObjectVersion version_of_zip_member(const ZipMember& member, std::uint64_t inode);

std::uint32_t zip_crc(ByteView bytes);

}  // namespace zarrloom
