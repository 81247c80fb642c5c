// An object as it will lie in a zip archive. Private to the zip store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "zarrloom/base/bytes.h"
#include "zarrloom/stores/zip_records.h"

namespace zarrloom {

struct PackedMember {
  // Deflated where that is asked for and makes it smaller. `bytes` must outlive this.
  PackedMember(std::string_view name, ByteView bytes, bool deflate);

  std::uint64_t size() const { return header.size() + data.size(); }

  ZipMember member;    // all but its place
  std::string header;  // in front of the data
  ByteView data;       // the object's bytes, or `owned`
  Bytes owned;
};

}  // namespace zarrloom
