#include "zarrloom/pipeline/for_each_chunk.h"

#include <algorithm>

#include "zarrloom/exec/parallel_for.h"

namespace zarrloom {
namespace {

// Of one call, where the kind of store has no limit.
constexpr std::size_t kMostRequests = 64;

void on_workers(Runtime& runtime, const Work& work, const CallOptions& options,
                const ChunkStep& step) {
  const std::shared_ptr<Executor> executor = runtime.executor();
  const ParallelOptions workers = workers_for(runtime, work, options);
  const FetchControl control{.cancel = options.cancel};
  parallel_for(*executor, work.count, workers, [&](std::int64_t i) {
    std::optional<Failure> failed;
    step(i, {}, control,
         [&failed](std::optional<Failure> failure) { failed = std::move(failure); });
    trim_workspace(thread_workspace());
    if (failed) throw Error(std::move(*failed));
  });
}

WindowOptions window_options(Runtime& runtime, const Dataset& dataset, const Work& work,
                             const CallOptions& options) {
  const std::size_t most =
      options.parallel != 0 ? options.parallel : requests_for(runtime, dataset);
  return {
      .count = work.count, .most = most, .bytes_each = work.in_flight, .cancel = options.cancel};
}

Continue continue_on(std::shared_ptr<Executor> executor) {
  return [executor = std::move(executor)](std::function<void()> rest) {
    executor->post([rest = std::move(rest)] {
      rest();
      trim_workspace(thread_workspace());
    });
  };
}

StartRequest with_control(ChunkStep step, std::shared_ptr<Executor> executor) {
  return [step = std::move(step), later = continue_on(std::move(executor)),
          since = Recorder::Clock::now()](std::int64_t i, const CancelToken& cancel,
                                          RequestDone done) {
    step(i, later, FetchControl{.cancel = cancel, .since = since}, std::move(done));
  };
}

}  // namespace

std::size_t requests_for(Runtime& runtime, const Dataset& dataset) {
  const std::size_t places = runtime.limits().io(dataset.store->capabilities().kind).places();
  return std::min(places, kMostRequests);
}

void for_each_chunk(Runtime& runtime, const Dataset& dataset, const Work& work,
                    const CallOptions& options, const ChunkStep& step) {
  if (work.count == 0) return;
  if (dataset.store->capabilities().answers_inline) {
    return on_workers(runtime, work, options, step);
  }
  run_requests(runtime.budget(), window_options(runtime, dataset, work, options),
               with_control(step, runtime.executor()), options.interrupt);
}

void start_for_each_chunk(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                          const Work& work, const CallOptions& options, ChunkStep step,
                          RequestDone done) {
  if (work.count == 0) return done(std::nullopt);
  const std::shared_ptr<Executor> executor = runtime->executor();
  if (!dataset->store->capabilities().answers_inline) {
    const WindowOptions window = window_options(*runtime, *dataset, work, options);
    ByteBudget& budget = runtime->budget();
    return start_requests(budget, window, with_control(std::move(step), executor),
                          [runtime, dataset, done = std::move(done)](
                              std::optional<Failure> failure) { done(std::move(failure)); });
  }
  executor->post([runtime, dataset, work, options, step = std::move(step), done = std::move(done)] {
    std::optional<Failure> failed;
    try {
      on_workers(*runtime, work, options, step);
    } catch (...) {
      failed = current_failure();
    }
    done(std::move(failed));
  });
}

}  // namespace zarrloom
