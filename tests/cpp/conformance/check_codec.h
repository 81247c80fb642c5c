// What every codec must do. Run for each row of the registry, over all of the row's samples.
#pragma once

#include <string_view>

#include "zarrloom/codecs/chain.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom::testing {

void check_codec(const CodecRow& row);

// What every chain must do, whatever is in it: whole chunks in any layout and parts with steps come
// back as they were; whatever is cut, appended or flipped is refused or decoded, and never crashes.
void check_chain(const CodecChain& chain);

// Elements for a chunk of this kind: `seed` 0 gives all zeros, others a mix of runs and noise.
// Valid for bool.
Bytes make_elements(const ChunkSpec& spec, unsigned seed);

ChunkSpec spec_of(const Dims& shape, std::string_view dtype);

}  // namespace zarrloom::testing
