#include "zarrloom/pipeline/dataset.h"

#include <charconv>

namespace zarrloom {

std::string ChunkKeyEncoding::encode(const Dims& chunk) const {
  std::string key = v2_style ? "" : "c";
  if (chunk.empty()) return v2_style ? "0" : key;
  for (std::int64_t index : chunk) {
    if (!key.empty()) key += separator;
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, index).ptr;
    key.append(digits, end);
  }
  return key;
}

const ShardIndexFormat& Dataset::index_format() const { return codecs.shard_layout()->index; }

std::string Dataset::object_key(const Dims& object) const {
  if (path.empty()) return key_encoding.encode(object);
  return path + '/' + key_encoding.encode(object);
}

std::string Dataset::chunk_key(const Dims& chunk) const { return object_key(object_of(chunk)); }

Dims Dataset::object_of(const Dims& chunk) const {
  if (!has_shards()) return chunk;
  Dims object = chunk;
  for (std::size_t d = 0; d < chunk.size(); ++d) object[d] /= object_shape[d] / chunk_shape[d];
  return object;
}

std::size_t Dataset::index_number(const Dims& chunk) const {
  Dims inside = chunk;
  for (std::size_t d = 0; d < chunk.size(); ++d) inside[d] %= object_shape[d] / chunk_shape[d];
  inside = codecs.encoded_dims(inside);
  const Dims& grid = codecs.shard_layout()->grid;
  std::int64_t number = 0;
  for (std::size_t d = 0; d < grid.size(); ++d) number = number * grid[d] + inside[d];
  return static_cast<std::size_t>(number);
}

}  // namespace zarrloom
