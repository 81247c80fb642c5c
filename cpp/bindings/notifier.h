// How C++ threads tell an event loop that something has happened, without touching Python.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace zarrloom::bindings {

// A descriptor that is readable as long as there is news. One for each event loop.
class Notifier {
 public:
  // Somebody who may have news. Made ahead, so that telling needs no memory.
  class Source {
   public:
    explicit Source(std::uint64_t token) : token_(token) {}

   private:
    friend class Notifier;
    const std::uint64_t token_;
    bool told_ = false;             // guarded by the notifier's mutex
    std::shared_ptr<Source> next_;  // guarded by the notifier's mutex
  };

  Notifier();  // throws storage if the system grants no descriptor
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  int descriptor() const { return descriptor_; }

  // From any thread. News that was not taken yet is not doubled.
  void tell(const std::shared_ptr<Source>& source) noexcept;

  // Tokens of the sources with news, oldest first; the descriptor is not readable after this.
  std::vector<std::uint64_t> take();

 private:
  const int descriptor_;
  std::mutex mutex_;
  std::shared_ptr<Source> latest_;  // guarded by mutex_; a list, newest first
};

}  // namespace zarrloom::bindings
