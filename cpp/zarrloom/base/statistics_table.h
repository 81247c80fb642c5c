// Accumulators of many outputs lie in these.
#pragma once

#include <algorithm>
#include <span>

#include "zarrloom/base/bytes.h"

namespace zarrloom {

// A vector in memory as Bytes has it: on large pages where there are many outputs. What it has it
// keeps when it is made anew.
template <typename T>
class Table {
 public:
  void assign(std::size_t size, T value) {
    memory_.resize_uninitialized(size * sizeof(T));
    size_ = size;
    std::fill_n(data(), size, value);
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  T* data() { return reinterpret_cast<T*>(memory_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(memory_.data()); }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  std::span<T> span() { return {data(), size_}; }
  std::span<const T> span() const { return {data(), size_}; }

 private:
  Bytes memory_;
  std::size_t size_ = 0;
};

}  // namespace zarrloom
