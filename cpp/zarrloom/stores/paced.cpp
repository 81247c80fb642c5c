// Stores whose requests wait: for a latency that is to be tried out, or for their turn.
#include <cmath>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

#include "zarrloom/exec/timer.h"
#include "zarrloom/exec/token_bucket.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {
namespace {

using Clock = Timer::Clock;
using Pace = std::function<Clock::time_point()>;  // when a request that comes now may go

void wait_until(Clock::time_point when, const CancelToken& cancel) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, cancel.stop_token(), when, [] { return false; });
}

class PacedStore final : public Store {
 public:
  PacedStore(std::shared_ptr<Store> inner, Pace pace, bool far)
      : inner_(std::move(inner)),
        pace_(std::move(pace)),
        far_(far),
        answers_later_(far || !inner_->capabilities().answers_inline) {}

 private:
  struct Waiting {
    std::string key;
    ObjectVersion if_version;
    ReadRequest request;  // its key and version are those above
    ReadCompletion done;
  };

  // What is cancelled or too late by then, the inner store answers by itself.
  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    const Clock::time_point when = std::min(pace_(), request.deadline);
    if (!answers_later_) {
      wait_until(when, request.cancel);
      return inner_->read(request, std::move(done));
    }
    const auto waiting = std::make_shared<Waiting>(Waiting{
        std::string(request.key), ObjectVersion(request.if_version), request, std::move(done)});
    waiting->request.key = waiting->key;
    waiting->request.if_version = waiting->if_version;
    timer_.call_at(when, request.cancel, [inner = inner_, waiting] {
      inner->read(waiting->request, std::move(waiting->done));
    });
  }
  void do_write(std::string_view key, ByteView bytes, WriteCondition condition) const override {
    wait();
    inner_->write(key, bytes, condition);
  }
  void do_erase(std::string_view key) const override {
    wait();
    inner_->erase(key);
  }
  void do_erase_prefix(std::string_view prefix) const override {
    wait();
    erase_prefix(*inner_, prefix);
  }
  std::vector<ListEntry> do_list(std::string_view prefix, ListDepth depth) const override {
    wait();
    return inner_->list(prefix, depth);
  }
  bool do_exists(std::string_view key) const override {
    wait();
    return inner_->exists(key);
  }
  std::string do_locate(std::string_view key) const override { return inner_->locate(key); }
  StoreCapabilities do_capabilities() const override {
    StoreCapabilities capabilities = inner_->capabilities();
    capabilities.answers_inline = !answers_later_;
    if (far_) capabilities.kind = IoKind::s3;
    return capabilities;
  }

  void wait() const { wait_until(pace_(), {}); }

  const std::shared_ptr<Store> inner_;
  const Pace pace_;
  const bool far_;  // seen as object storage
  const bool answers_later_;
  mutable Timer timer_;
};

}  // namespace

std::shared_ptr<Store> make_latency_store(std::shared_ptr<Store> inner,
                                          std::chrono::nanoseconds latency) {
  if (latency.count() < 0) fail(ErrorCode::invalid_argument, "a latency is not below 0");
  return std::make_shared<PacedStore>(
      std::move(inner), [latency] { return Clock::now() + latency; }, true);
}

std::shared_ptr<Store> make_rate_limited_store(std::shared_ptr<Store> inner,
                                               double requests_per_second,
                                               std::optional<double> burst) {
  if (!std::isfinite(requests_per_second) || requests_per_second <= 0) {
    fail(ErrorCode::invalid_argument, "a rate limit is a number of requests a second above 0");
  }
  const double at_once = burst.value_or(std::max(1.0, requests_per_second / 10));
  if (!std::isfinite(at_once) || at_once < 1) {
    fail(ErrorCode::invalid_argument, "a burst is at least 1 request");
  }
  const auto bucket = std::make_shared<TokenBucket>(requests_per_second, at_once);
  return std::make_shared<PacedStore>(
      std::move(inner), [bucket] { return bucket->take(Clock::now()); }, false);
}

}  // namespace zarrloom
