// What a call wants of chunks, whether its selections are slices or lists.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "zarrloom/pipeline/index_plan.h"
#include "zarrloom/pipeline/transfer.h"

namespace zarrloom {

// A box of one chunk (or of one stored object), and what becomes of its elements.
struct WantedBox {
  ChunkTask box;
  // Memory of the caller's that the box is to be decoded to as it is; absent: `take` is to be
  // called with the decoded box.
  std::optional<ArrayView> place;
  std::function<void(const ConstArrayView& elements)> take = {};
  Arena* arena = nullptr;  // the caller's, for elements of variable size in the decoded box
};

// Chunks, each once, in no particular order. Any thread may ask, also several at a time. What was
// planned and the caller's memory must outlive it.
class Wanted {
 public:
  virtual ~Wanted() = default;
  virtual std::int64_t count() const = 0;
  virtual Dims chunk(std::int64_t i) const = 0;
  virtual WantedBox box(std::int64_t i) const = 0;
};

// Puts the elements of a decoded box to where they are wanted.
void deliver(const WantedBox& wanted, const ConstArrayView& elements);

// Of one selection by lists.
std::unique_ptr<Wanted> wanted_by(const Dataset& dataset, const IndexSelection& selection,
                                  const ArrayView& out);

// Of many selections together. What several of them want of one chunk is a box that holds all of
// it. Throws as read_selections does.
std::unique_ptr<Wanted> wanted_by(const Dataset& dataset, std::span<const ReadPart> parts);

}  // namespace zarrloom
