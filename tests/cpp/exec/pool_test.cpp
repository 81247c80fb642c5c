#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "exec/fork.h"
#include "zarrloom/exec/executor.h"

namespace zarrloom {
namespace {

using namespace std::chrono_literals;

TEST(Pool, DestructorRunsWhatWasPosted) {
  std::atomic<int> ran = 0;
  {
    const auto pool = make_pool(2);
    for (int i = 0; i < 200; ++i) {
      pool->post([&] {
        std::this_thread::sleep_for(50us);
        ++ran;
      });
    }
  }
  EXPECT_EQ(ran, 200);
}

TEST(Pool, TasksMayPostWhileThePoolIsClosing) {
  std::atomic<int> ran = 0;
  {
    const auto pool = make_pool(4);
    pool->post([&, raw = pool.get()] {
      std::this_thread::sleep_for(20ms);  // the destructor is waiting by now
      for (int i = 0; i < 50; ++i) raw->post([&] { ++ran; });
    });
  }
  EXPECT_EQ(ran, 50);
}

TEST(Pool, LastOwnerMayBeOneOfItsTasks) {
  for (int round = 0; round < 100; ++round) {
    auto ran = std::make_shared<std::promise<void>>();
    std::promise<void> given_away;
    std::shared_ptr<Executor> pool = make_pool(2);
    pool->post([owner = pool, go = given_away.get_future().share()]() mutable {
      go.wait();
      owner.reset();
    });
    for (int i = 0; i < 10; ++i) pool->post([] { std::this_thread::sleep_for(10us); });
    pool->post([ran] { ran->set_value(); });
    pool.reset();
    given_away.set_value();
    ASSERT_EQ(ran->get_future().wait_for(20s), std::future_status::ready);
  }
}

#ifdef __linux__
std::size_t threads_of_process() {
  namespace fs = std::filesystem;
  const fs::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST(Pool, ThreadsStartWhenNeeded) {
  const std::size_t before = threads_of_process();
  const auto pool = make_pool(16);
  EXPECT_LE(threads_of_process(), before);  // less where threads of an earlier test have just ended
  std::set<std::thread::id> ids;
  for (int i = 0; i < 20; ++i) {
    std::promise<std::thread::id> id;
    pool->post([&] { id.set_value(std::this_thread::get_id()); });
    ids.insert(id.get_future().get());
    std::this_thread::sleep_for(2ms);  // the thread goes idle and is used again
  }
  EXPECT_LT(ids.size(), 8u);
}

TEST(Pool, ThreadsAreNamedAndTakeNoSignals) {
  const auto pool = make_pool(1);
  std::promise<void> done;
  pool->post([&] {
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof(name));
    EXPECT_EQ(std::string(name), "zarrloom-0");
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    for (const int blocked : {SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGCHLD}) {
      EXPECT_EQ(sigismember(&mask, blocked), 1) << blocked;
    }
    EXPECT_EQ(sigismember(&mask, SIGSEGV), 0);
    done.set_value();
  });
  done.get_future().get();
  sigset_t here;
  pthread_sigmask(SIG_BLOCK, nullptr, &here);
  EXPECT_EQ(sigismember(&here, SIGINT), 0);
}
#endif

#ifdef __GLIBC__
// While it lives no thread can be created: no stack of the default size fits into memory.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, std::size_t{1} << 55);
    pthread_setattr_default_np(&huge);
    pthread_attr_destroy(&huge);
  }
  ~NoMoreThreads() { pthread_setattr_default_np(&before_); }

 private:
  pthread_attr_t before_;
};

TEST(Pool, WithoutAnyThreadPostRunsTheTask) {
  const NoMoreThreads no_more_threads;
  ASSERT_THROW(std::thread([] {}).join(), std::system_error);
  const auto pool = make_pool(4);
  for (int i = 0; i < 3; ++i) {
    std::thread::id ran_on;
    pool->post([&] { ran_on = std::this_thread::get_id(); });
    EXPECT_EQ(ran_on, std::this_thread::get_id());
  }
  EXPECT_EQ(pool->concurrency(), 0u);
}

TEST(Pool, FewerThreadsThanAskedStillRunAll) {
  std::atomic<int> ran = 0;
  {
    const auto pool = make_pool(4);
    std::promise<void> go;
    pool->post([&, wait = go.get_future().share()] {
      wait.wait();
      ++ran;
    });
    {
      const NoMoreThreads no_more_threads;
      for (int i = 0; i < 20; ++i) pool->post([&] { ++ran; });
      EXPECT_EQ(ran, 0);
      EXPECT_EQ(pool->concurrency(), 1u);
    }
    go.set_value();
  }
  EXPECT_EQ(ran, 21);
}
#endif

TEST(Pool, ChildOfAForkRunsTasksItselfAndCanDestroyThePool) {
  ZARRLOOM_SKIP_FORK_TESTS();
  for (const bool used : {false, true}) {
    auto pool = make_pool(2);
    std::promise<void> go;
    const auto wait = go.get_future().share();
    if (used) pool->post([wait] { wait.wait(); });
    EXPECT_TRUE(testing::true_in_child([&] {
      bool ran = false;
      pool->post([&] { ran = true; });
      const bool alone = pool->concurrency() == 0 && !pool->on_worker_thread();
      pool.reset();
      return ran && alone;
    }));
    go.set_value();
  }
}

TEST(PoolDeathTest, TaskThatThrowsEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH({ make_pool(1)->post([] { throw 1; }); }, "");
  EXPECT_DEATH({ make_inline_executor()->post([] { throw 1; }); }, "");
}

}  // namespace
}  // namespace zarrloom
