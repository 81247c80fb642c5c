// Runs a function in a forked child.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

// ThreadSanitizer supports no threads in the child of a fork of a process with threads.
#if defined(__SANITIZE_THREAD__)
#define ZARRLOOM_SKIP_FORK_TESTS() GTEST_SKIP() << "ThreadSanitizer"
#else
#define ZARRLOOM_SKIP_FORK_TESTS() static_cast<void>(0)
#endif

namespace zarrloom::testing {

// True if `check` returned true in the child; a child that hangs is ended after 20 s.
inline bool true_in_child(const std::function<bool()>& check) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(check() ? 42 : 1);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 42;
}

}  // namespace zarrloom::testing
