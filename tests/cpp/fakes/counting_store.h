// Counts what reaches the store it wraps.
#pragma once

#include <atomic>
#include <cstdint>

#include "fakes/wrapped_store.h"

namespace zarrloom::fakes {

class CountingStore final : public WrappedStore {
 public:
  using WrappedStore::WrappedStore;

  std::uint64_t reads() const { return reads_; }
  std::uint64_t writes() const { return writes_; }
  std::uint64_t erases() const { return erases_; }
  std::uint64_t lists() const { return lists_; }
  std::uint64_t exists_calls() const { return exists_; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t bytes_written() const { return bytes_written_; }
  std::uint64_t calls() const { return reads_ + writes_ + erases_ + lists_ + exists_; }

 private:
  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    ++reads_;
    inner().read(request, [this, done = std::move(done)](ReadResult result) {
      bytes_read_ += result.bytes.size();
      done(std::move(result));
    });
  }
  void do_write(std::string_view key, ByteView bytes, WriteCondition condition) const override {
    ++writes_;
    bytes_written_ += bytes.size();
    inner().write(key, bytes, condition);
  }
  void do_erase(std::string_view key) const override {
    ++erases_;
    inner().erase(key);
  }
  void do_erase_prefix(std::string_view prefix) const override {
    ++erases_;
    erase_prefix(inner(), prefix);
  }
  std::vector<ListEntry> do_list(std::string_view prefix, ListDepth depth) const override {
    ++lists_;
    return inner().list(prefix, depth);
  }
  bool do_exists(std::string_view key) const override {
    ++exists_;
    return inner().exists(key);
  }

  mutable std::atomic<std::uint64_t> reads_{0}, writes_{0}, erases_{0}, lists_{0}, exists_{0};
  mutable std::atomic<std::uint64_t> bytes_read_{0}, bytes_written_{0};
};

}  // namespace zarrloom::fakes
