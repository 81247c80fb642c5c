// Reading and writing a selection, chunks in parallel.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "zarrloom/exec/runtime.h"
#include "zarrloom/pipeline/dataset.h"
#include "zarrloom/pipeline/index_selection.h"

namespace zarrloom {

// Reads the selection into `out` (out.shape == selection.count; any strides, also negative). A
// missing chunk reads as the fill value if the array itself is still there. Throws the first
// failure, which names chunk, key and cause; when it returns or throws, nothing writes to `out` any
// more.
void read_selection(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                    const ArrayView& out, const CallOptions& options = {});

// Called once, on any thread; nothing touches the caller's memory any more. Must not throw.
using TransferDone = std::function<void(std::optional<Failure>)>;

// The same without waiting: no thread waits for it either. `out` must live until `done` is called,
// which is perhaps before this returns. The interrupt of the options is not asked; their cancel
// token ends it with `cancelled`.
void start_read_selection(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                          const Selection& selection, const ArrayView& out,
                          const CallOptions& options, TransferDone done);

// Of many: slices, or lists that are resolved.
using AnySelection = std::variant<Selection, IndexSelection>;

struct ReadPart {
  AnySelection selection;
  ArrayView out;  // as in read_selection or read_indexed; the parts of one call share an arena
};

// Many reads planned as one: a chunk that several of them touch is fetched and decoded once.
void read_selections(Runtime& runtime, const Dataset& dataset, std::span<const ReadPart> parts,
                     const CallOptions& options = {});

// Reads a selection by lists (out.shape == selection.shape()); each chunk is fetched and decoded
// once. Otherwise like the functions above. The selection is resolved.
void read_indexed(Runtime& runtime, const Dataset& dataset, const IndexSelection& selection,
                  const ArrayView& out, const CallOptions& options = {});
void start_read_indexed(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                        const IndexSelection& selection, const ArrayView& out,
                        const CallOptions& options, TransferDone done);

// Some bytes of each element: a field of a structured type.
struct ItemPart {
  std::size_t offset = 0;
  std::size_t size = 0;
};

struct WriteOptions {
  // False: a chunk that holds nothing but the fill value is erased instead of stored.
  bool write_empty_chunks = false;
  // Only this part of each element is written; the memory has items of its size.
  std::optional<ItemPart> part = {};
};

// Writes `from` (from.shape == selection.count; strides may be 0 to repeat an element). A chunk
// that is covered is not read first; another is read, changed and written under its object's lock,
// so that writers of one process never lose an update. Each stored chunk is the old one or the new
// one; after a failure some chunks may be new.
void write_selection(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                     const ConstArrayView& from, const WriteOptions& write = {},
                     const CallOptions& options = {});

struct WritePart {
  AnySelection selection;
  ConstArrayView from;  // as in write_selection or write_indexed
};

// Many writes as one: what the parts change of a stored object is merged in their order, then the
// object is read at most once and written once.
void write_selections(Runtime& runtime, const Dataset& dataset, std::span<const WritePart> parts,
                      const WriteOptions& write = {}, const CallOptions& options = {});

// Writes a selection by lists (from.shape == selection.shape()); each stored object is read at most
// once and written once. Of an element that is selected more than once the last value stays.
void write_indexed(Runtime& runtime, const Dataset& dataset, const IndexSelection& selection,
                   const ConstArrayView& from, const WriteOptions& write = {},
                   const CallOptions& options = {});

// The same as write_selection, as a task of the runtime's executor; see start_read_selection.
void start_write_selection(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                           const Selection& selection, const ConstArrayView& from,
                           const WriteOptions& write, const CallOptions& options,
                           TransferDone done);
void start_write_indexed(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                         const IndexSelection& selection, const ConstArrayView& from,
                         const WriteOptions& write, const CallOptions& options, TransferDone done);

}  // namespace zarrloom
