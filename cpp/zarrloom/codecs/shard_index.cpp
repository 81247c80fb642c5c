#include <algorithm>
#include <cstring>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/shard_layout.h"

namespace zarrloom {
namespace {

static_assert(sizeof(ShardRange) == 16);  // two elements of the index

ChunkSpec index_spec(const Dims& grid) {
  ChunkSpec spec{grid, dtype_from_numpy_name("uint64"), std::vector<std::byte>(8, std::byte{0xff})};
  spec.shape.push_back(2);
  return spec;
}

std::string inner_name(std::size_t number, const Dims& grid) {
  Dims chunk = grid;
  for (std::size_t d = grid.size(); d-- > 0;) {
    chunk[d] = static_cast<std::int64_t>(number % static_cast<std::size_t>(grid[d]));
    number /= static_cast<std::size_t>(grid[d]);
  }
  return "inner chunk " + to_string(chunk);
}

// Makes room for more bytes behind the first `used`, which are kept.
void grow(Bytes& bytes, std::size_t used, std::size_t more) {
  if (more <= bytes.capacity() - used) return;
  Bytes larger(std::max(used + more, 2 * bytes.capacity()));
  if (used > 0) std::memcpy(larger.data(), bytes.data(), used);
  bytes = std::move(larger);
}

}  // namespace

ShardIndexFormat::ShardIndexFormat(const std::vector<CodecConfig>& codecs, const Dims& grid,
                                   bool at_end)
    : grid_(grid),
      count_(static_cast<std::size_t>(checked_product(grid, "inner chunks of a shard"))),
      chain_(codecs, index_spec(grid)),
      at_end_(at_end) {
  if (chain_.has_fixed_size()) return;
  fail(ErrorCode::invalid_argument,
       "the index must have the same size in every shard, which these index_codecs do not give it");
}

ShardRanges ShardIndexFormat::find(ByteView shard) const {
  const std::size_t size = encoded_size();
  if (shard.size() < size) {
    fail(ErrorCode::corrupt_data, "a shard of " + std::to_string(shard.size()) +
                                      " bytes cannot hold its index of " + std::to_string(size));
  }
  return decode(at_end_ ? shard.last(size) : shard.first(size), shard.size());
}

ShardRanges ShardIndexFormat::decode(ByteView index, std::uint64_t shard_size) const {
  if (index.size() != encoded_size() || shard_size < index.size()) {
    fail(ErrorCode::corrupt_data, "shard index: " + std::to_string(index.size()) + " bytes where " +
                                      std::to_string(encoded_size()) + " belong");
  }
  ShardRanges ranges(count_);
  Workspace workspace;
  const MutableBytes memory{reinterpret_cast<std::byte*>(ranges.data()), 16 * count_};
  try {
    chain_.decode(index, c_view(memory, chain_.spec().shape, 8), workspace);
  } catch (const Error& error) {
    throw Error(with_context(error.failure(), "shard index"));
  }
  for (std::size_t i = 0; i < count_; ++i) check(ranges[i], i, shard_size);
  return ranges;
}

// Ranges that overlap each other are legal bytes. Ranges inside the index are not: data that is
// taken for offsets, or offsets that are taken for data.
void ShardIndexFormat::check(const ShardRange& range, std::size_t number,
                             std::uint64_t shard_size) const {
  if (range.empty()) return;
  const auto& [offset, length] = range;
  const bool inside = offset <= shard_size && length <= shard_size - offset;
  const std::uint64_t data_begin = at_end_ ? 0 : encoded_size();
  const std::uint64_t data_end = at_end_ ? shard_size - encoded_size() : shard_size;
  if (inside && offset >= data_begin && offset + length <= data_end) return;
  fail(ErrorCode::corrupt_data, "shard index: " + inner_name(number, grid_) + " is said to have " +
                                    std::to_string(length) + " bytes at " + std::to_string(offset) +
                                    (inside ? ", which lie in the index of the shard of "
                                            : ", which are not inside the shard of ") +
                                    std::to_string(shard_size) + " bytes");
}

void ShardIndexFormat::encode(std::span<const ShardRange> ranges, MutableBytes out) const {
  const ByteView memory{reinterpret_cast<const std::byte*>(ranges.data()), ranges.size_bytes()};
  Workspace workspace;
  const ByteView encoded = chain_.encode(c_view(memory, chain_.spec().shape, 8), workspace);
  std::copy(encoded.begin(), encoded.end(), out.begin());
}

ShardBuilder::ShardBuilder(const ShardIndexFormat& index)
    : index_(index), ranges_(index.inner_chunks()) {
  if (!index.at_end()) {
    bytes_ = Bytes(index.encoded_size());
    end_ = index.encoded_size();
  }
}

void ShardBuilder::add(std::size_t number, ByteView encoded) {
  grow(bytes_, end_, encoded.size());
  if (!encoded.empty()) std::memcpy(bytes_.data() + end_, encoded.data(), encoded.size());
  ranges_[number] = {end_, encoded.size()};
  end_ += encoded.size();
  has_chunks_ = true;
}

void ShardBuilder::finish(Bytes& shard) {
  const std::size_t size = index_.encoded_size();
  std::size_t at = 0;
  if (index_.at_end()) {
    grow(bytes_, end_, size);
    at = end_;
    end_ += size;
  }
  bytes_.resize_uninitialized(end_);
  index_.encode(ranges_, bytes_.span().subspan(at, size));
  shard = std::move(bytes_);
}

}  // namespace zarrloom
