// A chunk that lies in a shard.
#pragma once

#include "zarrloom/pipeline/fetch.h"

namespace zarrloom {

// fetch() where the dataset has shards: by the index, which is read if it is not remembered,
// and the chunk's range. A shard that is replaced meanwhile is looked at anew; what was read is
// always the old shard's or the new one's.
void fetch_inner(const Dataset& dataset, const ChunkTask& task, const ArrayView& out,
                 const Continue& later, ChunkDone done, const FetchControl& control);

}  // namespace zarrloom
