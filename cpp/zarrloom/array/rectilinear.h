// The chunk grid "rectilinear" as metadata has it (zarr-extensions, chunk-grids/rectilinear).
#pragma once

#include "zarrloom/base/json.h"
#include "zarrloom/pipeline/chunk_grid.h"

namespace zarrloom {

// Of "chunk_shapes": for each dimension a size that is repeated, or a list of sizes and of pairs
// [size, how many]. Throws corrupt_metadata; sizes that do not reach to the end of the array are
// that, too. What lies beyond its end is allowed.
ChunkGrid parse_chunk_shapes(const Json& chunk_shapes, const Dims& shape);

// Repeated sizes as pairs.
Json write_chunk_shapes(const ChunkGrid& grid);

// Of the extension's configuration.
ChunkGrid parse_rectilinear(const Json& configuration, const Dims& shape);
Json write_rectilinear(const ChunkGrid& grid);

}  // namespace zarrloom
