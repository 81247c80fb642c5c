#include "zarrloom/exec/machine.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <future>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

namespace zarrloom {
namespace {

TEST(Machine, NumbersMakeSense) {
  EXPECT_GE(usable_cpus(), 1u);
  EXPECT_LE(usable_cpus(), std::max(1u, std::thread::hardware_concurrency()));
  EXPECT_GT(usable_memory(), std::size_t{1} << 20);
}

TEST(Machine, OpenFileLimitIsTheSoftOne) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit lower = before;
  lower.rlim_cur = 123;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &lower), 0);
  EXPECT_EQ(open_file_limit(), 123u);
  setrlimit(RLIMIT_NOFILE, &before);
}

#ifdef __linux__
TEST(Machine, AffinityMaskLimitsCpus) {
  const auto cpus = std::async(std::launch::async,
                               [] {  // the mask belongs to the thread
                                 cpu_set_t mask;
                                 sched_getaffinity(0, sizeof(mask), &mask);
                                 int first = 0;
                                 while (!CPU_ISSET(first, &mask)) ++first;
                                 CPU_ZERO(&mask);
                                 CPU_SET(first, &mask);
                                 sched_setaffinity(0, sizeof(mask), &mask);
                                 return usable_cpus();
                               })
                        .get();
  EXPECT_EQ(cpus, 1u);
}
#endif

}  // namespace
}  // namespace zarrloom
