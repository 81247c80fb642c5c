// The array -> array part of a chain, up to its last transform. Private to the codecs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "zarrloom/codecs/chain.h"

namespace zarrloom {

// A transform, and the views that come before it.
struct ArrayStep {
  ChunkSpec spec;  // of the array that is given to the views
  std::vector<std::unique_ptr<ArrayToArray>> views;
  std::unique_ptr<ArrayTransform> transform;
  std::string name;  // of the transform, for messages
};

// Whole chunks, in scratch memory of the workspace (array_a, array_b).
class ArraySteps {
 public:
  void add(ArrayStep step) { steps_.push_back(std::move(step)); }

  // The encoded array, C-ordered. In the workspace, valid until it changes.
  ByteView encode(const ConstArrayView& chunk, Workspace& workspace) const;
  // The decoded chunk, C-ordered: in `into` if that is not empty, else in the workspace. `encoded`
  // may lie in array_a.
  ByteView decode(ByteView encoded, MutableBytes into, Workspace& workspace) const;

  std::size_t codec_count() const;
  // Appends the configurations of all codecs, in order.
  void tell(std::vector<Json>& configurations) const;

 private:
  std::vector<ArrayStep> steps_;
};

}  // namespace zarrloom
