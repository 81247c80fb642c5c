// The checksum codecs: `crc32c` (v3 codec "crc32c") and those of numcodecs: crc32c, crc32, adler32,
// fletcher32, jenkins_lookup3.
#include <libdeflate.h>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/checksum_codec.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/crc32c_hash.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

constexpr std::int64_t kMost32 = 0xffffffff;

// A place other than the codec's own is stored; numcodecs before 0.16 knows no other.
AnyCodec make_located(const Json& configuration, std::uint32_t (*checksum)(ByteView), bool at_end) {
  const ConfigReader config(configuration, {"location"});
  const std::string own = at_end ? "end" : "start";
  const std::string location = config.text("location").value_or(own);
  if (location != "start" && location != "end") {
    fail(ErrorCode::invalid_argument,
         "\"location\" must be \"start\" or \"end\", not \"" + location + "\"");
  }
  Json told = Json::Object{};
  if (location != own) told.set("location", location);
  return make_checksum_codec(checksum, location == "end", std::move(told));
}

std::uint32_t crc32_of(ByteView bytes) { return libdeflate_crc32(0, bytes.data(), bytes.size()); }

std::uint32_t adler32_of(ByteView bytes) {
  return libdeflate_adler32(1, bytes.data(), bytes.size());
}

// Bytes that are hashed before the data, but not stored: a list of numbers.
Bytes read_prefix(const Json* value) {
  if (value == nullptr) return Bytes();
  const Json::Array* list = value->as_array();
  Bytes prefix(list == nullptr ? 0 : list->size());
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const std::int64_t* byte = (*list)[i].as_int();
    if (byte == nullptr || *byte < 0 || *byte > 255) list = nullptr;
    if (list == nullptr) break;
    prefix.data()[i] = static_cast<std::byte>(*byte);
  }
  if (list != nullptr) return prefix;
  fail(ErrorCode::invalid_argument,
       "\"prefix\" must be null or a list of bytes, not " + write_json(*value, 0));
}

std::uint32_t prefixed_lookup3(const std::vector<std::byte>& prefix, ByteView bytes,
                               std::uint32_t seed) {
  if (prefix.empty()) return lookup3(bytes, seed);
  std::vector<std::byte> all = prefix;
  all.insert(all.end(), bytes.begin(), bytes.end());
  return lookup3(all, seed);
}

}  // namespace

AnyCodec make_crc32c_codec(const Json& configuration, const ChunkSpec&) {
  const ConfigReader config(configuration, {});
  return make_checksum_codec(crc32c, true, Json::Object{});
}

AnyCodec make_numcodecs_crc32c_codec(const Json& configuration, const ChunkSpec&) {
  return make_located(configuration, crc32c, true);
}

AnyCodec make_crc32_codec(const Json& configuration, const ChunkSpec&) {
  return make_located(configuration, crc32_of, false);
}

AnyCodec make_adler32_codec(const Json& configuration, const ChunkSpec&) {
  return make_located(configuration, adler32_of, false);
}

AnyCodec make_fletcher32_codec(const Json& configuration, const ChunkSpec&) {
  const ConfigReader config(configuration, {});
  return make_checksum_codec(fletcher32, true, Json::Object{});
}

AnyCodec make_jenkins_codec(const Json& configuration, const ChunkSpec&) {
  const ConfigReader config(configuration, {"initval", "prefix"});
  const auto seed = static_cast<std::uint32_t>(config.integer("initval", 0, kMost32).value_or(0));
  const Bytes bytes = read_prefix(config.find("prefix"));
  const std::vector<std::byte> prefix(bytes.view().begin(), bytes.view().end());
  Json told = Json::Object{};
  if (seed != 0) told.set("initval", static_cast<std::int64_t>(seed));
  if (!prefix.empty()) told.set("prefix", *config.find("prefix"));
  const auto checksum = [seed, prefix](ByteView data) {
    return prefixed_lookup3(prefix, data, seed);
  };
  return make_checksum_codec(checksum, true, std::move(told));
}

}  // namespace zarrloom
