// What all stores do alike when they answer a read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "zarrloom/stores/store.h"

namespace zarrloom {

struct Slice {
  std::uint64_t offset = 0;
  std::size_t length = 0;
};

// Where the request's range lies in an object of `object_size` bytes. Throws corrupt_data if it is
// not inside, or is larger than the request's limit.
inline Slice slice_of(const ReadRequest& request, std::uint64_t object_size) {
  const auto [offset, wanted] = request.range;
  const bool to_end = wanted == std::numeric_limits<std::uint64_t>::max();
  if (offset > object_size || (!to_end && wanted > object_size - offset)) {
    fail(ErrorCode::corrupt_data,
         (to_end ? "the bytes from " + std::to_string(offset) + " on"
                 : std::to_string(wanted) + " bytes at " + std::to_string(offset)) +
             " are not inside the object of " + std::to_string(object_size) + " bytes");
  }
  const std::uint64_t length = to_end ? object_size - offset : wanted;
  const std::uint64_t most =
      std::min<std::uint64_t>(request.limit, std::numeric_limits<std::size_t>::max());
  if (length > most) {
    fail(ErrorCode::corrupt_data, "holds " + std::to_string(length) + " bytes where at most " +
                                      std::to_string(most) + " can belong");
  }
  return {offset, static_cast<std::size_t>(length)};
}

// Makes the result `found`, with `length` bytes which the caller fills: the request's own memory if
// they fit, else owned.
inline MutableBytes memory_for(const ReadRequest& request, std::size_t length, ReadResult& result) {
  MutableBytes memory = request.into;
  if (length > memory.size()) {
    result.owned = Bytes(length);
    memory = result.owned.span();
  }
  result.status = ReadResult::Status::found;
  result.bytes = memory.first(length);
  return memory.first(length);
}

}  // namespace zarrloom
