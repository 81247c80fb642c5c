// Reading and writing a selection, chunks in parallel.
#pragma once

#include "zarrloom/exec/runtime.h"
#include "zarrloom/pipeline/dataset.h"

namespace zarrloom {

// Reads the selection into `out` (out.shape == selection.count; any strides, also negative). A
// missing chunk reads as the fill value if the array itself is still there. Throws the first
// failure, which names chunk, key and cause; when it returns or throws, nothing writes to `out` any
// more.
void read_selection(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                    const ArrayView& out, const CallOptions& options = {});

struct WriteOptions {
  // False: a chunk that holds nothing but the fill value is erased instead of stored.
  bool write_empty_chunks = false;
};

// Writes `from` (from.shape == selection.count; strides may be 0 to repeat an element). A chunk
// that is covered is not read first; another is read, changed and written under its object's lock,
// so that writers of one process never lose an update. Each stored chunk is the old one or the new
// one; after a failure some chunks may be new.
void write_selection(Runtime& runtime, const Dataset& dataset, const Selection& selection,
                     const ConstArrayView& from, const WriteOptions& write = {},
                     const CallOptions& options = {});

}  // namespace zarrloom
