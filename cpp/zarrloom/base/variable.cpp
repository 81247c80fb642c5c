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
  VarItem last;
  const auto is_last = [&](const VarItem& item) {  // repeated elements share their bytes
    const bool same = item.data == last.data && item.size == last.size;
    last = item;
    return same;
  };
  for_each_item(to, [&](const std::byte* at) {
    const VarItem item = VarItem::load(at);
    if (!is_last(item)) size += item.size;
  });
  std::byte* next = arena.allocate(size);
  VarItem copied;
  last = {};
  for_each_item(to, [&](std::byte* at) {
    const VarItem item = VarItem::load(at);
    if (!is_last(item)) {
      if (item.size > 0) std::memcpy(next, item.data, item.size);
      copied = {next, item.size};
      next += item.size;
    }
    copied.store(at);
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
