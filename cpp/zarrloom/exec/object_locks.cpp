#include "zarrloom/exec/object_locks.h"

#include <functional>

namespace zarrloom {

std::unique_lock<std::mutex> ObjectLocks::lock(std::string_view object_name) {
  return std::unique_lock(stripes_[std::hash<std::string_view>()(object_name) % kStripes]);
}

}  // namespace zarrloom
