#include "zarrloom/base/listed_copy.h"

#include <cstring>

namespace zarrloom {
namespace {

// Elements of a size that the compiler knows are moved by one instruction.
template <std::size_t kSize>
void move_elements(const std::byte* from, std::byte* to, const Moves& moves) {
  for (const Move& move : moves) {
    if (move.count == 1) {
      std::memcpy(to + move.to, from + move.from, kSize);
    } else {
      std::memcpy(to + move.to, from + move.from, kSize * static_cast<std::size_t>(move.count));
    }
  }
}

void move_items(const std::byte* from, std::byte* to, const Moves& moves, std::size_t item_size) {
  for (const Move& move : moves) {
    std::memcpy(to + move.to, from + move.from, item_size * static_cast<std::size_t>(move.count));
  }
}

void move_all(const std::byte* from, std::byte* to, const Moves& moves, std::size_t item_size) {
  switch (item_size) {
    case 1:
      return move_elements<1>(from, to, moves);
    case 2:
      return move_elements<2>(from, to, moves);
    case 4:
      return move_elements<4>(from, to, moves);
    case 8:
      return move_elements<8>(from, to, moves);
    case 16:
      return move_elements<16>(from, to, moves);
    default:
      return move_items(from, to, moves, item_size);
  }
}

}  // namespace

void listed_copy(const std::byte* from, std::byte* to, std::span<const Moves> axes,
                 std::size_t item_size) {
  if (axes.empty()) {
    std::memcpy(to, from, item_size);
    return;
  }
  if (axes.size() == 1) return move_all(from, to, axes[0], item_size);
  for (const Move& move : axes[0]) {
    listed_copy(from + move.from, to + move.to, axes.subspan(1), item_size);
  }
}

}  // namespace zarrloom
