// What all stores do alike when they answer a read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "zarrloom/stores/store.h"

namespace zarrloom {

struct Slice {
  std::uint64_t offset = 0;
  std::size_t length = 0;
};

// Where the request's range lies in an object of `object_size` bytes. Throws corrupt_data if it is
// not inside, or is larger than the request's limit.
inline Slice slice_of(const ReadRequest& request, std::uint64_t object_size) {
  auto [offset, wanted, from_end] = request.range;
  if (from_end) {
    wanted = std::min(wanted, object_size);
    offset = object_size - wanted;
  }
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

// Tells the result about the object. False: its version is not the one that is asked for, and the
// result says so.
inline bool describe(const ReadRequest& request, std::uint64_t object_size, ObjectVersion version,
                     ReadResult& result) {
  result.object_size = object_size;
  if (!request.if_version.empty() && version != request.if_version) {
    result.status = ReadResult::Status::changed;
    return false;
  }
  if (request.want_version) result.version = std::move(version);
  return true;
}

// What describe() wants the version for.
inline bool asks_for_version(const ReadRequest& request) {
  return request.want_version || !request.if_version.empty();
}

}  // namespace zarrloom
