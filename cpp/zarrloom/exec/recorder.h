// What was done and how long it took: always counted, and written down one by one on request.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/base/error.h"

namespace zarrloom {

enum class Stage {
  queue,  // waiting for a place, or for a thread that decodes what has arrived
  io,     // reading from a store
  decode,
  encode,
  write,     // writing to a store
  function,  // the caller's own, on a chunk
};
inline constexpr std::array<std::string_view, 6> kStageNames{"queue",  "io",    "decode",
                                                             "encode", "write", "function"};

enum class Count { missing_chunks, cache_hits, retries };
inline constexpr std::array<std::string_view, 3> kCountNames{"missing_chunks", "cache_hits",
                                                             "retries"};

struct Stats {
  struct OfStage {
    std::uint64_t count = 0;
    std::uint64_t nanoseconds = 0;
    std::uint64_t longest = 0;  // nanoseconds
    std::uint64_t bytes = 0;    // stored ones (io, write) or decoded ones (decode, encode)
  };
  std::array<OfStage, kStageNames.size()> stages;
  std::array<std::uint64_t, kCountNames.size()> counts{};
  std::array<std::uint64_t, static_cast<std::size_t>(ErrorCode::internal) + 1>
      failures{};  // by code
};

struct Span {
  Stage stage;
  std::chrono::steady_clock::time_point begin;
  std::chrono::steady_clock::time_point end;
  std::uint64_t bytes;
  std::uint64_t thread;  // the system's number
  std::string key;       // of the stored object, "" where there is none
};

class Recorder {
 public:
  using Clock = std::chrono::steady_clock;

  // Spans from when it is made until it is taken, the first `most` of them.
  class Trace {
   public:
    explicit Trace(std::size_t most) : most_(most) {}
    std::vector<Span> spans() const;
    std::uint64_t left_out() const;

   private:
    friend class Recorder;
    void add(const Span& span);
    const std::size_t most_;
    mutable std::mutex mutex_;
    std::vector<Span> spans_;     // guarded by mutex_
    std::uint64_t left_out_ = 0;  // guarded by mutex_
  };

  void add(Stage stage, Clock::time_point begin, Clock::time_point end, std::uint64_t bytes,
           std::string_view key);
  void add(Count count);
  void add_failure(ErrorCode code);

  Stats stats() const;  // since the process began

  // Several may run at one time.
  std::shared_ptr<Trace> start_trace(std::size_t most);
  void stop_trace(const std::shared_ptr<Trace>& trace);

 private:
  struct OfStage {
    std::atomic<std::uint64_t> count{0}, nanoseconds{0}, longest{0}, bytes{0};
  };
  // Threads count in different ones, so that they do not fight for cache lines.
  struct alignas(128) Shard {
    std::array<OfStage, kStageNames.size()> stages;
    std::array<std::atomic<std::uint64_t>, kCountNames.size()> counts{};
    std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(ErrorCode::internal) + 1>
        failures{};
  };
  Shard& shard();

  std::array<Shard, 8> shards_;
  std::atomic<bool> tracing_{false};
  std::mutex mutex_;
  std::vector<std::shared_ptr<Trace>> traces_;  // guarded by mutex_
};

}  // namespace zarrloom
