// `packbits` (numcodecs): eight bools in a byte, the first in the highest bit; a byte before them
// says how many bits of the last one are unused.
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/numbers.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/codecs/transform.h"

namespace zarrloom {
namespace {

std::size_t unused_bits(std::size_t count) { return (8 - count % 8) % 8; }

void encode(ByteView bools, MutableBytes out) {
  out[0] = static_cast<std::byte>(unused_bits(bools.size()));
  for (std::size_t at = 0; at < bools.size(); at += 8) {
    unsigned packed = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      const bool bit = at + i < bools.size() && bools[at + i] != std::byte{0};
      packed = packed << 1 | static_cast<unsigned>(bit);
    }
    out[1 + at / 8] = static_cast<std::byte>(packed);
  }
}

void decode(ByteView packed, MutableBytes bools) {
  const std::size_t unused = std::to_integer<std::size_t>(packed[0]);
  if (unused != unused_bits(bools.size())) {
    fail(ErrorCode::corrupt_data, std::to_string(unused) + " unused bits announced, " +
                                      std::to_string(unused_bits(bools.size())) + " expected");
  }
  for (std::size_t i = 0; i < bools.size(); ++i) {
    bools[i] = packed[1 + i / 8] >> (7 - i % 8) & std::byte{1};
  }
}

}  // namespace

AnyCodec make_numcodecs_packbits_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {});
  if (spec.dtype.kind != Kind::boolean) {
    fail(ErrorCode::unsupported, "packs bools, not " + spec.dtype.numpy_name());
  }
  const std::size_t size = 1 + (spec.decoded_size() + 7) / 8;
  ChunkSpec encoded{{static_cast<std::int64_t>(size)},
                    number_type(Kind::unsigned_integer, 1),
                    std::vector<std::byte>(1)};
  return make_transform(std::move(encoded), Json::Object{}, encode, decode);
}

}  // namespace zarrloom
