// Boxes of chunks, fetched and decoded to where they are wanted.
#pragma once

#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/request_window.h"
#include "zarrloom/pipeline/wanted.h"

namespace zarrloom {

// As fetch(). Memory is made for what has no place.
void fetch_box(const Dataset& dataset, Unit unit, const WantedBox& wanted, const Continue& later,
               ChunkDone done, const FetchControl& control);

// Fill values to where it is wanted.
void fill_box(const Dataset& dataset, const WantedBox& wanted);

// Decodes a stored chunk, or object, to there; checks what was read straight there. Throws
// corrupt_data.
void decode_box(const CodecChain& codecs, const WantedBox& wanted, ByteView stored);

// Bytes of the box's elements.
std::size_t byte_size(const Dataset& dataset, const ChunkTask& box);

// What is said to `done`, once the missing chunks are known to be none of an array that is gone.
template <typename Read>
RequestDone confirmed(std::shared_ptr<const Dataset> dataset, std::shared_ptr<Read> read,
                      TransferDone done) {
  return [dataset = std::move(dataset), read = std::move(read),
          done = std::move(done)](std::optional<Failure> failed) {
    try {
      if (!failed && read->met_missing()) check_still_there(*dataset);
    } catch (...) {
      failed = current_failure();
    }
    done(std::move(failed));
  };
}

}  // namespace zarrloom
