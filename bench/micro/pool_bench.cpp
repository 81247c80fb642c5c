// What scheduling costs for each task, and a read of one small chunk.
#include <benchmark/benchmark.h>

#include <atomic>
#include <future>

#include "data.h"
#include "zarrloom/array/array.h"
#include "zarrloom/exec/parallel_for.h"

namespace zarrloom {
namespace {

void parallel_for_per_index(benchmark::State& state) {
  const auto pool = make_pool(static_cast<std::size_t>(state.range(0)));
  const std::int64_t count = 10'000;
  std::atomic<std::int64_t> sum = 0;
  for (auto _ : state) {
    parallel_for(*pool, count, {.max_workers = static_cast<std::size_t>(state.range(0))},
                 [&](std::int64_t i) { sum.fetch_add(i, std::memory_order_relaxed); });
  }
  const std::int64_t expected =
      count * (count - 1) / 2 * static_cast<std::int64_t>(state.iterations());
  if (sum != expected) state.SkipWithError("indices lost");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * count);
}
BENCHMARK(parallel_for_per_index)->Arg(1)->Arg(2)->UseRealTime();

void post_and_wait(benchmark::State& state) {
  const auto pool = make_pool(1);
  for (auto _ : state) {
    std::promise<void> done;
    pool->post([&] { done.set_value(); });
    done.get_future().wait();
  }
}
BENCHMARK(post_and_wait)->UseRealTime();

void plan_task(benchmark::State& state) {
  const Plan plan({1000, 1000, 1000}, {64, 64, 64}, Selection::all({1000, 1000, 1000}));
  std::int64_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(plan.task(i));
    i = (i + 1) % plan.task_count();
  }
}
BENCHMARK(plan_task);

void read_one_chunk(benchmark::State& state) {
  const Dims shape{64, 1024};
  CreateOptions create;
  create.shape = shape;
  create.dtype = dtype_from_numpy_name("float32");
  create.chunk_shape = Dims{1, 1024};
  create.compressors.emplace();
  const Array array = Array::create(make_memory_store(), "", create);
  const Bytes values = bench::noisy_slope(64 * 1024 * 2);
  array.write(Selection::all(shape), c_view(values.view(), shape, 4));
  Bytes out(4096);
  const Selection row = Selection::box({5, 0}, {1, 1024});
  for (auto _ : state) array.read(row, c_view(out.span(), row.count, 4));
  if (!std::equal(out.data(), out.data() + 4096, values.data() + 5 * 4096)) {
    state.SkipWithError("wrong data");
  }
}
BENCHMARK(read_one_chunk);

}  // namespace
}  // namespace zarrloom
