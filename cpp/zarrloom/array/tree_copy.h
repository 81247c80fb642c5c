// Copies of arrays and groups with all that is below them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/array/group.h"

namespace zarrloom {

// Stored objects are copied as they are. Metadata comes after the chunks, a group's own last: a
// copy that is not complete is no node. Each object is held in memory while it is copied. One
// thread at a time uses it.
class TreeCopy {
 public:
  // Makes room at the target, and lists what is to be copied. Throws node_not_found, node_exists,
  // read_only, invalid_argument where one place lies in the other.
  TreeCopy(const Group& from, std::string_view source, const Group& to, std::string_view target,
           bool overwrite);

  std::size_t total() const { return keys_.size(); }  // objects

  // Copies up to so many objects, in parallel, and tells how many: 0 at the end.
  std::size_t step(std::size_t most, const InterruptCheck& interrupt = {});

 private:
  void copy(const std::string& key) const;

  const std::shared_ptr<Runtime> runtime_;
  const std::shared_ptr<Store> from_, to_;
  const std::string source_, target_;
  std::vector<std::string> keys_;  // below source_: chunks, then metadata from below
  std::size_t chunks_ = 0;         // how many of them are chunks
  std::size_t done_ = 0;
};

}  // namespace zarrloom
