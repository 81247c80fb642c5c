// The bytes of a shard, put together from what is stored of it and what changes.
#pragma once

#include <optional>

#include "zarrloom/pipeline/write_object.h"

namespace zarrloom {

// Applies the edits, in their order, to the chunks that they touch; what none touches stays encoded
// as it is. `stored` is the whole shard; absent: all of it is fill value. Chunks are
// encoded by all threads that are free. Empty if no chunk is left that has to be stored. Throws
// corrupt_data for a stored chunk that has to be decoded and cannot be.
Bytes merge_shard(const ObjectWriter& writer, const Dims& shard, std::optional<ByteView> stored,
                  const EditsOf& edits_of);

}  // namespace zarrloom
