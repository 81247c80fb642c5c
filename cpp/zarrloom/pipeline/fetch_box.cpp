#include "zarrloom/pipeline/fetch_box.h"

#include "zarrloom/base/strided_copy.h"

namespace zarrloom {
namespace {

// Memory of the box's own.
struct Decoded {
  Bytes memory;
  ArrayView elements;

  Decoded(const WantedBox& wanted, std::size_t item_size)
      : memory(static_cast<std::size_t>(checked_product(wanted.box.count, "box")) * item_size),
        elements(c_view(memory.span(), wanted.box.count, item_size)) {
    elements.arena = wanted.arena;
  }
};

}  // namespace

void fetch_box(const Dataset& dataset, Unit unit, const WantedBox& wanted, const Continue& later,
               ChunkDone done, const FetchControl& control) {
  if (wanted.place) {
    return fetch(dataset, unit, wanted.box, *wanted.place, later, std::move(done), control);
  }
  const auto decoded = std::make_shared<Decoded>(wanted, dataset.item_size());
  const auto finish = [take = wanted.take, decoded, done = std::move(done)](
                          std::optional<Failure> failure, ChunkState state) {
    try {
      if (!failure) take(decoded->elements);
    } catch (...) {  // no memory
      failure = current_failure();
    }
    done(std::move(failure), state);
  };
  fetch(dataset, unit, wanted.box, decoded->elements, later, finish, control);
}

void fill_box(const Dataset& dataset, const WantedBox& wanted) {
  if (wanted.place) return strided_fill(*wanted.place, dataset.fill_element());
  const Decoded decoded(wanted, dataset.item_size());
  strided_fill(decoded.elements, dataset.fill_element());
  wanted.take(decoded.elements);
}

void decode_box(const CodecChain& codecs, const WantedBox& wanted, ByteView stored) {
  if (wanted.place) return decode_to({codecs, wanted.box, *wanted.place}, stored);
  const Decoded decoded(wanted, codecs.spec().dtype.item_size);
  decode_to({codecs, wanted.box, decoded.elements}, stored);
  wanted.take(decoded.elements);
}

std::size_t byte_size(const Dataset& dataset, const ChunkTask& box) {
  return static_cast<std::size_t>(checked_product(box.count, "box")) * dataset.item_size();
}

}  // namespace zarrloom
