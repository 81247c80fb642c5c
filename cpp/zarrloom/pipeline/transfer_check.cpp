#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {
namespace {

// From where on a second thread made reads faster (bench/few_chunks.py, two cores, warm files).
// What is only copied must be far more than what is decoded; opening a chunk's file costs about as
// much as decoding 8 KiB.
constexpr std::size_t kWorthThreadsDecoded = std::size_t{160} << 10;
constexpr std::size_t kWorthThreadsCopied = std::size_t{2560} << 10;
constexpr std::size_t kOpening = std::size_t{8} << 10;

bool worth_threads(const Dataset& dataset, std::int64_t tasks) {
  if (tasks <= 1) return false;
  const bool copied = dataset.codecs.is_memory_image();
  const std::size_t enough = copied ? kWorthThreadsCopied : kWorthThreadsDecoded;
  return dataset.codecs.decoded_size() + kOpening >= enough / static_cast<std::size_t>(tasks);
}

}  // namespace

ParallelOptions workers_for(Runtime& runtime, const Dataset& dataset, std::int64_t tasks,
                            const CallOptions& options) {
  std::size_t workers = options.parallel;
  if (workers == 0) {
    workers = worth_threads(dataset, tasks) ? runtime.options().threads : 1;
  }
  return {.max_workers = workers, .cancel = options.cancel, .interrupt = options.interrupt};
}

}  // namespace zarrloom
