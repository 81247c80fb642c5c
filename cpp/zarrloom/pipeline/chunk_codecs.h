// Codec chains of chunks that have not all one shape: a chain is bound to one.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "zarrloom/codecs/chain.h"
#include "zarrloom/pipeline/chunk_grid.h"

namespace zarrloom {

using ChainPtr = std::shared_ptr<const CodecChain>;

// Bound when first asked for, and the last kMostChains that were used are kept.
class ChunkCodecs {
 public:
  static constexpr std::size_t kMostChains = 64;

  // `largest`: the chain of the chunk that has the largest extent in each dimension.
  explicit ChunkCodecs(const CodecChain& largest);

  // Throws what binding throws.
  ChainPtr of(const Dims& shape) const;

 private:
  struct Bound {
    ChainPtr chain;
    std::uint64_t used;  // by order of use
  };
  ChainPtr find(const Dims& shape) const;
  void keep(const ChainPtr& chain) const;

  const std::vector<CodecConfig> configs_;
  const ChunkSpec largest_;
  mutable std::mutex mutex_;
  mutable std::vector<Bound> bound_;  // guarded by mutex_
  mutable std::uint64_t uses_ = 0;    // guarded by mutex_
};

// Throws what binding throws, for a grid whose chunks these codecs cannot take: whatever a codec
// asks of a shape (that a shard is made up of whole chunks) it asks of each dimension by itself, so
// that each size is tried once beside the largest in the other dimensions.
void check_binds(const std::vector<CodecConfig>& codecs, const ChunkSpec& largest,
                 const ChunkGrid& grid);

}  // namespace zarrloom
