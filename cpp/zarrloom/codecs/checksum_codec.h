// What all checksum codecs share: four bytes, little-endian, before or behind the data. Private to
// the codecs.
#pragma once

#include <cstdint>
#include <functional>

#include "zarrloom/codecs/codec.h"

namespace zarrloom {

using Checksum = std::function<std::uint32_t(ByteView)>;  // called from many threads at once

// `configuration` is what the codec tells of itself.
AnyCodec make_checksum_codec(Checksum checksum, bool at_end, Json configuration);

// The sum of words of 16 bits as HDF5 and netCDF take it: big-endian words, an odd byte as the high
// half of a last one.
std::uint32_t fletcher32(ByteView bytes);

// Bob Jenkins' "hashlittle" (lookup3, 2006).
std::uint32_t lookup3(ByteView bytes, std::uint32_t seed);

}  // namespace zarrloom
