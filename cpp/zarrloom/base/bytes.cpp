#include "zarrloom/base/bytes.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kHugeFrom = std::size_t{4} << 20;

// Rounded up to whole huge pages, so that the kernel can back all of it with them.
std::size_t allocation_size(std::size_t size) {
  if (size < kHugeFrom) return size;
  return (size + kHugePage - 1) / kHugePage * kHugePage;
}

std::byte* allocate(std::size_t size) {
  if (size == 0) return nullptr;
  void* memory = nullptr;
  if (size > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) - kHugePage) {
    memory = nullptr;
  } else if (size < kHugeFrom) {
    memory = std::malloc(size);
  } else {
    memory = std::aligned_alloc(kHugePage, size);
    // Advice only: without it, or where it is refused, pages are small.
    if (memory != nullptr) madvise(memory, size, MADV_HUGEPAGE);
  }
  if (memory == nullptr) {
    fail(ErrorCode::out_of_memory, "cannot allocate " + std::to_string(size) + " bytes");
  }
  return static_cast<std::byte*>(memory);
}

}  // namespace

void Bytes::Free::operator()(std::byte* memory) const noexcept { std::free(memory); }

Bytes::Bytes(std::size_t size) { resize_uninitialized(size); }

Bytes Bytes::copy_of(ByteView from) {
  Bytes bytes(from.size());
  if (!from.empty()) std::memcpy(bytes.data(), from.data(), from.size());
  return bytes;
}

Bytes::Bytes(Bytes&& other) noexcept
    : memory_(std::move(other.memory_)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Bytes& Bytes::operator=(Bytes&& other) noexcept {
  memory_ = std::move(other.memory_);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  return *this;
}

void Bytes::resize_uninitialized(std::size_t size) {
  if (size > capacity_) {
    const bool rounds = size >= kHugeFrom && size < std::numeric_limits<std::size_t>::max() / 2;
    const std::size_t wanted = rounds ? allocation_size(size) : size;
    memory_.reset();  // first, so that both are never held at once
    size_ = capacity_ = 0;
    memory_.reset(allocate(wanted));
    capacity_ = wanted;
  }
  size_ = size;
}

}  // namespace zarrloom
