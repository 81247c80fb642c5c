#include "zarrloom/stores/zip_pack.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>

#include "zarrloom/base/error.h"
#include "zarrloom/stores/zip_archive.h"

namespace zarrloom {
namespace {

constexpr int kDeflateLevel = 6;

Bytes deflated(ByteView bytes) {
  const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor(
      libdeflate_alloc_compressor(kDeflateLevel), libdeflate_free_compressor);
  if (!compressor) fail(ErrorCode::out_of_memory, "no memory for a deflate compressor");
  Bytes out(libdeflate_deflate_compress_bound(compressor.get(), bytes.size()));
  const std::size_t size = libdeflate_deflate_compress(compressor.get(), bytes.data(), bytes.size(),
                                                       out.data(), out.size());
  out.resize_uninitialized(size);
  return out;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

PackedMember::PackedMember(std::string_view name, ByteView bytes, bool deflate) : data(bytes) {
  if (deflate && !bytes.empty()) owned = deflated(bytes);
  if (!owned.empty() && owned.size() < bytes.size()) {
    data = owned.view();
    member.method = kZipDeflated;
  }
  member.stored_size = data.size();
  member.size = bytes.size();
  member.crc = zip_crc(bytes);
  if (!is_ascii(name)) member.flags = kZipUtf8;
  header = make_zip_local_header(name, member);
}

}  // namespace zarrloom
