// The records of a zip archive as values (PKWARE's APPNOTE 6.3), without I/O. Private to the zip
// store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "zarrloom/base/bytes.h"

namespace zarrloom {

inline constexpr std::uint16_t kZipStored = 0;
inline constexpr std::uint16_t kZipDeflated = 8;

inline constexpr std::uint16_t kZipEncrypted = 1 << 0;
inline constexpr std::uint16_t kZipSizesFollow = 1 << 3;  // behind the data, in a data descriptor
inline constexpr std::uint16_t kZipUtf8 = 1 << 11;

struct ZipMember {
  std::uint64_t offset = 0;       // of its local header
  std::uint64_t stored_size = 0;  // bytes in the archive
  std::uint64_t size = 0;         // bytes of the object
  std::uint32_t crc = 0;          // of the object
  std::uint16_t method = kZipStored;
  std::uint16_t flags = 0;
  std::uint32_t modified = 0x210000;                        // 1980-01-01: equal writes, equal bytes
  std::uint32_t attributes = std::uint32_t{0100644} << 16;  // a file that all may read
  friend bool operator==(const ZipMember&, const ZipMember&) = default;
};
using ZipMembers = std::map<std::string, ZipMember, std::less<>>;

// ---- The end record, found from behind ----

inline constexpr std::size_t kZipEndSize = 22;      // without its comment
inline constexpr std::size_t kZipLocatorSize = 20;  // before the end record, with zip64
inline constexpr std::size_t kZip64EndSize = 56;    // where the locator says
inline constexpr std::size_t kZipLongestComment = 65535;

struct ZipEnd {
  std::uint64_t start = 0;    // of the directory
  std::uint64_t size = 0;     // of the directory
  std::uint64_t entries = 0;  // modulo 65536 without zip64
  std::size_t comment_size = 0;
  bool one_file = true;  // false: an archive in several files
  bool zip64 = false;
};

// Where `bytes` holds the mark of an end record last; nullopt if nowhere.
std::optional<std::size_t> find_last_zip_end(ByteView bytes);

// From the record's first byte on.
ZipEnd parse_zip_end(ByteView record);

// Where the zip64 end record lies; nullopt if `locator` is none.
std::optional<std::uint64_t> parse_zip64_locator(ByteView locator);

// False if it is no such record. Else sets all but the comment's size.
bool parse_zip64_end(ByteView record, ZipEnd& end);

bool begins_like_zip(ByteView first_bytes);

// ---- The directory ----

// Of members of one name the last counts; names of folders ("a/") are left out. Throws
// corrupt_data.
ZipMembers parse_zip_directory(ByteView directory, const ZipEnd& end);

// With the end records, for a directory that begins at `start`.
std::string make_zip_directory(const ZipMembers& members, std::uint64_t start);

// ---- The header in front of a member's data ----

inline constexpr std::size_t kZipLocalSize = 30;  // without name and extra fields

std::string make_zip_local_header(std::string_view name, const ZipMember& member);

// `header` goes from the first byte to the end of the extra fields. Throws corrupt_data where it is
// not the header of this member.
void check_zip_local_header(ByteView header, std::string_view name, const ZipMember& member);

// The header's whole size, by its first kZipLocalSize bytes. Throws corrupt_data.
std::size_t zip_local_header_size(ByteView header);

}  // namespace zarrloom
