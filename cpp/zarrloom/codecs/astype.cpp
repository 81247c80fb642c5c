// `astype` (numcodecs): elements of another type, by numpy's rules for casts.
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/numbers.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/codecs/transform.h"

namespace zarrloom {

AnyCodec make_astype_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"encode_dtype", "decode_dtype"});
  const DataType decoded = read_type(config, "decode_dtype").value_or(spec.dtype);
  const std::optional<DataType> encoded = read_type(config, "encode_dtype");
  if (!encoded) fail(ErrorCode::invalid_argument, "\"encode_dtype\" is missing");
  const TransformTypes types = types_for(spec, decoded, *encoded);
  Json told = Json::Object{{"encode_dtype", type_text(types.encoded)},
                           {"decode_dtype", type_text(types.decoded)}};
  return make_transform(
      types.encoded_spec, std::move(told),
      [types](ByteView in, MutableBytes out) {
        convert_elements(types.decoded, types.encoded, in, out);
      },
      [types](ByteView in, MutableBytes out) {
        convert_elements(types.encoded, types.decoded, in, out);
      });
}

}  // namespace zarrloom
