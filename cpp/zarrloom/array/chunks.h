// Single chunks of an array as they are stored, and copies of all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "zarrloom/array/array.h"

namespace zarrloom {

// A chunk of the array's grid: an inner chunk, where there are shards. All throw selection for one
// outside the grid.

// True if it is stored: false means that its elements are fill values.
bool chunk_exists(const Array& array, const Dims& chunk);

// Its elements become fill values, and nothing of it is stored. Throws read_only.
void delete_chunk(const Array& array, const Dims& chunk);

// The encoded bytes; nullopt if nothing is stored.
std::optional<Bytes> read_raw_chunk(const Array& array, const Dims& chunk);

// Stores encoded bytes as they are. They are decoded once as a check: throws corrupt_data for what
// could not be read back; read_only.
void write_raw_chunk(const Array& array, const Dims& chunk, ByteView encoded);

struct Stored {
  std::int64_t objects = 0;  // chunks that are stored by themselves, or shards
  std::int64_t chunks = 0;   // chunks that are stored by themselves or in shards
  std::uint64_t bytes = 0;   // of all objects; without metadata
};

// Looks at every stored object: at its size, and at the index of a shard.
Stored count_stored(const Array& array, const CallOptions& options = {});

// True if stored objects of one are stored objects of the other as they are: codecs, chunks,
// shards, data type, fill value and shape agree. Chunk keys may differ.
bool same_objects(const Array& a, const Array& b);

// Numbers of the stored objects in the C order of the object grid, by one listing; of all that the
// grid has, where the store cannot list.
std::vector<std::int64_t> objects_of(const Array& array);

// Copies those objects, as far as they are there, without decoding them. Throws invalid_argument if
// the arrays have not the same_objects.
void copy_objects(const Array& from, const Array& to, std::span<const std::int64_t> objects,
                  const CallOptions& options = {});

}  // namespace zarrloom
