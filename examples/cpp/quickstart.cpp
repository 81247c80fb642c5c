// Creates an array, writes it in parallel, reads a part of it and streams its chunks.
//   example_quickstart [folder]
#include <cstdio>
#include <numeric>
#include <vector>

#include "zarrloom/zarrloom.h"

using namespace zarrloom;

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "quickstart.zarr";
  const Dims shape{1000, 1000};

  CreateOptions create;
  create.shape = shape;
  create.dtype = dtype_from_numpy_name("float64");
  create.chunk_shape = Dims{100, 100};
  const Array array = Array::create(open_store(folder), "", create, /*overwrite=*/true);

  std::vector<double> values(1000 * 1000);
  std::iota(values.begin(), values.end(), 0.0);
  const MutableBytes memory{reinterpret_cast<std::byte*>(values.data()), values.size() * 8};
  array.write(Selection::all(shape), c_view(memory, shape, 8));

  // Rows 10 to 19, every fourth column.
  const Selection part{{10, 0}, {1, 4}, {10, 250}};
  std::vector<double> out(10 * 250);
  array.read(part, c_view(MutableBytes{reinterpret_cast<std::byte*>(out.data()), out.size() * 8},
                          part.count, 8));
  if (out[1] != 10004.0) return 1;

  double sum = 0;
  const auto stream = array.stream({.parallel = 4});
  while (const auto item = stream->next()) {
    const auto* chunk = reinterpret_cast<const double*>(item->data.data());
    sum = std::accumulate(chunk, chunk + item->data.size() / sizeof(double), sum);
  }
  std::printf("%lld chunks, sum %.1f\n", static_cast<long long>(stream->total()), sum);
  return sum == 999999.0 * 1000000.0 / 2 ? 0 : 1;
}
