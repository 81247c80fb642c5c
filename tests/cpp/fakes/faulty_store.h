// Fails one chosen read or write of the store it wraps.
#pragma once

#include <mutex>
#include <optional>

#include "fakes/wrapped_store.h"

namespace zarrloom::fakes {

class FaultyStore final : public WrappedStore {
 public:
  using WrappedStore::WrappedStore;

  // The n-th from now on (1 = the next) fails, once.
  void fail_read(std::uint64_t n, Failure failure) { reads_.arm(n, std::move(failure)); }
  void fail_write(std::uint64_t n, Failure failure) { writes_.arm(n, std::move(failure)); }

 private:
  class Fault {
   public:
    void arm(std::uint64_t n, Failure failure) {
      const std::lock_guard lock(mutex_);
      left_ = n;
      failure_ = std::move(failure);
    }
    std::optional<Failure> due() {
      const std::lock_guard lock(mutex_);
      if (left_ == 0 || --left_ > 0) return std::nullopt;
      return failure_;
    }

   private:
    std::mutex mutex_;
    std::uint64_t left_ = 0;  // guarded by mutex_; 0: none to come
    Failure failure_;         // guarded by mutex_
  };

  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    if (auto failure = reads_.due()) {
      ReadResult result;
      result.status = ReadResult::Status::failed;
      result.failure = std::move(*failure);
      return done(std::move(result));
    }
    inner().read(request, std::move(done));
  }
  void do_write(std::string_view key, ByteView bytes, WriteCondition condition) const override {
    if (auto failure = writes_.due()) throw Error(std::move(*failure));
    inner().write(key, bytes, condition);
  }

  mutable Fault reads_;
  mutable Fault writes_;
};

}  // namespace zarrloom::fakes
