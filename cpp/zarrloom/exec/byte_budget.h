// Bytes in flight, counted for the whole process.
#pragma once

#include <atomic>
#include <cstddef>

namespace zarrloom {

// Grants or refuses, and never waits: a refused caller starts nothing more until something of its
// own has finished. Each caller may always hold one lease, even above the cap (`already_holding`
// says whether it has one), else two streams on one budget stall each other.
// The budget must outlive its leases.
class ByteBudget {
 public:
  explicit ByteBudget(std::size_t cap_bytes) : cap_(cap_bytes) {}

  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { release(); }
    void release();
    explicit operator bool() const { return budget_ != nullptr; }

   private:
    friend class ByteBudget;
    Lease(ByteBudget* budget, std::size_t bytes) : budget_(budget), bytes_(bytes) {}
    ByteBudget* budget_ = nullptr;
    std::size_t bytes_ = 0;
  };

  // An empty lease means refused.
  Lease try_acquire(std::size_t bytes, bool already_holding);

  void set_cap(std::size_t cap_bytes);
  std::size_t cap() const;
  std::size_t in_use() const;
  std::size_t highest() const;  // the most bytes that were ever in use

 private:
  void give_back(std::size_t bytes);

  // Atomic, no lock: a lease may be given back in the child of a fork, where a lock could be held
  // by a thread that does not exist there.
  std::atomic<std::size_t> cap_;
  std::atomic<std::size_t> in_use_{0};
  std::atomic<std::size_t> highest_{0};
};

}  // namespace zarrloom
