// Locks on stored objects (chunks, shards), so that two writers never lose an update.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <string_view>

namespace zarrloom {

// A fixed number of mutexes, chosen by the object's full name: two objects may share one, so a
// thread must never hold two.
class ObjectLocks {
 public:
  // Held until the returned lock dies.
  [[nodiscard]] std::unique_lock<std::mutex> lock(std::string_view object_name);

 private:
  static constexpr std::size_t kStripes = 1024;
  std::array<std::mutex, kStripes> stripes_;
};

}  // namespace zarrloom
