// What gzip and zlib share: libdeflate, whole buffers both ways. Private to the codecs.
#pragma once

#include <libdeflate.h>

#include "zarrloom/codecs/codec.h"

namespace zarrloom {

// The wrapping around a deflate stream.
struct DeflateFormat {
  std::size_t (*bound)(libdeflate_compressor*, std::size_t);
  std::size_t (*compress)(libdeflate_compressor*, const void*, std::size_t, void*, std::size_t);
  libdeflate_result (*decompress)(libdeflate_decompressor*, const void*, std::size_t, void*,
                                  std::size_t, std::size_t*, std::size_t*);
  bool many_members;  // gzip files may be joined
};

// `stored_level` is what the configuration says, `level` what libdeflate is asked for.
std::unique_ptr<BytesToBytes> make_deflate_codec(const DeflateFormat& format, int stored_level,
                                                 int level);

}  // namespace zarrloom
