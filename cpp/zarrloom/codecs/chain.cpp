#include "zarrloom/codecs/chain.h"

#include <algorithm>
#include <bit>

#include "zarrloom/base/error.h"
#include "zarrloom/base/strided_copy.h"
#include "zarrloom/codecs/array_steps.h"
#include "zarrloom/codecs/bool_bytes.h"
#include "zarrloom/codecs/extensions.h"
#include "zarrloom/codecs/shard_layout.h"

namespace zarrloom {
namespace {

constexpr std::size_t kSmallAllocation = std::size_t{64} << 20;
constexpr std::size_t kSlack = std::size_t{64} << 10;
constexpr std::size_t kLikelyRatio = 16;

// Runs a codec; what it throws begins with its name.
template <typename Run>
auto named(const std::string& name, const Run& run) {
  try {
    return run();
  } catch (const Error& error) {
    throw Error(with_context(error.failure(), name));
  }
}

std::size_t saturating_add(std::size_t a, std::size_t b) {
  return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

// What a stored object may have at the most. Other encoders may be worse than ours, so that only
// sizes beyond reason are refused.
std::size_t generous(std::size_t decoded) {
  return std::max(saturating_add(saturating_add(decoded, decoded), kSlack), kSmallAllocation);
}

Serialized serialized_by(const CodecConfig& serializer) {
  if (serializer.name != "bytes") return Serialized::other;
  const Json* endian = serializer.configuration.find("endian");
  const char* native = std::endian::native == std::endian::little ? "little" : "big";
  return endian == nullptr || *endian == Json(native) ? Serialized::native : Serialized::swapped;
}

}  // namespace

std::size_t ChunkSpec::decoded_size() const {
  const std::int64_t elements = checked_product(shape, "chunk shape");
  return static_cast<std::size_t>(checked_product(
      {elements, static_cast<std::int64_t>(dtype.item_size)}, "chunk size in bytes"));
}

FillElement ChunkSpec::fill_element() const {
  if (!dtype.is_variable()) return FillElement(ByteView(fill_value));
  return FillElement(VarItem::of(fill_value));
}

bool ChunkSpec::is_all_fill(const ConstArrayView& chunk) const {
  return dtype.is_variable() ? all_items_equal(chunk, fill_value) : all_equal(chunk, fill_value);
}

Workspace& thread_workspace() {
  thread_local Workspace workspace;
  return workspace;
}

void trim_workspace(Workspace& workspace) {
  for (Bytes* bytes : {&workspace.stored, &workspace.decoded, &workspace.stage_a,
                       &workspace.stage_b, &workspace.array_a, &workspace.array_b}) {
    if (bytes->capacity() > kSmallAllocation) *bytes = Bytes();
  }
}

CodecChain::CodecChain(const std::vector<CodecConfig>& codecs, ChunkSpec spec)
    : spec_(std::move(spec)), viewed_(spec_), decoded_size_(spec_.decoded_size()) {
  ChunkSpec encoded = spec_;
  for (const CodecConfig& config : codecs) {
    const CustomCodec found = look_up_codec(config.name, spec_.extensions.get());
    AnyCodec codec =
        named("codec " + config.name, [&] { return found.make(config.configuration, encoded); });
    const bool made_bytes = serializer_ != nullptr;
    add(config.name, std::move(codec), encoded);
    encoded.extensions = spec_.extensions;
    if (serializer_) encoded.serialized = made_bytes ? Serialized::other : serialized_by(config);
  }
  if (!serializer_) {
    fail(ErrorCode::invalid_argument,
         "the codecs lack one that turns the array into bytes, such as \"bytes\"");
  }
  if (steps_) transformed_ = steps_->codec_count();
  memory_image_ = !steps_ && compressors_.empty() && keeps_memory();
  set_max_stored_size();
}

// True if serializing leaves the elements of a contiguous array where they are: a transpose that
// only moves dimensions of extent 1 does.
bool CodecChain::keeps_memory() const {
  ArrayView view{nullptr, viewed_.shape, c_strides(viewed_.shape, viewed_.dtype.item_size),
                 viewed_.dtype.item_size};
  for (const auto& codec : views_) view = codec->encoded_view(view);
  return serializer_->is_memory_image() && is_c_contiguous(view);
}

CodecChain::~CodecChain() = default;
CodecChain::CodecChain(CodecChain&&) noexcept = default;

// The order is array->array, one array->bytes, bytes->bytes.
void CodecChain::add(const std::string& name, AnyCodec codec, ChunkSpec& encoded) {
  const auto misplaced = [&](const char* why) {
    fail(ErrorCode::invalid_argument, "codec " + name + " stands at the wrong place: " + why);
  };
  if (auto* view = std::get_if<std::unique_ptr<ArrayToArray>>(&codec)) {
    if (serializer_) misplaced("it works on arrays, but comes behind the codec that makes bytes");
    encoded = (*view)->encoded_spec();
    views_.push_back(std::move(*view));
  } else if (auto* transform = std::get_if<std::unique_ptr<ArrayTransform>>(&codec)) {
    if (serializer_) misplaced("it works on arrays, but comes behind the codec that makes bytes");
    encoded = (*transform)->encoded_spec();
    if (!steps_) steps_ = std::make_unique<ArraySteps>();
    steps_->add({std::move(viewed_), std::move(views_), std::move(*transform), name});
    views_.clear();
    viewed_ = encoded;
  } else if (auto* serializer = std::get_if<std::unique_ptr<ArrayToBytes>>(&codec)) {
    if (serializer_) misplaced("the array is turned into bytes already");
    serializer_ = std::move(*serializer);
    // Compressors that ask for the size of elements are told that there is none.
    if (encoded.dtype.is_variable()) {
      encoded.dtype = DataType{};
      encoded.fill_value.assign(1, std::byte{0});
    }
  } else {
    if (!serializer_) misplaced("it works on bytes, but comes before a codec that makes them");
    compressors_.push_back(std::move(std::get<std::unique_ptr<BytesToBytes>>(codec)));
  }
  names_.push_back(name);
}

void CodecChain::set_max_stored_size() {
  const std::size_t serialized = serializer_->max_encoded_size();
  stage_limits_.clear();
  std::size_t size = serialized;
  for (const auto& codec : compressors_) {
    stage_limits_.push_back(size);
    const std::size_t most = codec->max_encoded_size(size);
    size = codec->has_fixed_size() ? most : std::max(most, saturating_add(size, kSlack));
  }
  max_stored_size_ =
      compressors_.empty() || has_fixed_size() ? size : std::max(size, generous(serialized));
}

bool CodecChain::has_fixed_size() const {
  return serializer_->has_fixed_size() &&
         std::all_of(compressors_.begin(), compressors_.end(),
                     [](const auto& codec) { return codec->has_fixed_size(); });
}

const ShardLayout* CodecChain::shard_layout() const {
  return compressors_.empty() && !steps_ ? serializer_->shard_layout() : nullptr;
}

Dims CodecChain::encoded_dims(const Dims& decoded) const {
  Dims dims = decoded;
  for (const auto& codec : views_) dims = codec->encoded_dims(dims);
  return dims;
}

CodecChain CodecChain::inner_chain() const {
  const ShardLayout& layout = *serializer_->shard_layout();
  const std::size_t rank = spec_.shape.size();
  Dims numbers;  // of the dimensions
  for (std::size_t d = 0; d < rank; ++d) numbers.push_back(static_cast<std::int64_t>(d));
  const Dims order = encoded_dims(numbers);
  ChunkSpec spec = spec_;
  for (std::size_t d = 0; d < rank; ++d) {
    spec.shape[static_cast<std::size_t>(order[d])] = layout.inner_shape[d];
  }
  std::vector<CodecConfig> codecs = configs();
  codecs.resize(views_.size());
  codecs.insert(codecs.end(), layout.codecs.begin(), layout.codecs.end());
  return CodecChain(codecs, std::move(spec));
}

std::vector<CodecConfig> CodecChain::configs() const {
  std::vector<Json> configurations;
  if (steps_) steps_->tell(configurations);
  for (const auto& codec : views_) configurations.push_back(codec->configuration());
  configurations.push_back(serializer_->configuration());
  for (const auto& codec : compressors_) configurations.push_back(codec->configuration());
  std::vector<CodecConfig> configs;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    configs.push_back({names_[i], std::move(configurations[i])});
  }
  return configs;
}

const std::string& CodecChain::compressor_name(std::size_t i) const {
  return names_[serializer_index() + 1 + i];
}

// The metadata may declare a chunk of terabytes: not even an attempt is made to allocate that for
// data that cannot hold it.
void CodecChain::check_plausible(std::size_t i, ByteView encoded) const {
  const std::size_t wanted = serializer_->max_encoded_size();
  if (wanted <= kSmallAllocation) return;
  const std::uint64_t most = compressors_[i]->max_decoded_size(encoded);
  if (most >= wanted) return;
  fail(ErrorCode::corrupt_data, std::to_string(encoded.size()) +
                                    " stored bytes cannot decode to the " + std::to_string(wanted) +
                                    " bytes of a chunk");
}

// Never more than the data can hold, since codecs allocate their limit.
std::size_t CodecChain::stage_limit(std::size_t i, ByteView encoded) const {
  const std::uint64_t most = compressors_[i]->max_decoded_size(encoded);
  return static_cast<std::size_t>(std::min<std::uint64_t>(stage_limits_[i], most));
}

// Codecs allocate their limit. Where it is far beyond what such data is likely to need, less is
// tried first: a chunk of strings has no size that is known.
Bytes CodecChain::decode_unknown(std::size_t i, ByteView encoded) const {
  const std::size_t limit = stage_limit(i, encoded);
  const std::size_t likely = std::max(kSmallAllocation, encoded.size() * kLikelyRatio);
  for (std::size_t most = likely; most < limit / kLikelyRatio; most *= kLikelyRatio) {
    try {
      return compressors_[i]->decode_unknown(encoded, most);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt_data) throw;
    }
  }
  return compressors_[i]->decode_unknown(encoded, limit);
}

void CodecChain::decode_part(ByteView stored, const Dims& start, const Dims& step,
                             const ArrayView& out, Workspace& workspace) const {
  if (steps_) return decode_transformed(stored, start, step, out, workspace);
  ArrayView view = out;  // as the serializer sees it
  Dims first = start, stride = step;
  for (const auto& codec : views_) {
    view = codec->encoded_view(view);
    first = codec->encoded_dims(first);
    stride = codec->encoded_dims(stride);
  }
  const bool in_place =
      out.shape == spec_.shape && serializer_->is_memory_image() && is_c_contiguous(view);
  Bytes held;
  const std::optional<ByteView> bytes =
      undo_compressors(stored, in_place ? &view : nullptr, held, workspace);
  if (!bytes) return;
  named(serializer_name(), [&] {
    check_serialized_size(bytes->size());
    serializer_->decode_part(*bytes, first, stride, view);
  });
}

// nullopt if the chunk went to `in_place`, which may be null.
std::optional<ByteView> CodecChain::undo_compressors(ByteView stored, const ArrayView* in_place,
                                                     Bytes& held, Workspace& workspace) const {
  ByteView bytes = stored;
  for (std::size_t i = compressors_.size(); i-- > 0;) {
    const BytesToBytes& codec = *compressors_[i];
    const std::optional<ByteView> payload =
        named(compressor_name(i), [&] { return codec.peel(bytes); });
    if (payload) {
      bytes = *payload;
    } else if (i > 0 || !serializer_->has_fixed_size()) {
      held = named(compressor_name(i), [&] { return decode_unknown(i, bytes); });
      bytes = held.view();
    } else if (in_place != nullptr) {
      decode_in_place(bytes, *in_place);
      return std::nullopt;
    } else {
      bytes = decode_to_stage(bytes, workspace);
    }
  }
  return bytes;
}

// Nothing is allocated for the array before the stored bytes have the size that it needs.
void CodecChain::decode_transformed(ByteView stored, const Dims& start, const Dims& step,
                                    const ArrayView& out, Workspace& workspace) const {
  Bytes held;
  ByteView array = *undo_compressors(stored, nullptr, held, workspace);
  named(serializer_name(), [&] {
    check_serialized_size(array.size());
    if (keeps_memory()) return serializer_->check_memory_image(array);
    workspace.array_a.resize_uninitialized(viewed_.decoded_size());
    const std::size_t rank = viewed_.shape.size();
    ArrayView view = c_view(workspace.array_a.span(), viewed_.shape, viewed_.dtype.item_size);
    for (const auto& codec : views_) view = codec->encoded_view(view);
    serializer_->decode_part(array, Dims::filled(rank, 0), Dims::filled(rank, 1), view);
    array = workspace.array_a.view();
  });
  const bool variable = spec_.dtype.is_variable();
  const bool in_place = !variable && out.shape == spec_.shape && is_c_contiguous(out);
  const MutableBytes into = in_place ? MutableBytes(out.data, out.byte_size()) : MutableBytes();
  const ByteView decoded = steps_->decode(array, into, workspace);
  if (spec_.dtype.kind == Kind::boolean) check_bool_bytes(decoded);
  if (in_place) return;
  const ConstArrayView chunk = c_view(decoded, spec_.shape, spec_.dtype.item_size);
  const ConstArrayView part = sub_view(chunk, start, step, out.shape);
  if (variable && out.arena != nullptr) return deep_copy(part, out, *out.arena);
  strided_copy(part, out);
}

void CodecChain::check_serialized_size(std::size_t size) const {
  if (size == serializer_->max_encoded_size() || !serializer_->has_fixed_size()) return;
  fail(ErrorCode::corrupt_data, std::to_string(size) + " bytes stored, " +
                                    std::to_string(serializer_->max_encoded_size()) + " expected");
}

void CodecChain::decode_in_place(ByteView encoded, const ArrayView& view) const {
  const MutableBytes memory{view.data, view.byte_size()};
  named(compressor_name(0), [&] { compressors_[0]->decode(encoded, memory); });
  named(serializer_name(), [&] { serializer_->check_memory_image(memory); });
}

ByteView CodecChain::decode_to_stage(ByteView encoded, Workspace& workspace) const {
  named(compressor_name(0), [&] {
    check_plausible(0, encoded);
    workspace.stage_a.resize_uninitialized(serializer_->max_encoded_size());
    compressors_[0]->decode(encoded, workspace.stage_a.span());
  });
  return workspace.stage_a.view();
}

void CodecChain::decode(ByteView stored, const ArrayView& out, Workspace& workspace) const {
  const std::size_t rank = spec_.shape.size();
  decode_part(stored, Dims::filled(rank, 0), Dims::filled(rank, 1), out, workspace);
}

void CodecChain::check_memory_image(ByteView decoded) const {
  named(serializer_name(), [&] { serializer_->check_memory_image(decoded); });
}

ByteView CodecChain::encode(const ConstArrayView& chunk, Workspace& workspace) const {
  // Codecs permute views of either constness alike; nothing is written through this one.
  ArrayView view{const_cast<std::byte*>(chunk.data), chunk.shape, chunk.strides, chunk.item_size};
  if (steps_) {
    const ByteView array = steps_->encode(chunk, workspace);
    view = {const_cast<std::byte*>(array.data()), viewed_.shape,
            c_strides(viewed_.shape, viewed_.dtype.item_size), viewed_.dtype.item_size};
  }
  for (const auto& codec : views_) view = codec->encoded_view(view);

  ByteView bytes{view.data, view.byte_size()};
  Bytes* next = &workspace.stage_a;
  Bytes* other = &workspace.stage_b;
  if (!serializer_->is_memory_image() || !is_c_contiguous(view)) {
    named(serializer_name(), [&] { serializer_->encode(view, *next); });
    bytes = next->view();
    std::swap(next, other);
  }
  for (std::size_t i = 0; i < compressors_.size(); ++i) {
    next->resize_uninitialized(compressors_[i]->max_encoded_size(bytes.size()));
    const std::size_t size =
        named(compressor_name(i), [&] { return compressors_[i]->encode(bytes, next->span()); });
    bytes = next->view().first(size);
    std::swap(next, other);
  }
  return bytes;
}

}  // namespace zarrloom
