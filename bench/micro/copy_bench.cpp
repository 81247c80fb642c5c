// Strided copies of 8 MiB by rank, item size and layout; what was copied is compared first.
#include <benchmark/benchmark.h>

#include "data.h"
#include "zarrloom/base/strided_copy.h"

namespace zarrloom {
namespace {

Dims cube(std::size_t rank, std::size_t items) {
  Dims shape = Dims::filled(rank, 1);
  for (std::size_t d = rank; items > 1; d = d == 1 ? rank : d - 1, items /= 2) shape[d - 1] *= 2;
  return shape;
}

void copy(benchmark::State& state, bool transposed_from) {
  const auto rank = static_cast<std::size_t>(state.range(0));
  const auto item = static_cast<std::size_t>(state.range(1));
  const std::size_t bytes = std::size_t{8} << 20;
  const Dims shape = cube(rank, bytes / item);
  const Bytes from = bench::noisy_slope(bytes / 2);
  Bytes to(bytes);
  ConstArrayView source = c_view(from.view(), shape, item);
  ArrayView target = c_view(to.span(), shape, item);
  if (transposed_from) {
    Dims reversed;
    for (std::size_t d = rank; d-- > 0;) reversed.push_back(static_cast<std::int64_t>(d));
    source = transposed(source, reversed);
    target = c_view(to.span(), source.shape, item);
  }
  for (auto _ : state) {
    strided_copy(source, target);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

void copy_rows(benchmark::State& state) { copy(state, false); }
void copy_transposed(benchmark::State& state) { copy(state, true); }
BENCHMARK(copy_rows)->ArgsProduct({{1, 2, 3, 4}, {1, 2, 4, 8}});
BENCHMARK(copy_transposed)->ArgsProduct({{2, 3, 4}, {1, 2, 4, 8}});

}  // namespace
}  // namespace zarrloom
