// Moving elements that lie at listed places: what strided_copy does where places are no arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace zarrloom {

// `count` elements that follow one another on both sides, in bytes from where a view begins.
struct Move {
  std::int64_t from;
  std::int64_t to;
  std::int64_t count;
};

// One axis of a copy: an entry for each place, or for a run of them.
using Moves = std::vector<Move>;

// For each combination of entries, one of each axis: the elements at the sum of their places are
// copied, in the order of the entries (the last axis fastest), so that of two that go to one place
// the later stays. Only entries of the last axis may count more than one element. No axis: one
// element.
void listed_copy(const std::byte* from, std::byte* to, std::span<const Moves> axes,
                 std::size_t item_size);

}  // namespace zarrloom
