// Which chunks of an array are stored.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "zarrloom/pipeline/dataset.h"

namespace zarrloom {

// Numbers (C order of the unit's grid) of the objects that are stored, or of the chunks whose
// objects are (not all chunks of a stored shard need be), ascending, by one listing. nullopt if the
// store cannot list.
std::optional<std::vector<std::int64_t>> stored_chunks(const Dataset& dataset, Unit unit);

// The chunk that a key below the array's path stands for; nullopt if it is none of the grid.
std::optional<Dims> chunk_from_key(const ChunkKeyEncoding& encoding, std::string_view key,
                                   const Dims& grid);

}  // namespace zarrloom
