// All that moving an array's bytes needs: an immutable snapshot, shared by whatever runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "zarrloom/base/cancel.h"
#include "zarrloom/codecs/chain.h"
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

struct Dataset {
  std::shared_ptr<Runtime> runtime;
  std::shared_ptr<Store> store;
  std::string path;          // of the array in the store, "" = the store's root
  std::string metadata_key;  // there as long as the array is
  Dims shape;
  Dims chunk_shape;
  ChunkKeyEncoding key_encoding;
  CodecChain codecs;

  const DataType& dtype() const { return codecs.spec().dtype; }
  std::size_t item_size() const { return codecs.spec().dtype.item_size; }
  ByteView fill_value() const { return codecs.spec().fill_value; }
  std::string chunk_key(const Dims& chunk) const;
};

struct CallOptions {
  std::size_t parallel = 0;  // threads (or requests in flight) of this call; 0 = the runtime's
  CancelToken cancel = {};
  InterruptCheck interrupt = {};
};

}  // namespace zarrloom
