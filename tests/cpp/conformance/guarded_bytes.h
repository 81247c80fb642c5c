// Memory that ends where a page without access begins: a library that reads or writes one byte too
// many dies there, even if it was built without a sanitizer.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "zarrloom/base/bytes.h"

namespace zarrloom::testing {

class GuardedBytes {
 public:
  explicit GuardedBytes(std::size_t capacity) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    usable_ = (capacity + page - 1) / page * page + page;
    mapped_ = usable_ + page;
    void* memory =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = static_cast<std::byte*>(memory);
    if (mprotect(memory_ + usable_, page, PROT_NONE) != 0) throw std::bad_alloc();
  }
  ~GuardedBytes() { munmap(memory_, mapped_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  // The last `size` bytes before the guard; size is at most the capacity.
  MutableBytes last(std::size_t size) { return {memory_ + usable_ - size, size}; }

  // A copy of `bytes` there.
  MutableBytes hold(ByteView bytes) {
    const MutableBytes place = last(bytes.size());
    if (!bytes.empty()) std::memcpy(place.data(), bytes.data(), bytes.size());
    return place;
  }

 private:
  std::size_t usable_ = 0;
  std::size_t mapped_ = 0;
  std::byte* memory_ = nullptr;
};

}  // namespace zarrloom::testing
