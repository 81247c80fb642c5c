// Answers reads after a latency from threads of its own, any number in flight: like a remote store.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "fakes/wrapped_store.h"

namespace zarrloom::fakes {

class SlowStore final : public WrappedStore {
 public:
  SlowStore(std::shared_ptr<Store> inner, std::chrono::nanoseconds latency, int threads = 2)
      : WrappedStore(std::move(inner)), latency_(latency) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([state = state_] { state->answer_until_closed(); });
    }
  }

  // Answers at once what is still waiting. May run on one of its own threads, inside a completion.
  ~SlowStore() override {
    {
      const std::lock_guard lock(state_->mutex);
      state_->closing = true;
    }
    state_->changed.notify_all();
    state_->answer_until_closed();
    for (std::thread& thread : threads_) {
      if (thread.get_id() == std::this_thread::get_id()) {
        thread.detach();
      } else {
        thread.join();
      }
    }
  }

  std::size_t most_in_flight() const {
    const std::lock_guard lock(state_->mutex);
    return state_->most_waiting;
  }

 private:
  using Clock = std::chrono::steady_clock;

  struct Waiting {
    std::shared_ptr<Store> store;
    std::string key;
    ObjectVersion if_version;
    ReadRequest request;  // its key and version are those above, set when asked
    ReadCompletion done;
    std::unique_ptr<OnCancel> on_cancel;
  };

  // Outlives the store where a thread of it is the last to let go.
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::multimap<Clock::time_point, Waiting> waiting;  // guarded by mutex
    std::size_t most_waiting = 0;                       // guarded by mutex
    bool closing = false;                               // guarded by mutex

    void answer_until_closed() {
      std::unique_lock lock(mutex);
      while (true) {
        if (waiting.empty()) {
          if (closing) return;
          changed.wait(lock);
          continue;
        }
        auto found = std::find_if(waiting.begin(), waiting.end(), [](const auto& entry) {
          return entry.second.request.cancel.cancelled();
        });
        if (found == waiting.end()) found = waiting.begin();
        const bool due =
            closing || found->second.request.cancel.cancelled() || found->first <= Clock::now();
        if (!due) {
          const Clock::time_point when = found->first;
          changed.wait_until(lock, when);
        } else {
          auto next = waiting.extract(found);
          lock.unlock();
          answer(next.mapped());
          next = {};
          lock.lock();
        }
      }
    }

    static void answer(Waiting& read) {
      read.request.key = read.key;
      read.request.if_version = read.if_version;
      read.on_cancel.reset();
      read.store->read(read.request, std::move(read.done));
    }
  };

  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    const auto state = state_;  // once answered, the store may be gone before this returns
    const auto wake = [state] {
      {
        const std::lock_guard lock(state->mutex);
      }
      state->changed.notify_all();
    };
    // A request that is cancelled is answered at once.
    auto on_cancel = request.cancel.stop_token().stop_possible()
                         ? std::make_unique<OnCancel>(request.cancel.stop_token(), wake)
                         : nullptr;
    {
      const std::lock_guard lock(state->mutex);
      state->waiting.emplace(
          std::min(Clock::now() + latency_, request.deadline),
          Waiting{shared_inner(), std::string(request.key), ObjectVersion(request.if_version),
                  request, std::move(done), std::move(on_cancel)});
      state->most_waiting = std::max(state->most_waiting, state->waiting.size());
    }
    state->changed.notify_one();
  }

  StoreCapabilities do_capabilities() const override {
    StoreCapabilities capabilities = inner().capabilities();
    capabilities.answers_inline = false;
    return capabilities;
  }

  const std::chrono::nanoseconds latency_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
  std::vector<std::thread> threads_;
};

}  // namespace zarrloom::fakes
