// Filters and compressor of format 2 as a format 3 chain. Private to the array layer.
#pragma once

#include "zarrloom/array/metadata.h"

namespace zarrloom {

// Sets metadata.codecs by v2.order, v2.filters (null or a list) and v2.compressor: array filters in
// their order, the codec that makes bytes, then byte filters and the compressor. Throws
// corrupt_metadata, invalid_argument, or unsupported: no filter is ever skipped.
void chain_v2_codecs(ArrayMetadata& metadata);

// Adds the members that v2.filters leave to defaults: other readers need not share ours.
void complete_v2_filters(ArrayMetadata& metadata);

}  // namespace zarrloom
