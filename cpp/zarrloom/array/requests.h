// Many small objects at once: metadata of hierarchies.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "zarrloom/exec/runtime.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {

// Nobody writes this much metadata, and a hostile store must not fill our memory before we look.
inline constexpr std::uint64_t kMaxDocumentSize = std::uint64_t{64} << 20;

// The objects at those keys, nullopt where there is none. At a store that answers later they are
// asked for together. Throws the first failure; corrupt_metadata for more than kMaxDocumentSize.
std::vector<std::optional<Bytes>> read_objects(Runtime& runtime, const Store& store,
                                               std::span<const std::string> keys,
                                               const InterruptCheck& interrupt = {});

// Calls body(i) for i in [0, count), each of which waits for requests at the store: on the
// runtime's threads, and at a store that is far away on as many as it takes requests, up to 32.
// Throws the first failure.
void for_each_waiting(Runtime& runtime, const Store& store, std::size_t count,
                      const std::function<void(std::size_t)>& body,
                      const InterruptCheck& interrupt = {});

}  // namespace zarrloom
