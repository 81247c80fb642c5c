#include "zarrloom/exec/byte_budget.h"

#include <utility>

namespace zarrloom {

ByteBudget::Lease::Lease(Lease&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

ByteBudget::Lease& ByteBudget::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void ByteBudget::Lease::release() {
  if (budget_ != nullptr) std::exchange(budget_, nullptr)->give_back(std::exchange(bytes_, 0));
}

ByteBudget::Lease ByteBudget::try_acquire(std::size_t bytes, bool already_holding) {
  std::size_t used = in_use_.load();
  do {
    const std::size_t cap = cap_.load();
    const bool fits = bytes <= cap && used <= cap - bytes;
    if (!fits && already_holding) return {};
  } while (!in_use_.compare_exchange_weak(used, used + bytes));
  std::size_t highest = highest_.load();
  while (highest < used + bytes && !highest_.compare_exchange_weak(highest, used + bytes)) {
  }
  return Lease(this, bytes);
}

void ByteBudget::give_back(std::size_t bytes) { in_use_.fetch_sub(bytes); }

void ByteBudget::set_cap(std::size_t cap_bytes) { cap_.store(cap_bytes); }
std::size_t ByteBudget::cap() const { return cap_.load(); }
std::size_t ByteBudget::in_use() const { return in_use_.load(); }
std::size_t ByteBudget::highest() const { return highest_.load(); }

}  // namespace zarrloom
