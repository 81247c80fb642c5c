// What this process may use of the machine.
#pragma once

#include <cstddef>

namespace zarrloom {

// CPUs in the affinity mask, no more than the cgroup's quota (v1 or v2, rounded up), at least 1.
std::size_t usable_cpus();

// Bytes: the cgroup's limit or the machine's memory, whichever is less.
std::size_t usable_memory();

// The soft limit on open files.
std::size_t open_file_limit();

}  // namespace zarrloom
