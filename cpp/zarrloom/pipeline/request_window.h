// Requests in flight at stores that answer later: what reads of every kind share.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "zarrloom/base/cancel.h"
#include "zarrloom/base/error.h"
#include "zarrloom/exec/byte_budget.h"

namespace zarrloom {

struct WindowOptions {
  std::int64_t count = 0;      // requests in all
  std::size_t most = 1;        // in flight at one time
  std::size_t bytes_each = 0;  // counted in the budget while it is in flight
  CancelToken cancel = {};
};

using RequestDone = std::function<void(std::optional<Failure>)>;

// Starts request i and returns; `done` is called once, on any thread, perhaps before that. The
// token is cancelled when the request's answer is of no use any more.
using StartRequest = std::function<void(std::int64_t i, const CancelToken& cancel, RequestDone)>;

// Starts requests 0, 1, 2... as places and the budget allow. The first failure, or the cancel
// token, stops the starting and cancels what is in flight. `finished` is called once, when nothing
// is in flight any more, on whichever thread ends last, perhaps before this returns. The budget
// must live until then.
void start_requests(ByteBudget& budget, const WindowOptions& options, StartRequest start,
                    RequestDone finished);

// The same, waited for: throws the first failure. A true interrupt cancels.
void run_requests(ByteBudget& budget, const WindowOptions& options, StartRequest start,
                  const InterruptCheck& interrupt);

}  // namespace zarrloom
