// What every executor must do, and what parallel_for must do over it. Run once per implementation.
#pragma once

#include "zarrloom/exec/executor.h"

namespace zarrloom::testing {

void check_executor(Executor& executor);

}  // namespace zarrloom::testing
