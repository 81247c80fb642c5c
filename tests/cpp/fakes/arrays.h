// Arrays of the tests: small, with edge chunks, over any executor.
#pragma once

#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "zarrloom/array/array.h"

namespace zarrloom::fakes {

// The three ways in which every pipeline test runs.
struct Workers {
  const char* name;
  RuntimeOptions options;
};

inline std::vector<Workers> all_workers() {
  return {{"inline", {.threads = 1, .run_inline = true}},
          {"one", {.threads = 1}},
          {"four", {.threads = 4}}};
}

inline CreateOptions int32_array(const Dims& shape, const Dims& chunks) {
  CreateOptions options;
  options.shape = shape;
  options.dtype = dtype_from_numpy_name("int32");
  options.chunk_shape = chunks;
  return options;
}

inline std::vector<std::int32_t> counting(const Dims& shape) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(checked_product(shape, "shape")));
  std::iota(values.begin(), values.end(), 1);
  return values;
}

inline ConstArrayView view_of(const std::vector<std::int32_t>& values, const Dims& shape) {
  return {reinterpret_cast<const std::byte*>(values.data()), shape, c_strides(shape, 4), 4};
}

inline ArrayView view_of(std::vector<std::int32_t>& values, const Dims& shape) {
  return {reinterpret_cast<std::byte*>(values.data()), shape, c_strides(shape, 4), 4};
}

inline std::vector<std::int32_t> read_all(const Array& array, const CallOptions& options = {}) {
  std::vector<std::int32_t> values(
      static_cast<std::size_t>(checked_product(array.shape(), "shape")), -1);
  array.read(Selection::all(array.shape()), view_of(values, array.shape()), options);
  return values;
}

inline void write_all(const Array& array, const std::vector<std::int32_t>& values,
                      const CallOptions& options = {}) {
  array.write(Selection::all(array.shape()), view_of(values, array.shape()), options);
}

}  // namespace zarrloom::fakes
