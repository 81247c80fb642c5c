#include "zarrloom/exec/executor.h"

namespace zarrloom {
namespace {

class InlineExecutor final : public Executor {
  // noexcept: a task that throws ends the process, as it does in the pool.
  void do_post(Task task) noexcept override { task(); }
  std::size_t do_concurrency() const override { return 0; }
  bool do_on_worker_thread() const override { return false; }
};

}  // namespace

std::unique_ptr<Executor> make_inline_executor() { return std::make_unique<InlineExecutor>(); }

}  // namespace zarrloom
