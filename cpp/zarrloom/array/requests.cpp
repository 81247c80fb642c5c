#include "zarrloom/array/requests.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "zarrloom/exec/parallel_for.h"
#include "zarrloom/pipeline/request_window.h"

namespace zarrloom {
namespace {

// Opening a few local files takes less time than waking a thread.
constexpr std::size_t kWorthThreads = 64;
constexpr std::size_t kMostWaiting = 32;
constexpr std::size_t kGuessedSize = std::size_t{4} << 10;  // of a document, for the budget

std::optional<Bytes> bytes_of(ReadResult result) {
  if (result.status == ReadResult::Status::missing) return std::nullopt;
  if (result.status == ReadResult::Status::failed) {
    // The only size that is wrong here is one above the limit.
    if (result.failure.code == ErrorCode::corrupt_data) {
      result.failure.code = ErrorCode::corrupt_metadata;
    }
    throw Error(std::move(result.failure));
  }
  return std::move(result.owned);
}

class ManyReads {
 public:
  ManyReads(Runtime& runtime, const Store& store, std::span<const std::string> keys)
      : runtime_(runtime), store_(store), keys_(keys), results_(keys.size()) {}

  std::vector<std::optional<Bytes>> run(const InterruptCheck& interrupt) {
    if (store_.capabilities().answers_inline) {
      read_inline(interrupt);
    } else {
      read_later(interrupt);
    }
    std::vector<std::optional<Bytes>> objects;
    objects.reserve(results_.size());
    for (ReadResult& result : results_) objects.push_back(bytes_of(std::move(result)));
    return objects;
  }

 private:
  void read_inline(const InterruptCheck& interrupt) {
    const std::size_t threads = keys_.size() < kWorthThreads ? 1 : runtime_.options().threads;
    const std::shared_ptr<Executor> executor = runtime_.executor();
    parallel_for(*executor, static_cast<std::int64_t>(keys_.size()),
                 {.max_workers = threads, .interrupt = interrupt}, [&](std::int64_t i) {
                   const auto at = static_cast<std::size_t>(i);
                   const Gate::Pass place = gate().enter();
                   store_.read({.key = keys_[at], .limit = kMaxDocumentSize},
                               [&](ReadResult result) { results_[at] = std::move(result); });
                 });
  }

  void read_later(const InterruptCheck& interrupt) {
    const WindowOptions window{.count = static_cast<std::int64_t>(keys_.size()),
                               .most = std::max<std::size_t>(1, gate().places()),
                               .bytes_each = kGuessedSize};
    run_requests(
        runtime_.budget(), window,
        [this](std::int64_t i, const CancelToken& cancel, RequestDone done) {
          start(static_cast<std::size_t>(i), cancel, std::move(done));
        },
        interrupt);
  }

  void start(std::size_t i, const CancelToken& cancel, RequestDone done) {
    const Gate::Post here = [](const std::function<void()>& rest) { rest(); };
    gate().enter_later(
        cancel, here,
        [this, i, cancel, done = std::move(done)](const std::shared_ptr<Gate::Pass>& place) {
          store_.read({.key = keys_[i], .limit = kMaxDocumentSize, .cancel = cancel},
                      [this, i, place, done](ReadResult result) {
                        place->release();
                        results_[i] = std::move(result);
                        done(std::nullopt);
                      });
        });
  }

  Gate& gate() { return runtime_.limits().io(store_.capabilities().kind); }

  Runtime& runtime_;
  const Store& store_;
  const std::span<const std::string> keys_;
  std::vector<ReadResult> results_;  // each by its own request
};

}  // namespace

std::vector<std::optional<Bytes>> read_objects(Runtime& runtime, const Store& store,
                                               std::span<const std::string> keys,
                                               const InterruptCheck& interrupt) {
  return ManyReads(runtime, store, keys).run(interrupt);
}

void for_each_waiting(Runtime& runtime, const Store& store, std::size_t count,
                      const std::function<void(std::size_t)>& body,
                      const InterruptCheck& interrupt) {
  const auto run = [&](Executor& executor, std::size_t workers) {
    parallel_for(executor, static_cast<std::int64_t>(count),
                 {.max_workers = workers, .interrupt = interrupt},
                 [&](std::int64_t i) { body(static_cast<std::size_t>(i)); });
  };
  const std::shared_ptr<Executor> executor = runtime.executor();
  const bool far = !store.capabilities().answers_inline && executor->concurrency() > 0;
  if (!far || count <= 1) return run(*executor, runtime.options().threads);
  const std::size_t places = runtime.limits().io(store.capabilities().kind).places();
  const std::size_t workers = std::min({count, places, kMostWaiting});
  const std::unique_ptr<Executor> waiting = make_pool(workers - (workers > 1 ? 1 : 0));
  run(*waiting, workers);
}

}  // namespace zarrloom
