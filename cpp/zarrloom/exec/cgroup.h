// Limits that a container sets, read from Linux control groups of version 1 and 2.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zarrloom {

struct CgroupLimits {
  std::optional<std::size_t> cpus;    // quota rounded up to whole CPUs; nullopt = no limit
  std::optional<std::size_t> memory;  // bytes; nullopt = no limit
};

// The tightest limits of this process's group and of all groups above it. `self` is the file that
// names the group, `root` where groups are mounted; files that cannot be read set no limit.
CgroupLimits read_cgroup_limits(const std::string& self = "/proc/self/cgroup",
                                const std::string& root = "/sys/fs/cgroup");

// The parts of the above. What cannot be parsed is no limit.

// Version 2 cpu.max: "150000 100000", "max 100000".
std::optional<std::size_t> parse_cpu_max(std::string_view text);

// Version 1 cpu.cfs_quota_us (-1 = no limit) and cpu.cfs_period_us.
std::optional<std::size_t> parse_cfs_quota(std::string_view quota, std::string_view period);

// memory.max or memory.limit_in_bytes: a number, "max", or version 1's number near 2^63.
std::optional<std::size_t> parse_memory_max(std::string_view text);

// The group's path in the lines "id:controllers:path"; controller "" is version 2.
std::optional<std::string> find_cgroup(std::string_view self_text, std::string_view controller);

// "/a/b" -> {"/a/b", "/a", ""}
std::vector<std::string> with_ancestors(std::string_view path);

}  // namespace zarrloom
