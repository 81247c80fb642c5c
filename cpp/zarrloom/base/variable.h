// Elements of variable size: an element of an array is an item that says where its bytes lie.
#pragma once

#include <cstddef>
#include <cstring>
#include <mutex>
#include <vector>

#include "zarrloom/base/array_view.h"
#include "zarrloom/base/bytes.h"

namespace zarrloom {

// What an element of a type with DataType::is_variable() is in memory. Zeroed memory is items
// without bytes. Copying an item does not copy its bytes: whoever does sees to their life.
struct VarItem {
  const std::byte* data = nullptr;
  std::size_t size = 0;  // bytes

  ByteView bytes() const { return {data, size}; }
  static VarItem of(ByteView bytes) { return {bytes.data(), bytes.size()}; }
  // Views need not be aligned.
  static VarItem load(const std::byte* from) {
    VarItem item;
    std::memcpy(&item, from, sizeof item);
    return item;
  }
  void store(std::byte* to) const { std::memcpy(to, this, sizeof *this); }
};

// Memory for the bytes of items, freed all at once. Thread-safe.
class Arena {
 public:
  // Memory that stays where it is. Throws Error{out_of_memory}.
  std::byte* allocate(std::size_t size);

 private:
  std::mutex mutex_;
  std::vector<Bytes> blocks_;  // guarded by mutex_
};

// Calls `use(std::byte* or const std::byte*)` with each element's place, in C order.
template <typename Byte, typename Use>
void for_each_item(const BasicArrayView<Byte>& view, Use&& use);

// Copies items and their bytes. The shapes are equal.
void deep_copy(const ConstArrayView& from, const ArrayView& to, Arena& arena);

// True if the bytes of every item are these.
bool all_items_equal(const ConstArrayView& items, ByteView bytes);

// ---- Implementation ----

template <typename Byte, typename Use>
void for_each_item(const BasicArrayView<Byte>& view, Use&& use) {
  const std::int64_t count = view.element_count();
  const std::size_t rank = view.shape.size();
  Dims index = Dims::filled(rank, 0);
  Byte* at = view.data;
  for (std::int64_t n = 0; n < count; ++n) {
    use(at);
    for (std::size_t d = rank; d-- > 0;) {
      if (++index[d] < view.shape[d]) {
        at += view.strides[d];
        break;
      }
      index[d] = 0;
      at -= view.strides[d] * (view.shape[d] - 1);
    }
  }
}

}  // namespace zarrloom
