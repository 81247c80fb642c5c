#include "zarrloom/array/array.h"

#include "zarrloom/array/consolidated.h"
#include "zarrloom/array/document.h"
#include "zarrloom/array/hierarchy.h"
#include "zarrloom/array/node.h"
#include "zarrloom/base/error.h"

namespace zarrloom {

struct Array::State {
  std::shared_ptr<Store> store;
  std::string path;
  ArrayMetadata metadata;
  std::shared_ptr<const Dataset> dataset;
  OpenOptions options;  // with the runtime filled in
};

namespace {

std::shared_ptr<const Dataset> make_dataset(const OpenOptions& options,
                                            std::shared_ptr<Store> store, std::string_view path,
                                            const ArrayMetadata& metadata) {
  CodecChain codecs = bind_codecs(metadata);
  std::optional<CodecChain> inner;
  if (codecs.shard_layout() != nullptr) inner.emplace(codecs.inner_chain());
  const ChunkGrid objects = metadata.chunk_grid();
  const ChunkGrid chunks = inner ? ChunkGrid(inner->spec().shape) : objects;
  std::shared_ptr<const ChunkCodecs> others;
  if (!objects.is_regular()) others = std::make_shared<const ChunkCodecs>(codecs);
  return std::make_shared<const Dataset>(
      Dataset{.runtime = options.runtime,
              .store = std::move(store),
              .path = std::string(path),
              .metadata_key = array_metadata_key(path, metadata.zarr_format),
              .shape = metadata.shape,
              .object_grid = objects,
              .chunk_grid = chunks,
              .key_encoding = metadata.key_encoding,
              .codecs = std::move(codecs),
              .inner_chain = std::move(inner),
              .other_codecs = std::move(others)});
}

OpenOptions with_runtime(OpenOptions options) {
  if (!options.runtime) options.runtime = default_runtime();
  return options;
}

[[noreturn]] void fail_not_found(const Store& store, std::string_view path,
                                 std::optional<int> zarr_format) {
  const std::string key = array_metadata_key(path, zarr_format.value_or(3));
  const std::string also =
      zarr_format ? "" : " (nor a " + array_metadata_key(path, 2) + " of format 2)";
  fail(ErrorCode::node_not_found, store.locate(key) + ": there is no array" + also);
}

template <typename Part>
void resolve_lists(std::vector<Part>& parts, const Dims& shape) {
  for (Part& part : parts) {
    if (auto* lists = std::get_if<IndexSelection>(&part.selection)) resolve(*lists, shape);
  }
}

}  // namespace

Array Array::open(std::shared_ptr<Store> store, std::string_view path, const OpenOptions& given) {
  check_path(path);
  const OpenOptions options = with_runtime(given);
  std::optional<ArrayMetadata> metadata =
      read_array_metadata(*store, path, options.zarr_format, options.runtime->options().extensions);
  if (!metadata) fail_not_found(*store, path, options.zarr_format);
  auto dataset = make_dataset(options, store, path, *metadata);
  return Array(std::make_shared<const State>(State{
      std::move(store), std::string(path), std::move(*metadata), std::move(dataset), options}));
}

Array Array::from_documents(std::shared_ptr<Store> store, std::string_view path,
                            const NodeDocuments& documents, const OpenOptions& given) {
  const OpenOptions options = with_runtime(given);
  ArrayMetadata metadata =
      parse_array(*store, path, documents, options.runtime->options().extensions);
  auto dataset = make_dataset(options, store, path, metadata);
  return Array(std::make_shared<const State>(State{
      std::move(store), std::string(path), std::move(metadata), std::move(dataset), options}));
}

Array Array::create(std::shared_ptr<Store> store, std::string_view path,
                    const CreateOptions& create, bool overwrite, const OpenOptions& given) {
  check_path(path);
  const OpenOptions options = with_runtime(given);
  ArrayMetadata metadata = make_metadata(with_extensions(create, *options.runtime));
  auto dataset = make_dataset(options, store, path, metadata);  // refuses before anything is erased
  if (options.consolidated) options.consolidated->forget(*options.runtime, *store);
  const NewNode node{std::string(path), NodeKind::array, metadata.zarr_format};
  make_room(*options.runtime, *store, std::span(&node, 1),
            {.overwrite = overwrite, .known_group = options.known_group});
  write_array_metadata(*store, path, metadata);
  return Array(std::make_shared<const State>(State{
      std::move(store), std::string(path), std::move(metadata), std::move(dataset), options}));
}

const ArrayMetadata& Array::metadata() const { return state_->metadata; }
const std::shared_ptr<Store>& Array::store() const { return state_->store; }
const std::string& Array::path() const { return state_->path; }
bool Array::read_only() const {
  return state_->options.read_only || !state_->store->capabilities().writable;
}
const Dims& Array::chunk_shape() const { return state_->dataset->chunk_grid.largest(); }
std::optional<Dims> Array::shard_shape() const {
  return state_->dataset->has_shards() ? std::optional(state_->dataset->object_grid.largest())
                                       : std::nullopt;
}
Dims Array::object_grid() const { return grid_shape(shape(), dataset()->object_grid); }
Dims Array::grid() const { return grid_shape(shape(), dataset()->chunk_grid); }

std::string Array::chunk_key(const Dims& chunk) const { return state_->dataset->chunk_key(chunk); }

void Array::read(const Selection& selection, const ArrayView& out,
                 const CallOptions& options) const {
  read_selection(*state_->options.runtime, *state_->dataset, selection, out, options);
}

void Array::write(const Selection& selection, const ConstArrayView& from,
                  const CallOptions& options, const std::optional<ItemPart>& part) const {
  check_writable();
  write_selection(*state_->options.runtime, *state_->dataset, selection, from, write_options(part),
                  options);
}

void Array::start_read(const Selection& selection, const ArrayView& out, const CallOptions& options,
                       TransferDone done) const {
  start_read_selection(state_->options.runtime, state_->dataset, selection, out, options,
                       std::move(done));
}

void Array::start_write(const Selection& selection, const ConstArrayView& from,
                        const CallOptions& options, TransferDone done) const {
  check_writable();
  start_write_selection(state_->options.runtime, state_->dataset, selection, from, write_options(),
                        options, std::move(done));
}

void Array::read_indexed(IndexSelection selection, const ArrayView& out,
                         const CallOptions& options) const {
  resolve(selection, shape());
  zarrloom::read_indexed(*runtime(), *dataset(), selection, out, options);
}

void Array::write_indexed(IndexSelection selection, const ConstArrayView& from,
                          const CallOptions& options, const std::optional<ItemPart>& part) const {
  check_writable();
  resolve(selection, shape());
  zarrloom::write_indexed(*runtime(), *dataset(), selection, from, write_options(part), options);
}

void Array::start_read_indexed(IndexSelection selection, const ArrayView& out,
                               const CallOptions& options, TransferDone done) const {
  resolve(selection, shape());
  zarrloom::start_read_indexed(runtime(), dataset(), selection, out, options, std::move(done));
}

void Array::start_write_indexed(IndexSelection selection, const ConstArrayView& from,
                                const CallOptions& options, TransferDone done) const {
  check_writable();
  resolve(selection, shape());
  zarrloom::start_write_indexed(runtime(), dataset(), selection, from, write_options(), options,
                                std::move(done));
}

void Array::read_many(std::vector<ReadPart> parts, const CallOptions& options) const {
  resolve_lists(parts, shape());
  read_selections(*state_->options.runtime, *state_->dataset, parts, options);
}

std::vector<Bytes> Array::reduce(const ReduceRequest& request, const CallOptions& options) const {
  return reduce_selection(*state_->options.runtime, *state_->dataset, request, options);
}

void Array::write_many(std::vector<WritePart> parts, const CallOptions& options) const {
  check_writable();
  resolve_lists(parts, shape());
  write_selections(*state_->options.runtime, *state_->dataset, parts, write_options(), options);
}

std::unique_ptr<ChunkWriter> Array::chunk_writer(ChunkWriterOptions options) const {
  check_writable();
  options.write = write_options();
  return std::make_unique<ChunkWriter>(state_->options.runtime, state_->dataset, options);
}

WriteOptions Array::write_options(const std::optional<ItemPart>& part) const {
  WriteOptions write = state_->options.write;
  write.part = part;
  // A fill value of null leaves open what a missing chunk is, and readers differ: none is left out.
  write.write_empty_chunks = write.write_empty_chunks || metadata().v2.null_fill;
  return write;
}

std::unique_ptr<ChunkStream> Array::stream(const ChunkStreamOptions& options) const {
  return std::make_unique<ChunkStream>(state_->options.runtime, state_->dataset, options);
}

Json Array::read_attributes() const {
  std::optional<ArrayMetadata> now = read_array_metadata(
      *state_->store, state_->path, metadata().zarr_format, metadata().extensions);
  if (!now) fail_not_found(*state_->store, state_->path, metadata().zarr_format);
  return std::move(now->attributes);
}

void Array::write_attributes(const Json& attributes) const {
  check_writable();
  if (attributes.as_object() == nullptr) {
    fail(ErrorCode::invalid_argument,
         std::string("attributes must be an object, not ") + attributes.type_name());
  }
  forget_consolidated();
  const std::string key = array_metadata_key(state_->path, metadata().zarr_format);
  const auto lock = state_->options.runtime->locks().lock(state_->store->locate(key));
  std::optional<ArrayMetadata> now = read_array_metadata(
      *state_->store, state_->path, metadata().zarr_format, metadata().extensions);
  if (!now) fail_not_found(*state_->store, state_->path, metadata().zarr_format);
  now->attributes = attributes;
  write_array_metadata(*state_->store, state_->path, *now);
}

ArrayMetadata Array::read_unchanged() const {
  const std::string place = state_->store->locate(state_->path);
  std::optional<ArrayMetadata> now = read_array_metadata(
      *state_->store, state_->path, metadata().zarr_format, metadata().extensions);
  if (!now) fail_not_found(*state_->store, state_->path, metadata().zarr_format);
  if (!(now->shape == shape())) {
    fail(ErrorCode::conflict, place + ": the array has shape " + to_string(now->shape) +
                                  " by now, not " + to_string(shape()) +
                                  " as this handle knows it; open it again");
  }
  if (!(now->chunk_grid() == metadata().chunk_grid()) ||
      now->dtype.numpy_name() != dtype().numpy_name()) {
    fail(ErrorCode::conflict, place + ": another array lies here by now; open it again");
  }
  return std::move(*now);
}

void Array::check_unchanged() const { read_unchanged(); }

Claims::Claim Array::claim_shape() const {
  const std::string place = state_->store->locate(state_->path);
  std::optional<Claims::Claim> claim = state_->options.runtime->claims().try_claim(place);
  if (!claim) {
    fail(ErrorCode::conflict,
         place + ": the array is being appended to or resized in this process; close that first");
  }
  check_unchanged();
  return std::move(*claim);
}

Array Array::with_shape(const Dims& shape) const {
  check_writable();
  forget_consolidated();
  State next = *state_;
  {
    const std::string key = array_metadata_key(state_->path, metadata().zarr_format);
    const auto lock = state_->options.runtime->locks().lock(state_->store->locate(key));
    next.metadata = read_unchanged();
    next.metadata.shape = shape;
    if (next.metadata.rectilinear) {
      const Dims ones = Dims::filled(shape.size(), 1);
      next.metadata.rectilinear = next.metadata.rectilinear->grown_to(
          shape, dataset()->has_shards() ? chunk_shape() : ones);
      next.metadata.chunk_shape = next.metadata.rectilinear->largest();
    }
    next.dataset = make_dataset(next.options, next.store, next.path,
                                next.metadata);  // refuses what is no array
    write_array_metadata(*next.store, next.path, next.metadata);
  }
  return Array(std::make_shared<const State>(std::move(next)));
}

const OpenOptions& Array::open_options() const { return state_->options; }

void Array::forget_consolidated() const {
  const OpenOptions& options = state_->options;
  if (options.consolidated) {
    options.consolidated->forget(*options.runtime, *state_->store);
  } else {
    forget_around(*options.runtime, *state_->store, state_->path, metadata().zarr_format);
  }
}

const std::shared_ptr<Runtime>& Array::runtime() const { return state_->options.runtime; }
const std::shared_ptr<const Dataset>& Array::dataset() const { return state_->dataset; }

void Array::check_writable() const {
  if (!read_only()) return;
  fail(ErrorCode::read_only, state_->store->locate(state_->path) +
                                 ": the array is open for reading only; open it with mode=\"r+\"");
}

}  // namespace zarrloom
