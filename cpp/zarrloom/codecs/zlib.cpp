// `zlib` (numcodecs "zlib", in format 3 "numcodecs.zlib").
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/deflate.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {

AnyCodec make_zlib_codec(const Json& configuration, const ChunkSpec&) {
  const ConfigReader config(configuration, {"level"});
  const int level = static_cast<int>(config.integer("level", -1, 9).value_or(1));
  const DeflateFormat format{libdeflate_zlib_compress_bound, libdeflate_zlib_compress,
                             libdeflate_zlib_decompress_ex, false};
  return make_deflate_codec(format, level, level < 0 ? 6 : level);  // zlib's own default is 6
}

}  // namespace zarrloom
