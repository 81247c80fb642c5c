// How the bytes of a shard are made up of inner chunks (v3 codec "sharding_indexed", "Binary shard
// format").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "zarrloom/codecs/chain.h"

namespace zarrloom {

// Where an inner chunk lies in its shard.
struct ShardRange {
  static constexpr std::uint64_t kNowhere = UINT64_MAX;

  std::uint64_t offset = kNowhere;
  std::uint64_t length = kNowhere;

  // Nothing is stored: the inner chunk is all fill value.
  bool empty() const { return offset == kNowhere && length == kNowhere; }
  friend bool operator==(const ShardRange&, const ShardRange&) = default;
};

// One range for each inner chunk, in C order of the shard's grid. All lie inside the shard and
// outside its index; they may overlap, leave gaps, and come in any order.
using ShardRanges = std::vector<ShardRange>;

// The index of shards of one kind.
class ShardIndexFormat {
 public:
  // Throws invalid_argument or unsupported; codecs whose encoded size varies are invalid.
  ShardIndexFormat(const std::vector<CodecConfig>& codecs, const Dims& grid, bool at_end);

  std::size_t inner_chunks() const { return count_; }
  std::size_t encoded_size() const { return chain_.max_stored_size(); }
  bool at_end() const { return at_end_; }
  std::vector<CodecConfig> codecs() const { return chain_.configs(); }

  // The index of a whole shard. Throws corrupt_data, naming the inner chunk where there is one.
  ShardRanges find(ByteView shard) const;
  // The same by the index's own bytes, of a shard of `shard_size` bytes.
  ShardRanges decode(ByteView index, std::uint64_t shard_size) const;

  void encode(std::span<const ShardRange> ranges, MutableBytes out) const;

 private:
  void check(const ShardRange& range, std::size_t number, std::uint64_t shard_size) const;

  Dims grid_;
  std::size_t count_;
  CodecChain chain_;
  bool at_end_;
};

struct ShardLayout {
  Dims inner_shape;                 // of an inner chunk, as the sharding codec sees the array
  Dims grid;                        // inner chunks in each dimension of the shard, likewise
  std::vector<CodecConfig> codecs;  // of inner chunks
  ShardIndexFormat index;
};

// Puts a shard together: inner chunks in the order of their numbers, each at most once.
class ShardBuilder {
 public:
  explicit ShardBuilder(const ShardIndexFormat& index);

  void add(std::size_t number, ByteView encoded);
  bool has_chunks() const { return has_chunks_; }
  // `shard` becomes the whole of it; the builder is used up.
  void finish(Bytes& shard);

 private:
  const ShardIndexFormat& index_;
  ShardRanges ranges_;
  Bytes bytes_;  // its capacity; the first end_ are used
  std::size_t end_ = 0;
  bool has_chunks_ = false;
};

}  // namespace zarrloom
