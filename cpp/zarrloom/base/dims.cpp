#include "zarrloom/base/dims.h"

#include <limits>

#include "zarrloom/base/error.h"

namespace zarrloom {

Dims::Dims(std::initializer_list<std::int64_t> values) {
  for (std::int64_t value : values) push_back(value);
}

Dims::Dims(std::span<const std::int64_t> values) {
  for (std::int64_t value : values) push_back(value);
}

Dims Dims::filled(std::size_t rank, std::int64_t value) {
  Dims dims;
  for (std::size_t d = 0; d < rank; ++d) dims.push_back(value);
  return dims;
}

void Dims::push_back(std::int64_t value) {
  if (rank_ == kMaxRank) {
    fail(ErrorCode::invalid_argument,
         "arrays of more than " + std::to_string(kMaxRank) + " dimensions are not supported");
  }
  values_[rank_++] = value;
}

std::string to_string(const Dims& dims) {
  std::string text = "(";
  for (std::size_t d = 0; d < dims.size(); ++d) {
    if (d != 0) text += ", ";
    text += std::to_string(dims[d]);
  }
  if (dims.size() == 1) text += ',';
  return text + ')';
}

std::int64_t checked_product(const Dims& dims, const char* what) {
  const unsigned __int128 product = wide_product(dims);
  if (product > static_cast<unsigned __int128>(std::numeric_limits<std::int64_t>::max())) {
    fail(ErrorCode::invalid_argument,
         std::string(what) + " " + to_string(dims) + " is larger than 64-bit numbers go");
  }
  return static_cast<std::int64_t>(product);
}

unsigned __int128 wide_product(const Dims& dims) {
  constexpr unsigned __int128 most = ~static_cast<unsigned __int128>(0);
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;
  unsigned __int128 product = 1;
  for (std::int64_t extent : dims) {
    const auto factor = static_cast<unsigned __int128>(static_cast<std::uint64_t>(extent));
    if (product > most / factor) return most;
    product *= factor;
  }
  return product;
}

}  // namespace zarrloom
