// `gzip` (v3 codec "gzip", numcodecs "gzip").
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/deflate.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {

AnyCodec make_gzip_codec(const Json& configuration, const ChunkSpec&) {
  const ConfigReader config(configuration, {"level"});
  const int level = static_cast<int>(config.integer("level", 0, 9).value_or(5));
  const DeflateFormat format{libdeflate_gzip_compress_bound, libdeflate_gzip_compress,
                             libdeflate_gzip_decompress_ex, true};
  return make_deflate_codec(format, level, level);
}

}  // namespace zarrloom
