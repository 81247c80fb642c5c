#include "zarrloom/exec/recorder.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace zarrloom {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::uint64_t thread_number() {
  thread_local const auto number = static_cast<std::uint64_t>(syscall(SYS_gettid));
  return number;
}

void raise_to(std::atomic<std::uint64_t>& most, std::uint64_t value) {
  std::uint64_t now = most.load(kRelaxed);
  while (now < value && !most.compare_exchange_weak(now, value, kRelaxed)) {
  }
}

}  // namespace

Recorder::Shard& Recorder::shard() {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t mine = threads.fetch_add(1, kRelaxed);
  return shards_[mine % shards_.size()];
}

void Recorder::add(Stage stage, Clock::time_point begin, Clock::time_point end, std::uint64_t bytes,
                   std::string_view key) {
  const auto took = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count());
  OfStage& sums = shard().stages[static_cast<std::size_t>(stage)];
  sums.count.fetch_add(1, kRelaxed);
  sums.nanoseconds.fetch_add(took, kRelaxed);
  sums.bytes.fetch_add(bytes, kRelaxed);
  raise_to(sums.longest, took);
  if (!tracing_.load(kRelaxed)) return;
  const Span span{stage, begin, end, bytes, thread_number(), std::string(key)};
  const std::lock_guard lock(mutex_);
  for (const auto& trace : traces_) trace->add(span);
}

void Recorder::add(Count count) {
  shard().counts[static_cast<std::size_t>(count)].fetch_add(1, kRelaxed);
}

void Recorder::add_failure(ErrorCode code) {
  shard().failures[static_cast<std::size_t>(code)].fetch_add(1, kRelaxed);
}

Stats Recorder::stats() const {
  Stats sum;
  for (const Shard& shard : shards_) {
    for (std::size_t i = 0; i < sum.stages.size(); ++i) {
      sum.stages[i].count += shard.stages[i].count.load(kRelaxed);
      sum.stages[i].nanoseconds += shard.stages[i].nanoseconds.load(kRelaxed);
      sum.stages[i].bytes += shard.stages[i].bytes.load(kRelaxed);
      sum.stages[i].longest =
          std::max(sum.stages[i].longest, shard.stages[i].longest.load(kRelaxed));
    }
    for (std::size_t i = 0; i < sum.counts.size(); ++i)
      sum.counts[i] += shard.counts[i].load(kRelaxed);
    for (std::size_t i = 0; i < sum.failures.size(); ++i) {
      sum.failures[i] += shard.failures[i].load(kRelaxed);
    }
  }
  return sum;
}

std::shared_ptr<Recorder::Trace> Recorder::start_trace(std::size_t most) {
  const auto trace = std::make_shared<Trace>(most);
  const std::lock_guard lock(mutex_);
  traces_.push_back(trace);
  tracing_ = true;
  return trace;
}

void Recorder::stop_trace(const std::shared_ptr<Trace>& trace) {
  const std::lock_guard lock(mutex_);
  std::erase(traces_, trace);
  tracing_ = !traces_.empty();
}

void Recorder::Trace::add(const Span& span) {
  const std::lock_guard lock(mutex_);
  if (spans_.size() < most_) {
    spans_.push_back(span);
  } else {
    ++left_out_;
  }
}

std::vector<Span> Recorder::Trace::spans() const {
  const std::lock_guard lock(mutex_);
  return spans_;
}

std::uint64_t Recorder::Trace::left_out() const {
  const std::lock_guard lock(mutex_);
  return left_out_;
}

}  // namespace zarrloom
