#include "zarrloom/exec/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace zarrloom {
namespace {

using Paths = std::vector<std::string>;

TEST(Cgroup, CpuMaxIsRoundedUp) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 2u);
  EXPECT_EQ(parse_cpu_max("200000 100000\n"), 2u);
  EXPECT_EQ(parse_cpu_max("1000 100000"), 1u);
  for (const char* none : {"max 100000\n", "", "100000", "100000 0", "x y", "-1 100000", "1.5 1"}) {
    EXPECT_EQ(parse_cpu_max(none), std::nullopt) << none;
  }
}

TEST(Cgroup, CfsQuota) {
  EXPECT_EQ(parse_cfs_quota("250000\n", "100000\n"), 3u);
  EXPECT_EQ(parse_cfs_quota("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(parse_cfs_quota("", ""), std::nullopt);
}

TEST(Cgroup, MemoryMax) {
  EXPECT_EQ(parse_memory_max("1073741824\n"), 1073741824u);
  for (const char* none : {"max\n", "9223372036854771712\n", "99999999999999999999", "", "12x"}) {
    EXPECT_EQ(parse_memory_max(none), std::nullopt) << none;
  }
}

TEST(Cgroup, FindsTheGroupOfAController) {
  const std::string text = "4:memory:/m/x\n3:cpu,cpuacct:/c\n1:name=systemd:/s\n0::/user:odd\n";
  EXPECT_EQ(find_cgroup(text, "memory"), "/m/x");
  EXPECT_EQ(find_cgroup(text, "cpu"), "/c");
  EXPECT_EQ(find_cgroup(text, "cpuacct"), "/c");
  EXPECT_EQ(find_cgroup(text, ""), "/user:odd");
  EXPECT_EQ(find_cgroup(text, "mem"), std::nullopt);
  EXPECT_EQ(find_cgroup("nonsense\n:\n\n", "cpu"), std::nullopt);
}

TEST(Cgroup, AncestorsEndAtTheRoot) {
  EXPECT_EQ(with_ancestors("/a/b"), (Paths{"/a/b", "/a", ""}));
  EXPECT_EQ(with_ancestors("/"), Paths{""});
  EXPECT_EQ(with_ancestors(""), Paths{""});
  EXPECT_EQ(with_ancestors("a"), (Paths{"a", ""}));  // ends all the same
}

class CgroupTree : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "zarrloom-cgroup-" + std::to_string(getpid());
    std::filesystem::create_directories(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  CgroupLimits limits() { return read_cgroup_limits(root_ + "/self", root_); }

  std::string root_;
};

TEST_F(CgroupTree, NothingThereIsNoLimit) {
  EXPECT_EQ(limits().cpus, std::nullopt);
  EXPECT_EQ(limits().memory, std::nullopt);
}

TEST_F(CgroupTree, Version2TakesTheTightestOfAllLevels) {
  write("/self", "0::/a/b\n");
  write("/a/b/cpu.max", "max 100000\n");
  write("/a/cpu.max", "300000 100000\n");
  write("/a/b/memory.max", "4096\n");
  write("/a/memory.max", "8192\n");
  EXPECT_EQ(limits().cpus, 3u);
  EXPECT_EQ(limits().memory, 4096u);
}

TEST_F(CgroupTree, Version1) {
  write("/self", "3:memory:/m\n2:cpu,cpuacct:/c\n");
  write("/cpu,cpuacct/c/cpu.cfs_quota_us", "150000\n");
  write("/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
  write("/memory/m/memory.limit_in_bytes", "4096\n");
  EXPECT_EQ(limits().cpus, 2u);
  EXPECT_EQ(limits().memory, 4096u);
}

TEST_F(CgroupTree, InAContainerTheHostsPathIsMissing) {
  write("/self", "0::/docker/0123\n2:memory:/docker/0123\n");
  write("/cpu.max", "100000 100000\n");
  write("/memory/memory.limit_in_bytes", "4096\n");
  EXPECT_EQ(limits().cpus, 1u);
  EXPECT_EQ(limits().memory, 4096u);
}

}  // namespace
}  // namespace zarrloom
