#include "zarrloom/exec/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "zarrloom/exec/cgroup.h"

#ifdef __linux__
#include <sched.h>
#endif

namespace zarrloom {
namespace {

// 0 if unknown. The mask is larger than a cpu_set_t on machines with more than 1024 CPUs.
std::size_t cpus_in_affinity_mask() {
#ifdef __linux__
  for (std::size_t cpus = CPU_SETSIZE; cpus <= (std::size_t{1} << 20); cpus *= 2) {
    cpu_set_t* const mask = CPU_ALLOC(cpus);
    if (mask == nullptr) return 0;
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    const bool known = sched_getaffinity(0, bytes, mask) == 0;
    const int usable = known ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (known) return static_cast<std::size_t>(usable);
  }
#endif
  return 0;
}

std::size_t positive(long value) { return value > 0 ? static_cast<std::size_t>(value) : 0; }

}  // namespace

std::size_t usable_cpus() {
  std::size_t cpus = cpus_in_affinity_mask();
  if (cpus == 0) cpus = positive(sysconf(_SC_NPROCESSORS_ONLN));
  cpus = std::min(cpus, read_cgroup_limits().cpus.value_or(cpus));
  return std::max<std::size_t>(cpus, 1);
}

std::size_t usable_memory() {
  const std::size_t machine = positive(sysconf(_SC_PHYS_PAGES)) * positive(sysconf(_SC_PAGESIZE));
  return std::min(machine, read_cgroup_limits().memory.value_or(machine));
}

std::size_t open_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<std::size_t>::max();
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace zarrloom
