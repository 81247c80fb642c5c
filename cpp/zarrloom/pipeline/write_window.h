// Writes that run behind their caller, in bounded memory: what chunk writers and append streams
// share.
#pragma once

#include <functional>
#include <memory>

#include "zarrloom/base/cancel.h"
#include "zarrloom/exec/runtime.h"

namespace zarrloom {

// For one calling thread at a time. Whoever waits here waits for jobs of its own only; an interrupt
// ends the waiting, not the jobs, with Error{cancelled}.
class WriteWindow {
 public:
  // `parallel`: jobs that run at one time. 1 = each on the calling thread; 0 = the runtime's
  // threads.
  WriteWindow(std::shared_ptr<Runtime> runtime, std::size_t parallel);
  ~WriteWindow();  // waits for the jobs
  WriteWindow(const WriteWindow&) = delete;
  WriteWindow& operator=(const WriteWindow&) = delete;

  // Throws in the child of a fork, which has none of the jobs. Ask before taking a lock that a job
  // takes.
  void check_process() const;
  bool from_before_fork() const;

  // Bytes of the runtime's budget, for one more job; waits for jobs to end until there is place.
  // With no job left the bytes are granted above the budget too.
  ByteBudget::Lease acquire(std::size_t bytes, const InterruptCheck& interrupt = {});

  // The job must not throw. What it holds is dropped before it counts as finished.
  void post(std::function<void()> job);

  // Waits until `enough` is true, which is asked under no lock after every job that ends, or no job
  // is left.
  void wait_until(const std::function<bool()>& enough, const InterruptCheck& interrupt = {});
  void wait_all(const InterruptCheck& interrupt = {});

 private:
  struct State;
  const std::shared_ptr<Runtime> runtime_;
  const std::shared_ptr<Executor> executor_;
  const bool runs_here_;
  const std::size_t most_;
  std::shared_ptr<State> state_;  // shared with the jobs
};

}  // namespace zarrloom
