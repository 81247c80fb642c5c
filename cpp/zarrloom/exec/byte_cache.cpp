#include "zarrloom/exec/byte_cache.h"

#include <utility>

namespace zarrloom {

ByteCache::Value ByteCache::find(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->value;
}

void ByteCache::put(std::string_view name, Value value, std::size_t bytes) {
  Entries entry;
  entry.push_back({std::string(name), std::move(value), bytes});
  Entries gone;
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) take_out(found->second, gone);
  if (bytes > cap_) return;
  by_name_.emplace(entry.front().name, entry.begin());
  entries_.splice(entries_.begin(), entry);
  in_use_ += bytes;
  fit(gone);
}

void ByteCache::erase(std::string_view name) {
  Entries gone;
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) take_out(found->second, gone);
}

void ByteCache::set_cap(std::size_t cap) {
  Entries gone;
  const std::lock_guard lock(mutex_);
  cap_ = cap;
  fit(gone);
}

std::size_t ByteCache::cap() const {
  const std::lock_guard lock(mutex_);
  return cap_;
}

std::size_t ByteCache::in_use() const {
  const std::lock_guard lock(mutex_);
  return in_use_;
}

void ByteCache::take_out(Entries::iterator entry, Entries& gone) {
  by_name_.erase(entry->name);
  in_use_ -= entry->bytes;
  gone.splice(gone.begin(), entries_, entry);
}

void ByteCache::fit(Entries& gone) {
  while (in_use_ > cap_) take_out(std::prev(entries_.end()), gone);
}

}  // namespace zarrloom
