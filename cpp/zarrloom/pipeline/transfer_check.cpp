#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

constexpr std::size_t kWorthThreadsBytes = std::size_t{256} << 10;

}  // namespace

ParallelOptions workers_for(Runtime& runtime, const Dataset& dataset, std::int64_t tasks,
                            const CallOptions& options) {
  std::size_t workers = options.parallel;
  if (workers == 0) {
    const bool small = tasks <= 1 || dataset.codecs.decoded_size() <
                                         kWorthThreadsBytes / static_cast<std::size_t>(tasks);
    workers = small ? 1 : runtime.options().threads;
  }
  return {.max_workers = workers, .cancel = options.cancel, .interrupt = options.interrupt};
}

}  // namespace zarrloom
