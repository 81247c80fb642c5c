// A selection by lists of coordinates: what numpy calls advanced indexing, and outer products of
// lists.
#pragma once

#include <cstdint>
#include <vector>

#include "zarrloom/base/dims.h"

namespace zarrloom {

// One axis of a selection, and of the memory that it is read into. Either a slice of one dimension:
// the elements start + k * step, the k-th at place + k * place_step of the memory's axis. Or points
// in one or more dimensions, any number of times and in any order.
struct IndexAxis {
  std::vector<std::size_t> dims;  // of the array; one for a slice
  std::int64_t count = 0;         // elements along this axis
  bool is_slice = true;

  std::int64_t start = 0, step = 1;        // step is at least 1
  std::int64_t place = 0, place_step = 1;  // perhaps below 0

  std::vector<std::int64_t> points;  // point after point, a coordinate for each of dims
  std::vector<std::int64_t> places;  // of each point; empty: 0, 1, 2...

  static IndexAxis slice(std::size_t dim, std::int64_t start, std::int64_t step,
                         std::int64_t count);
  static IndexAxis listed(std::vector<std::size_t> dims, std::vector<std::int64_t> points);
};

// Each dimension of the array belongs to one axis.
struct IndexSelection {
  std::vector<IndexAxis> axes;

  Dims shape() const;  // of the memory: elements along each axis
};

// Counts negative coordinates of points from the end. Throws selection, naming position and value,
// for one outside the shape; invalid_argument if the axes do not make up the array's dimensions.
void resolve(IndexSelection& selection, const Dims& shape);

}  // namespace zarrloom
