// A store that forwards everything; the fakes below it change one thing each.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "zarrloom/stores/store.h"

namespace zarrloom::fakes {

class WrappedStore : public Store {
 public:
  explicit WrappedStore(std::shared_ptr<Store> inner) : inner_(std::move(inner)) {}

 protected:
  const Store& inner() const { return *inner_; }
  const std::shared_ptr<Store>& shared_inner() const { return inner_; }

  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    inner_->read(request, std::move(done));
  }
  void do_write(std::string_view key, ByteView bytes, WriteCondition condition) const override {
    inner_->write(key, bytes, condition);
  }
  void do_erase(std::string_view key) const override { inner_->erase(key); }
  void do_erase_prefix(std::string_view prefix) const override { erase_prefix(*inner_, prefix); }
  std::vector<ListEntry> do_list(std::string_view prefix, ListDepth depth) const override {
    return inner_->list(prefix, depth);
  }
  bool do_exists(std::string_view key) const override { return inner_->exists(key); }
  std::string do_locate(std::string_view key) const override { return inner_->locate(key); }
  StoreCapabilities do_capabilities() const override { return inner_->capabilities(); }

 private:
  std::shared_ptr<Store> inner_;
};

}  // namespace zarrloom::fakes
