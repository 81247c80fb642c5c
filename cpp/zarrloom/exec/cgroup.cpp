#include "zarrloom/exec/cgroup.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>

namespace zarrloom {
namespace {

using Limit = std::optional<std::size_t>;

Limit smaller(Limit a, Limit b) {
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = trimmed(text);
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The tightest limit over the group and those above it. In a container the path may name a group of
// the host that is not mounted here; the walk then ends at the root, which is the container's own.
Limit tightest(const std::string& mount, const std::string& group,
               const std::function<Limit(const std::string& directory)>& read) {
  Limit limit;
  for (const std::string& path : with_ancestors(group)) limit = smaller(limit, read(mount + path));
  return limit;
}

Limit cpus_v1(const std::string& directory) {
  return parse_cfs_quota(file_text(directory + "/cpu.cfs_quota_us"),
                         file_text(directory + "/cpu.cfs_period_us"));
}

Limit cpus_v2(const std::string& directory) {
  return parse_cpu_max(file_text(directory + "/cpu.max"));
}

Limit memory_v1(const std::string& directory) {
  return parse_memory_max(file_text(directory + "/memory.limit_in_bytes"));
}

Limit memory_v2(const std::string& directory) {
  return parse_memory_max(file_text(directory + "/memory.max"));
}

}  // namespace

CgroupLimits read_cgroup_limits(const std::string& self, const std::string& root) {
  const std::string text = file_text(self);
  const auto group = [&](std::string_view controller) {
    return find_cgroup(text, controller).value_or("");
  };
  CgroupLimits limits;
  for (const std::string& mount : {root, root + "/unified"}) {
    limits.cpus = smaller(limits.cpus, tightest(mount, group(""), cpus_v2));
    limits.memory = smaller(limits.memory, tightest(mount, group(""), memory_v2));
  }
  for (const std::string& mount : {root + "/cpu", root + "/cpu,cpuacct"}) {
    limits.cpus = smaller(limits.cpus, tightest(mount, group("cpu"), cpus_v1));
  }
  limits.memory = smaller(limits.memory, tightest(root + "/memory", group("memory"), memory_v1));
  return limits;
}

Limit parse_cpu_max(std::string_view text) {
  text = trimmed(text);
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return parse_cfs_quota(text.substr(0, space), text.substr(space + 1));
}

Limit parse_cfs_quota(std::string_view quota, std::string_view period) {
  const auto used = parse_integer(quota);
  const auto of = parse_integer(period);
  if (!used || !of || *used <= 0 || *of <= 0) return std::nullopt;
  return static_cast<std::size_t>(*used / *of + (*used % *of != 0 ? 1 : 0));
}

Limit parse_memory_max(std::string_view text) {
  constexpr std::int64_t kNoLimit = std::int64_t{1} << 62;
  const auto bytes = parse_integer(text);
  if (!bytes || *bytes < 0 || *bytes >= kNoLimit) return std::nullopt;
  return static_cast<std::size_t>(*bytes);
}

std::optional<std::string> find_cgroup(std::string_view self_text, std::string_view controller) {
  while (!self_text.empty()) {
    const std::size_t newline = std::min(self_text.find('\n'), self_text.size());
    const std::string_view line = self_text.substr(0, newline);
    self_text.remove_prefix(std::min(newline + 1, self_text.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string names = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    if (names.find("," + std::string(controller) + ",") == std::string::npos) continue;
    return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

std::vector<std::string> with_ancestors(std::string_view path) {
  std::vector<std::string> paths;
  while (!path.empty() && path != "/") {
    paths.emplace_back(path);
    path = path.substr(0, std::min(path.rfind('/'), path.size() - 1));
  }
  paths.emplace_back();
  return paths;
}

}  // namespace zarrloom
