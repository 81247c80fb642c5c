// `sharding_indexed`: inner chunks in one object, with an index of where each lies (v3 codec
// "sharding_indexed"). Here as a codec like others, for shards that have to be taken as a whole;
// the pipeline reads inner chunks by their ranges where it can.
#include <algorithm>

#include "zarrloom/base/error.h"
#include "zarrloom/base/strided_copy.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/codecs/shard_layout.h"

namespace zarrloom {
namespace {

// What is told of sizes beyond which a shard is not believed: other writers may leave gaps.
constexpr std::size_t kRoom = std::size_t{64} << 20;
constexpr std::size_t kFactor = 4;

// The elements of a part of the shard that lie in one inner chunk.
struct Share {
  Dims chunk;
  Dims start;  // in the inner chunk
  Dims count;
  Dims at;  // in the part
};

std::int64_t rounded_up(std::int64_t value, std::int64_t step) {
  return value <= 0 ? 0 : (value - 1) / step + 1;
}

class Shares {
 public:
  Shares(const Dims& inner, const Dims& start, const Dims& step, const Dims& count)
      : inner_(inner), start_(start), step_(step), count_(count) {
    for (std::size_t d = 0; d < inner.size(); ++d) {
      if (count[d] == 0) done_ = true;
    }
    if (done_) return;
    for (std::size_t d = 0; d < inner.size(); ++d) chunk_.push_back(start[d] / inner[d]);
  }

  // False at the end. Inner chunks that a long step leaves out have a count of 0.
  bool next(Share& share) {
    if (done_) return false;
    share.chunk = chunk_;
    share.start = share.count = share.at = chunk_;
    for (std::size_t d = 0; d < chunk_.size(); ++d) {
      const std::int64_t origin = chunk_[d] * inner_[d] - start_[d];
      const std::int64_t first = rounded_up(origin, step_[d]);
      const std::int64_t end = std::min(count_[d], rounded_up(origin + inner_[d], step_[d]));
      share.at[d] = first;
      share.count[d] = end - first;
      share.start[d] = first * step_[d] - origin;
    }
    advance();
    return true;
  }

 private:
  void advance() {
    for (std::size_t d = chunk_.size(); d-- > 0;) {
      const std::int64_t last = (start_[d] + (count_[d] - 1) * step_[d]) / inner_[d];
      if (++chunk_[d] <= last) return;
      chunk_[d] = start_[d] / inner_[d];
    }
    done_ = true;
  }

  const Dims& inner_;
  const Dims& start_;
  const Dims& step_;
  const Dims& count_;
  Dims chunk_;
  bool done_ = false;
};

class ShardingCodec final : public ArrayToBytes {
 public:
  ShardingCodec(ShardLayout layout, CodecChain inner, const ChunkSpec& spec)
      : layout_(std::move(layout)), inner_(std::move(inner)), shape_(spec.shape) {
    const auto decoded = static_cast<unsigned __int128>(spec.decoded_size());
    unsigned __int128 most = (decoded + layout_.index.encoded_size()) * kFactor + kRoom;
    if (spec.dtype.is_variable()) {
      most +=
          static_cast<unsigned __int128>(inner_.max_stored_size()) * layout_.index.inner_chunks();
    }
    most_ = most > SIZE_MAX ? SIZE_MAX : static_cast<std::size_t>(most);
  }

 private:
  Json configuration() const override {
    return Json::Object{{"chunk_shape", list_of(layout_.inner_shape)},
                        {"codecs", list_of(inner_.configs())},
                        {"index_codecs", list_of(layout_.index.codecs())},
                        {"index_location", layout_.index.at_end() ? "end" : "start"}};
  }
  std::size_t max_encoded_size() const override { return most_; }
  bool has_fixed_size() const override { return false; }
  bool is_memory_image() const override { return false; }
  void check_memory_image(ByteView) const override {}
  const ShardLayout* shard_layout() const override { return &layout_; }

  void encode(const ConstArrayView& chunk, Bytes& out) const override {
    const Dims ones = Dims::filled(shape_.size(), 1);
    const Dims zeros = Dims::filled(shape_.size(), 0);
    ShardBuilder builder(layout_.index);
    Workspace workspace;  // the thread's own holds what comes before and after this codec
    Shares shares(layout_.inner_shape, zeros, ones, shape_);
    Share share;
    while (shares.next(share)) {
      const ConstArrayView inner = sub_view(chunk, share.at, ones, share.count);
      if (inner_.spec().is_all_fill(inner)) continue;
      builder.add(number_of(share.chunk), inner_.encode(inner, workspace));
    }
    builder.finish(out);
  }

  void decode_part(ByteView encoded, const Dims& start, const Dims& step,
                   const ArrayView& out) const override {
    const Dims ones = Dims::filled(shape_.size(), 1);
    const ShardRanges ranges = layout_.index.find(encoded);
    Workspace workspace;
    Shares shares(layout_.inner_shape, start, step, out.shape);
    Share share;
    while (shares.next(share)) {
      const ArrayView part = sub_view(out, share.at, ones, share.count);
      if (part.element_count() == 0) continue;
      const ShardRange& range = ranges[number_of(share.chunk)];
      if (range.empty()) {
        fill(part);
        continue;
      }
      try {
        inner_.decode_part(encoded.subspan(range.offset, range.length), share.start, step, part,
                           workspace);
      } catch (const Error& error) {
        throw Error(with_context(error.failure(), "inner chunk " + to_string(share.chunk)));
      }
    }
  }

  // Items must not refer to this codec, which may be gone before they are.
  void fill(const ArrayView& part) const {
    const FillElement element = inner_.spec().fill_element();
    if (!inner_.spec().dtype.is_variable() || part.arena == nullptr) {
      return strided_fill(part, element);
    }
    const ByteView bytes = inner_.spec().fill_value;
    std::byte* const memory = part.arena->allocate(bytes.size());
    std::copy(bytes.begin(), bytes.end(), memory);
    const VarItem item{memory, bytes.size()};
    strided_fill(part, std::as_bytes(std::span(&item, 1)));
  }

  std::size_t number_of(const Dims& chunk) const {
    std::int64_t number = 0;
    for (std::size_t d = 0; d < chunk.size(); ++d) number = number * layout_.grid[d] + chunk[d];
    return static_cast<std::size_t>(number);
  }

  static Json list_of(const Dims& dims) {
    Json::Array list;
    for (std::int64_t extent : dims) list.emplace_back(extent);
    return list;
  }
  static Json list_of(const std::vector<CodecConfig>& codecs) {
    Json::Array list;
    for (const CodecConfig& codec : codecs) list.push_back(codec.to_json());
    return list;
  }

  ShardLayout layout_;
  CodecChain inner_;
  Dims shape_;
  std::size_t most_;
};

// Inner chunks in each dimension of the shard.
Dims grid_of(const Dims& shard, const Dims& inner) {
  bool fits = shard.size() == inner.size();
  Dims grid;
  for (std::size_t d = 0; fits && d < shard.size(); ++d) {
    fits = shard[d] % inner[d] == 0;
    grid.push_back(shard[d] / inner[d]);
  }
  if (fits) return grid;
  fail(ErrorCode::invalid_argument, "inner chunks of shape " + to_string(inner) +
                                        " do not divide shards of shape " + to_string(shard));
}

bool index_at_end(const ConfigReader& config) {
  const std::string location = config.text("index_location").value_or("end");
  if (location == "end" || location == "start") return location == "end";
  fail(ErrorCode::invalid_argument,
       "\"index_location\" must be \"start\" or \"end\", not \"" + location + "\"");
}

std::vector<CodecConfig> default_index_codecs() {
  return {{"bytes", Json::Object{{"endian", "little"}}}, {"crc32c"}};
}

}  // namespace

AnyCodec make_sharding_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration,
                            {"chunk_shape", "codecs", "index_codecs", "index_location"});
  const std::optional<Dims> inner = config.dims("chunk_shape");
  if (!inner) fail(ErrorCode::invalid_argument, "\"chunk_shape\" is missing");
  const auto codecs = config.codecs("codecs");
  if (!codecs) fail(ErrorCode::invalid_argument, "\"codecs\" is missing");
  const Dims grid = grid_of(spec.shape, *inner);
  const auto index_codecs = config.codecs("index_codecs").value_or(default_index_codecs());
  ShardIndexFormat index(index_codecs, grid, index_at_end(config));
  CodecChain chain(*codecs, ChunkSpec{*inner, spec.dtype, spec.fill_value, spec.extensions});
  ShardLayout layout{*inner, grid, chain.configs(), std::move(index)};
  return std::make_unique<ShardingCodec>(std::move(layout), std::move(chain), spec);
}

}  // namespace zarrloom
