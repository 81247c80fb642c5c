// A short list of 64-bit numbers, one for each dimension, without a heap allocation.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace zarrloom {

inline constexpr std::size_t kMaxRank = 32;  // numpy's own limit up to version 1

// Shapes, indices and strides. Copies only what it holds.
class Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<std::int64_t> values);
  explicit Dims(std::span<const std::int64_t> values);  // throws invalid_argument above kMaxRank
  static Dims filled(std::size_t rank, std::int64_t value);

  Dims(const Dims& other) { *this = other; }
  Dims& operator=(const Dims& other) {
    rank_ = other.rank_;
    std::copy_n(other.values_.data(), rank_, values_.data());
    return *this;
  }

  std::size_t size() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  std::int64_t& operator[](std::size_t d) { return values_[d]; }
  std::int64_t operator[](std::size_t d) const { return values_[d]; }
  void push_back(std::int64_t value);  // throws invalid_argument above kMaxRank

  std::int64_t* begin() { return values_.data(); }
  std::int64_t* end() { return values_.data() + rank_; }
  const std::int64_t* begin() const { return values_.data(); }
  const std::int64_t* end() const { return values_.data() + rank_; }

  friend bool operator==(const Dims& a, const Dims& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::size_t rank_ = 0;
  std::array<std::int64_t, kMaxRank> values_;  // only the first rank_ are ever read
};

// "(3, 4)", as Python writes a tuple.
std::string to_string(const Dims& dims);

// The product, 1 for no dimensions. Throws invalid_argument, naming `what`, above 2^63 - 1.
std::int64_t checked_product(const Dims& dims, const char* what);

// The product in 128 bits, pinned at the largest value: for counts that are only compared.
unsigned __int128 wide_product(const Dims& dims);

}  // namespace zarrloom
