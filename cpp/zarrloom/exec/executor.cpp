#include "zarrloom/exec/executor.h"

#include <utility>

#include "zarrloom/base/error.h"

namespace zarrloom {

void Executor::post(Task task) {
  if (!task) fail(ErrorCode::internal, "an empty task was posted to an executor");
  do_post(std::move(task));
}

}  // namespace zarrloom
