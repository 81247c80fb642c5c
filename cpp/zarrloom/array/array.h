// The handle on an array that C++ programs and the bindings use.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "zarrloom/array/metadata.h"
#include "zarrloom/exec/runtime.h"
#include "zarrloom/pipeline/chunk_stream.h"
#include "zarrloom/pipeline/chunk_writer.h"
#include "zarrloom/pipeline/reduce.h"
#include "zarrloom/pipeline/transfer.h"

namespace zarrloom {

class Consolidated;
struct NodeDocuments;

struct OpenOptions {
  std::optional<int> zarr_format = {};  // absent: 3, then 2
  bool read_only = false;
  WriteOptions write = {};
  std::shared_ptr<Runtime> runtime = {};  // absent: default_runtime()
  // Groups: whether consolidated metadata is used; absent: where there is some.
  std::optional<bool> use_consolidated = {};
  // What a group gives on to the nodes in it: the consolidated metadata that changes make untrue,
  // and a group that need not be looked for when something is made below it.
  std::shared_ptr<Consolidated> consolidated = {};
  std::optional<std::string> known_group = {};
};

// Cheap to copy; may be used from many threads at once. What it knows of the array is what was true
// when it was opened.
class Array {
 public:
  // Throws node_not_found, and what parsing throws.
  static Array open(std::shared_ptr<Store> store, std::string_view path = "",
                    const OpenOptions& options = {});

  // Of documents that were read already; see documents.h.
  static Array from_documents(std::shared_ptr<Store> store, std::string_view path,
                              const NodeDocuments& documents, const OpenOptions& options = {});

  // Makes the groups that it lies in, too. Throws node_exists if something lies at the path, unless
  // overwrite (then all below it is erased first).
  static Array create(std::shared_ptr<Store> store, std::string_view path,
                      const CreateOptions& create, bool overwrite = false,
                      const OpenOptions& options = {});

  const ArrayMetadata& metadata() const;
  const Dims& shape() const { return metadata().shape; }
  // Inner chunks, where there are shards. The largest, where chunks are not all of one shape.
  const Dims& chunk_shape() const;
  std::optional<Dims> shard_shape() const;  // absent: chunks are stored by themselves
  const DataType& dtype() const { return metadata().dtype; }
  const std::shared_ptr<Store>& store() const;
  const std::string& path() const;
  bool read_only() const;
  Dims grid() const;                               // chunks in each dimension
  Dims object_grid() const;                        // stored objects: shards, or chunks
  std::string chunk_key(const Dims& chunk) const;  // in the store

  // Selections are checked; see read_selection and write_selection.
  void read(const Selection& selection, const ArrayView& out,
            const CallOptions& options = {}) const;
  // With a part: only that of each element. Throws read_only.
  void write(const Selection& selection, const ConstArrayView& from,
             const CallOptions& options = {}, const std::optional<ItemPart>& part = {}) const;

  // Selections by lists among them are resolved here.
  void read_many(std::vector<ReadPart> parts, const CallOptions& options = {}) const;
  void write_many(std::vector<WritePart> parts, const CallOptions& options = {}) const;

  // Selections by lists are resolved here; see read_indexed and write_indexed.
  void read_indexed(IndexSelection selection, const ArrayView& out,
                    const CallOptions& options = {}) const;
  void write_indexed(IndexSelection selection, const ConstArrayView& from,
                     const CallOptions& options = {},
                     const std::optional<ItemPart>& part = {}) const;

  // Statistics of a selection; see reduce_selection.
  std::vector<Bytes> reduce(const ReduceRequest& request, const CallOptions& options = {}) const;

  // Without waiting; see start_read_selection.
  void start_read(const Selection& selection, const ArrayView& out, const CallOptions& options,
                  TransferDone done) const;
  void start_write(const Selection& selection, const ConstArrayView& from,
                   const CallOptions& options, TransferDone done) const;
  void start_read_indexed(IndexSelection selection, const ArrayView& out,
                          const CallOptions& options, TransferDone done) const;
  void start_write_indexed(IndexSelection selection, const ConstArrayView& from,
                           const CallOptions& options, TransferDone done) const;

  // Throws read_only. `options.write` is the array's own.
  std::unique_ptr<ChunkWriter> chunk_writer(ChunkWriterOptions options = {}) const;

  std::unique_ptr<ChunkStream> stream(const ChunkStreamOptions& options = {}) const;

  // The stored attributes as they are now (another process may have changed them), and their
  // replacement as a whole. `attributes` is an object.
  Json read_attributes() const;
  void write_attributes(const Json& attributes) const;

  // ---- What changes of the shape are made of; see resize.h and append.h ----

  // Throws conflict if the stored array has another shape than this handle, or is another array.
  void check_unchanged() const;
  // Held by whoever changes the shape. Throws conflict if somebody in this process holds it, or as
  // check_unchanged.
  Claims::Claim claim_shape() const;
  // Stores another shape and gives a handle that has it; this one and the chunks stay as they are.
  // A rectilinear grid that ends before the shape does gets one more chunk there.
  // Throws read_only, conflict. Not atomic against other processes.
  Array with_shape(const Dims& shape) const;

  const std::shared_ptr<Runtime>& runtime() const;
  const std::shared_ptr<const Dataset>& dataset() const;
  WriteOptions write_options(const std::optional<ItemPart>& part = {}) const;
  const OpenOptions& open_options() const;
  void check_writable() const;  // throws read_only

 private:
  struct State;
  explicit Array(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  ArrayMetadata read_unchanged() const;
  void forget_consolidated() const;
  std::shared_ptr<const State> state_;
};

}  // namespace zarrloom
