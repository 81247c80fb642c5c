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
  Dims object_shape;  // a multiple of chunk_shape
  Dims chunk_shape;
  ChunkKeyEncoding key_encoding;
  CodecChain codecs;                      // of a stored object
  std::optional<CodecChain> inner_chain;  // of a chunk in a shard

  bool has_shards() const { return inner_chain.has_value(); }
  const CodecChain& codecs_of(Unit unit) const {
    return unit == Unit::chunk && inner_chain ? *inner_chain : codecs;
  }
  const Dims& shape_of(Unit unit) const { return unit == Unit::chunk ? chunk_shape : object_shape; }
  const ShardIndexFormat& index_format() const;  // has_shards() only

  const DataType& dtype() const { return codecs.spec().dtype; }
  std::size_t item_size() const { return codecs.spec().dtype.item_size; }
  ByteView fill_value() const { return codecs.spec().fill_value; }

  std::string object_key(const Dims& object) const;
  std::string chunk_key(const Dims& chunk) const;  // of the object that holds it
  std::string key_of(Unit unit, const Dims& index) const {
    return unit == Unit::chunk ? chunk_key(index) : object_key(index);
  }
  Dims object_of(const Dims& chunk) const;
  // The number of a chunk in its shard's index.
  std::size_t index_number(const Dims& chunk) const;
};

struct CallOptions {
  std::size_t parallel = 0;  // threads (or requests in flight) of this call; 0 = the runtime's
  CancelToken cancel = {};
  InterruptCheck interrupt = {};
};

}  // namespace zarrloom
