#include "zarrloom/pipeline/stored_chunks.h"

#include <algorithm>
#include <charconv>

namespace zarrloom {
namespace {

// A number as chunk keys have it: digits only, no leading zero.
std::optional<std::int64_t> parse_index(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text[0] == '-' || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Dims> chunk_from_key(const ChunkKeyEncoding& encoding, std::string_view key,
                                   const Dims& grid) {
  if (grid.empty()) {
    return key == encoding.encode({}) ? std::optional<Dims>(Dims{}) : std::nullopt;
  }
  if (!encoding.v2_style) {
    if (key.size() < 2 || key[0] != 'c' || key[1] != encoding.separator) return std::nullopt;
    key.remove_prefix(2);
  }
  Dims chunk;
  for (std::size_t d = 0; d < grid.size(); ++d) {
    const bool last = d + 1 == grid.size();
    const std::size_t end = last ? key.size() : key.find(encoding.separator);
    if (end == std::string_view::npos) return std::nullopt;
    const auto index = parse_index(key.substr(0, end));
    if (!index || *index >= grid[d]) return std::nullopt;
    chunk.push_back(*index);
    key.remove_prefix(last ? end : end + 1);
  }
  return chunk;
}

namespace {

// The chunks of a shard that lie inside the array.
void add_chunks_of(const Dataset& dataset, const Dims& object, std::vector<std::int64_t>& numbers) {
  const Dims grid = grid_shape(dataset.shape, dataset.chunk_grid);
  const Plan plan(dataset.shape, dataset.chunk_grid,
                  chunk_selection(object, dataset.shape, dataset.object_grid));
  for (std::int64_t i = 0; i < plan.task_count(); ++i) {
    numbers.push_back(chunk_number(plan.task(i).chunk, grid));
  }
}

}  // namespace

std::optional<std::vector<std::int64_t>> stored_chunks(const Dataset& dataset, Unit unit) {
  if (!dataset.store->capabilities().listable) return std::nullopt;
  const Dims grid = grid_shape(dataset.shape, dataset.object_grid);
  const bool within = unit == Unit::chunk && dataset.has_shards();
  std::vector<std::int64_t> numbers;
  for (const ListEntry& entry : dataset.store->list(dataset.path, ListDepth::all)) {
    const auto object = chunk_from_key(dataset.key_encoding, entry.name, grid);
    if (!object) continue;
    if (within) {
      add_chunks_of(dataset, *object, numbers);
    } else {
      numbers.push_back(chunk_number(*object, grid));
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace zarrloom
