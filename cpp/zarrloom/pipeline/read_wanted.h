// Reads of all kinds but of one box: chunk after chunk, or by ranges of shards.
#pragma once

#include <memory>

#include "zarrloom/pipeline/wanted.h"

namespace zarrloom {

// As read_selections.
void read_wanted(Runtime& runtime, const Dataset& dataset, std::shared_ptr<const Wanted> wanted,
                 const CallOptions& options);

// As start_read_indexed.
void start_read_wanted(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                       std::shared_ptr<const Wanted> wanted, const CallOptions& options,
                       TransferDone done);

}  // namespace zarrloom
