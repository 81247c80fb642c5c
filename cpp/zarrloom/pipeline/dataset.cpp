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

std::string Dataset::chunk_key(const Dims& chunk) const {
  if (path.empty()) return key_encoding.encode(chunk);
  return path + '/' + key_encoding.encode(chunk);
}

}  // namespace zarrloom
