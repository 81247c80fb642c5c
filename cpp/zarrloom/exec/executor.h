// Where work runs. Implementations: a thread pool, and one that runs everything at once on the
// calling thread (for debugging and for tests that want no threads).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace zarrloom {

class Executor {
 public:
  using Task = std::function<void()>;

  virtual ~Executor() = default;

  // Runs the task some time, on some thread, perhaps before returning. A task must not throw: one
  // that does ends the process. Tasks start in the order in which they were posted.
  void post(Task task);

  // How many tasks can run at one time besides the caller; 0 = post() runs them itself.
  std::size_t concurrency() const { return do_concurrency(); }

  // True on a thread that belongs to this executor.
  bool on_worker_thread() const { return do_on_worker_thread(); }

 private:
  virtual void do_post(Task task) = 0;
  virtual std::size_t do_concurrency() const = 0;
  virtual bool do_on_worker_thread() const = 0;
};

// Threads start with the first post and are fewer if the system grants fewer; if it grants none,
// post() runs the task itself. The destructor runs what was posted and joins.
std::unique_ptr<Executor> make_pool(std::size_t threads);

std::unique_ptr<Executor> make_inline_executor();

}  // namespace zarrloom
