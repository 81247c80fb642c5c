#include "zarrloom/base/variable.h"

#include <algorithm>

#include "zarrloom/base/strided_copy.h"

namespace zarrloom {

std::byte* Arena::allocate(std::size_t size) {
  Bytes block(size);
  std::byte* const memory = block.data();
  const std::lock_guard lock(mutex_);
  blocks_.push_back(std::move(block));
  return memory;
}

void deep_copy(const ConstArrayView& from, const ArrayView& to, Arena& arena) {
  strided_copy(from, to);
  std::size_t size = 0;
  for_each_item(to, [&](const std::byte* at) { size += VarItem::load(at).size; });
  std::byte* next = arena.allocate(size);
  for_each_item(to, [&](std::byte* at) {
    const ByteView bytes = VarItem::load(at).bytes();
    if (!bytes.empty()) std::memcpy(next, bytes.data(), bytes.size());
    VarItem{next, bytes.size()}.store(at);
    next += bytes.size();
  });
}

bool all_items_equal(const ConstArrayView& items, ByteView bytes) {
  bool equal = true;
  for_each_item(items, [&](const std::byte* at) {
    equal = equal && std::ranges::equal(VarItem::load(at).bytes(), bytes);
  });
  return equal;
}

}  // namespace zarrloom
