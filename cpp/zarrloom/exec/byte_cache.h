// Things that are kept from call to call, as many as fit into a number of bytes.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace zarrloom {

// Forgets what has not been asked for for the longest time. May be used from any thread.
class ByteCache {
 public:
  using Value = std::shared_ptr<const void>;

  explicit ByteCache(std::size_t cap) : cap_(cap) {}

  Value find(std::string_view name);  // null if it is not there
  // In place of what has the name. What is larger than the cap is not kept.
  void put(std::string_view name, Value value, std::size_t bytes);
  void erase(std::string_view name);

  void set_cap(std::size_t cap);
  std::size_t cap() const;
  std::size_t in_use() const;

 private:
  struct Entry {
    std::string name;
    Value value;
    std::size_t bytes;
  };
  using Entries = std::list<Entry>;

  // Both need mutex_, and give what is to be destroyed when it is free again.
  void take_out(Entries::iterator entry, Entries& gone);
  void fit(Entries& gone);

  mutable std::mutex mutex_;
  std::size_t cap_;         // guarded by mutex_
  std::size_t in_use_ = 0;  // guarded by mutex_
  Entries entries_;         // guarded by mutex_; the one asked for last comes first
  std::unordered_map<std::string_view, Entries::iterator> by_name_;  // guarded by mutex_
};

}  // namespace zarrloom
