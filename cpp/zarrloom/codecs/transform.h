// What the array -> array codecs of numcodecs share. Private to the codecs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "zarrloom/codecs/codec.h"
#include "zarrloom/codecs/config.h"

namespace zarrloom {

using Kernel = std::function<void(ByteView, MutableBytes)>;  // called from many threads at once

AnyCodec make_transform(ChunkSpec encoded, Json configuration, Kernel encode, Kernel decode);

// A type as numpy spells it: "<i4", "|b1", "int32", "f8". The byte order is dropped: elements are
// numbers here, and the order is that of the codec that makes bytes. nullopt if absent.
std::optional<DataType> read_type(const ConfigReader& config, std::string_view name);
// The spelling that numcodecs uses: "<i4".
std::string type_text(const DataType& dtype);

// A number, integer or not. nullopt if absent.
std::optional<double> read_number(const ConfigReader& config, std::string_view name);

// The decoded and the encoded type of a codec that has "dtype" and "astype", and the array that it
// makes: the chunk's bytes are taken as elements of the decoded type, whatever they were. Throws
// invalid_argument if they are no whole number of those.
struct TransformTypes {
  DataType decoded;
  DataType encoded;
  ChunkSpec encoded_spec;
};
TransformTypes types_for(const ChunkSpec& spec, const DataType& decoded, const DataType& encoded);

}  // namespace zarrloom
