// Memory that holds stored or decoded bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace zarrloom {

using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline ByteView as_byte_view(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Owned bytes, move-only, never zeroed: whoever allocates is about to overwrite. From 4 MiB on
// they lie on 2 MiB pages where the kernel grants them, since page faults decide large reads.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::size_t size);  // throws Error{out_of_memory}
  static Bytes copy_of(ByteView from);

  Bytes(Bytes&& other) noexcept;
  Bytes& operator=(Bytes&& other) noexcept;

  std::byte* data() { return memory_.get(); }
  const std::byte* data() const { return memory_.get(); }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }

  ByteView view() const { return {memory_.get(), size_}; }
  MutableBytes span() { return {memory_.get(), size_}; }

  // Makes size() exactly `size`. Contents are kept when shrinking or within the capacity, and lost
  // when memory grows.
  void resize_uninitialized(std::size_t size);

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept;
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace zarrloom
