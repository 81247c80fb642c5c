#include "zarrloom/pipeline/chunk_codecs.h"

#include <algorithm>

namespace zarrloom {
namespace {

ChunkSpec with_shape(const ChunkSpec& spec, const Dims& shape) {
  ChunkSpec other = spec;
  other.shape = shape;
  return other;
}

}  // namespace

ChunkCodecs::ChunkCodecs(const CodecChain& largest)
    : configs_(largest.configs()), largest_(largest.spec()) {}

ChainPtr ChunkCodecs::of(const Dims& shape) const {
  if (ChainPtr chain = find(shape)) return chain;
  // Not under the lock. Two threads may bind the same: one of the chains is then kept.
  auto chain = std::make_shared<const CodecChain>(configs_, with_shape(largest_, shape));
  keep(chain);
  return chain;
}

ChainPtr ChunkCodecs::find(const Dims& shape) const {
  const std::lock_guard lock(mutex_);
  for (Bound& bound : bound_) {
    if (!(bound.chain->spec().shape == shape)) continue;
    bound.used = ++uses_;
    return bound.chain;
  }
  return nullptr;
}

void ChunkCodecs::keep(const ChainPtr& chain) const {
  const std::lock_guard lock(mutex_);
  if (bound_.size() >= kMostChains) {
    bound_.erase(std::min_element(bound_.begin(), bound_.end(),
                                  [](const Bound& a, const Bound& b) { return a.used < b.used; }));
  }
  bound_.push_back({chain, ++uses_});
}

void check_binds(const std::vector<CodecConfig>& codecs, const ChunkSpec& largest,
                 const ChunkGrid& grid) {
  for (std::size_t d = 0; d < grid.rank(); ++d) {
    for (const std::int64_t size : grid.distinct_sizes(d)) {
      if (size == largest.shape[d]) continue;
      ChunkSpec spec = largest;
      spec.shape[d] = size;
      static_cast<void>(CodecChain(codecs, std::move(spec)));
    }
  }
}

}  // namespace zarrloom
