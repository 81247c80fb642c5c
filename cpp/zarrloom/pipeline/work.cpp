#include "zarrloom/pipeline/work.h"

namespace zarrloom {
namespace {

// From where on a second thread made reads faster (bench/few_chunks.py, two cores, warm files).
// What is only copied must be far more than what is decoded; opening a chunk's file costs about as
// much as decoding 8 KiB.
constexpr std::size_t kWorthThreadsDecoded = std::size_t{160} << 10;
constexpr std::size_t kWorthThreadsCopied = std::size_t{2560} << 10;
constexpr std::size_t kOpening = std::size_t{8} << 10;

bool worth_threads(const Work& work) {
  if (work.count <= 1) return false;
  const std::size_t enough = work.copied_only ? kWorthThreadsCopied : kWorthThreadsDecoded;
  return work.decoded + kOpening >= enough / static_cast<std::size_t>(work.count);
}

}  // namespace

Work work_on(const Dataset& dataset, Unit unit, std::int64_t count) {
  const CodecChain& codecs = dataset.largest_codecs(unit);
  return {.count = count,
          .decoded = codecs.decoded_size(),
          .in_flight = bytes_in_flight(dataset, unit),
          .copied_only = codecs.is_memory_image()};
}

std::size_t bytes_in_flight(const Dataset& dataset, Unit unit) {
  const CodecChain& codecs = dataset.largest_codecs(unit);
  const bool in_one_go = dataset.store->capabilities().answers_inline;
  // What a remote store brings waits beside the memory that it is decoded into.
  return in_one_go || codecs.is_memory_image() ? codecs.decoded_size() : 2 * codecs.decoded_size();
}

ParallelOptions workers_for(Runtime& runtime, const Work& work, const CallOptions& options) {
  std::size_t workers = options.parallel;
  if (workers == 0) workers = worth_threads(work) ? runtime.options().threads : 1;
  return {.max_workers = workers, .cancel = options.cancel, .interrupt = options.interrupt};
}

}  // namespace zarrloom
