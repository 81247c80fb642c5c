// What all calls of a process share.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "zarrloom/exec/gate.h"

namespace zarrloom {

// Kinds of stores that have a limit of their own to requests in flight.
enum class IoKind { memory, file, http, s3 };
inline constexpr std::size_t kIoKinds = 4;
inline constexpr std::array<std::string_view, kIoKinds> kIoKindNames{"memory", "file", "http",
                                                                     "s3"};

// Requests in flight, by IoKind; 0 = the default.
using IoLimits = std::array<std::size_t, kIoKinds>;

// file: 2 x CPUs and at least 8, but a quarter of the files that may be open. http: 32. s3: 64.
// memory: no limit.
IoLimits with_defaults(IoLimits limits);

class Limits {
 public:
  Limits(std::size_t threads, const IoLimits& io) { set(threads, io); }

  void set(std::size_t threads, const IoLimits& io) {
    cpu_.set_places(threads);
    for (std::size_t kind = 0; kind < kIoKinds; ++kind) io_[kind].set_places(io[kind]);
  }

  Gate& cpu() { return cpu_; }  // for decoding and encoding
  Gate& io(IoKind kind) { return io_[static_cast<std::size_t>(kind)]; }

 private:
  Gate cpu_;
  std::array<Gate, kIoKinds> io_;
};

}  // namespace zarrloom
