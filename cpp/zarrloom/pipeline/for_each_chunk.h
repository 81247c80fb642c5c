// The two ways in which a call works through its chunks: on threads that read and decode in one go
// where the store answers at once, with many requests in flight where it answers later.
#pragma once

#include <functional>
#include <memory>

#include "zarrloom/exec/runtime.h"
#include "zarrloom/pipeline/fetch.h"
#include "zarrloom/pipeline/request_window.h"
#include "zarrloom/pipeline/work.h"

namespace zarrloom {

// Fetches chunk number i of a call with the given `later` and `control` and says when it is done.
// Called on many threads at once.
using ChunkStep =
    std::function<void(std::int64_t i, const Continue& later, const FetchControl&, RequestDone)>;

// Calls `step` for each i in [0, work.count) and waits. The first failure is thrown when nothing
// runs any more.
void for_each_chunk(Runtime& runtime, const Dataset& dataset, const Work& work,
                    const CallOptions& options, const ChunkStep& step);

// The same without waiting and without a thread that waits: `done` is called once, on any thread.
// The interrupt of the options is not asked.
void start_for_each_chunk(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                          const Work& work, const CallOptions& options, ChunkStep step,
                          RequestDone done);

// Requests that a call has in flight by default, at a store that answers later.
std::size_t requests_for(Runtime& runtime, const Dataset& dataset);

}  // namespace zarrloom
