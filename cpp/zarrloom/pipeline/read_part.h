// A read of a stored object, or of a part of it: as one of the process's requests in flight, timed,
// and answered where one may decode.
#pragma once

#include <functional>
#include <limits>

#include "zarrloom/pipeline/dataset.h"

namespace zarrloom {

// Runs what must follow a late answer (decoding) on a worker.
using Continue = std::function<void(std::function<void()>)>;

// How a read is given up. Default: never.
struct FetchControl {
  CancelToken cancel = {};
  Deadline deadline = kNoDeadline;  // of reading and decoding together
  bool fill_missing = true;         // false: a missing chunk leaves the memory as it was
  // When the call began: what was written before that must be seen.
  Recorder::Clock::time_point since = Recorder::Clock::now();
};

struct PartRequest {
  std::string_view key;
  ByteRange range = {};
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  // Memory to read into. Empty: scratch of about `expected` bytes.
  MutableBytes into = {};
  std::size_t expected = 0;
  bool want_version = false;
  std::string_view if_version = {};
};

struct PartAnswer {
  ReadResult result;
  Recorder::Clock::time_point arrived{};
};

// Called once; must not throw. The answer's bytes are there until it returns, unless it reads
// again.
using PartDone = std::function<void(PartAnswer& answer)>;

// Calls `done` before returning if the store answers at once, otherwise from whatever `later` runs.
// The dataset must live until then; key and version are copied where they are needed later.
// Throws what comes ahead of an answer: no memory for scratch, a key that is none.
void read_part(const Dataset& dataset, const PartRequest& request, const FetchControl& control,
               const Continue& later, PartDone done);

// Decodes what has arrived as one of the process's threads that may: `work` does it, and makes so
// many bytes.
template <typename Work>
void decode_gated(const Dataset& dataset, const PartAnswer& answer, std::string_view key,
                  std::size_t bytes, const Work& work) {
  Runtime& runtime = *dataset.runtime;
  const Gate::Pass pass = runtime.limits().cpu().enter();
  const auto began = Recorder::Clock::now();
  work();
  runtime.recorder().add(Stage::queue, answer.arrived, began, 0, key);
  runtime.recorder().add(Stage::decode, began, Recorder::Clock::now(), bytes, key);
}

}  // namespace zarrloom
