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

ChainPtr Dataset::codecs_of(Unit unit, const Dims& index) const {
  if (unit == Unit::chunk && inner_chain) return {ChainPtr(), &*inner_chain};
  if (object_grid.is_regular()) return {ChainPtr(), &codecs};
  const Dims wanted = object_grid.shape_of(index);
  if (wanted == codecs.spec().shape) return {ChainPtr(), &codecs};
  return other_codecs->of(wanted);
}

std::string Dataset::object_key(const Dims& object) const {
  if (path.empty()) return key_encoding.encode(object);
  return path + '/' + key_encoding.encode(object);
}

std::string Dataset::chunk_key(const Dims& chunk) const { return object_key(object_of(chunk)); }

Dims Dataset::object_of(const Dims& chunk) const {
  if (!has_shards()) return chunk;
  Dims object = chunk;
  for (std::size_t d = 0; d < chunk.size(); ++d) {
    object[d] = object_grid[d].chunk_at(chunk_grid[d].origin(chunk[d]));
  }
  return object;
}

Dims Dataset::index_in_object(const Dims& chunk) const {
  if (!has_shards()) return chunk;
  Dims inside = chunk;
  for (std::size_t d = 0; d < chunk.size(); ++d) {
    const ChunkAxis objects = object_grid[d], chunks = chunk_grid[d];
    const std::int64_t object = objects.chunk_at(chunks.origin(chunk[d]));
    inside[d] -= chunks.chunk_at(objects.origin(object));
  }
  return inside;
}

Dims Dataset::chunks_in(const Dims& object) const {
  return grid_shape(object_grid.shape_of(object), chunk_grid);
}

std::size_t index_number(const CodecChain& shard, const Dims& inside) {
  const Dims place = shard.encoded_dims(inside);
  const Dims& grid = shard.shard_layout()->grid;
  std::int64_t number = 0;
  for (std::size_t d = 0; d < grid.size(); ++d) number = number * grid[d] + place[d];
  return static_cast<std::size_t>(number);
}

}  // namespace zarrloom
