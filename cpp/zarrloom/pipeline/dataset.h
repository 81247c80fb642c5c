// All that moving an array's bytes needs: an immutable snapshot, shared by whatever runs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zarrloom/base/cancel.h"
#include "zarrloom/codecs/chain.h"
#include "zarrloom/codecs/shard_layout.h"
#include "zarrloom/exec/runtime.h"
#include "zarrloom/pipeline/chunk_codecs.h"
#include "zarrloom/pipeline/chunk_grid.h"
#include "zarrloom/pipeline/plan.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {

struct ChunkKeyEncoding {
  bool v2_style = false;  // "0.1" rather than "c/0/1"
  char separator = '/';   // '/' or '.'

  // v3 core specification, "Chunk key encoding". A 0-d array's chunk is "c", or "0" in v2 style.
  std::string encode(const Dims& chunk) const;
  friend bool operator==(const ChunkKeyEncoding&, const ChunkKeyEncoding&) = default;
};

enum class Unit { chunk, object };

// Two grids lie over an array. What is read by itself is a chunk; what is stored and written as one
// object is a shard of many chunks, where the array has shards, and a chunk where it has none.
struct Dataset {
  std::shared_ptr<Runtime> runtime;
  std::shared_ptr<Store> store;
  std::string path;          // of the array in the store, "" = the store's root
  std::string metadata_key;  // there as long as the array is
  Dims shape;
  ChunkGrid object_grid;  // each size is a multiple of the chunk's
  ChunkGrid chunk_grid;   // that of the objects where there are no shards, else regular
  ChunkKeyEncoding key_encoding;
  CodecChain codecs;                                // of the largest stored object
  std::optional<CodecChain> inner_chain;            // of a chunk in a shard
  std::shared_ptr<const ChunkCodecs> other_codecs;  // of objects of other shapes; null: regular

  bool has_shards() const { return inner_chain.has_value(); }
  const ChunkGrid& grid_of(Unit unit) const {
    return unit == Unit::chunk ? chunk_grid : object_grid;
  }
  // Of the largest: what none takes more of.
  const CodecChain& largest_codecs(Unit unit) const {
    return unit == Unit::chunk && inner_chain ? *inner_chain : codecs;
  }
  // Of one chunk or object. Not to outlive the dataset. Throws what binding throws.
  ChainPtr codecs_of(Unit unit, const Dims& index) const;

  const DataType& dtype() const { return codecs.spec().dtype; }
  std::size_t item_size() const { return codecs.spec().dtype.item_size; }
  FillElement fill_element() const { return codecs.spec().fill_element(); }

  std::string object_key(const Dims& object) const;
  std::string chunk_key(const Dims& chunk) const;  // of the object that holds it
  std::string key_of(Unit unit, const Dims& index) const {
    return unit == Unit::chunk ? chunk_key(index) : object_key(index);
  }
  Dims object_of(const Dims& chunk) const;
  // A chunk's index counted from the first of its shard; of a chunk that is an object its own.
  Dims index_in_object(const Dims& chunk) const;
  // Whole chunks in a shard.
  Dims chunks_in(const Dims& object) const;
};

// The number in its shard's index of a chunk that is counted from the shard's first.
std::size_t index_number(const CodecChain& shard, const Dims& inside);

struct CallOptions {
  std::size_t parallel = 0;  // threads (or requests in flight) of this call; 0 = the runtime's
  CancelToken cancel = {};
  InterruptCheck interrupt = {};
};

}  // namespace zarrloom
