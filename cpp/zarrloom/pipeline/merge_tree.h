// Merging things that are made in any order, always in the same way.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

namespace zarrloom {

// Leaf i of a column is merged with its neighbour i ^ 1, their result with its neighbour, and so on
// to the top: the same tree whoever comes first. Whoever brings the second of two neighbours merges
// them, so that nobody waits. If leaves are started in order, at most log2(leaves) things lie here
// for each one that is being made, and for what is done.
template <typename Thing>
class MergeTree {
 public:
  explicit MergeTree(std::int64_t leaves) : leaves_(leaves) {}  // of each column

  // Merges as far as it goes; called from many threads. merge(a, b) takes b, which comes later
  // and is of no use afterwards, into a. True: `thing` is now the whole column.
  template <typename Merge>
  bool put(std::int64_t column, std::int64_t leaf, Thing& thing, const Merge& merge) {
    std::int64_t width = leaves_;
    for (int level = 0; width > 1; ++level, leaf /= 2, width = (width + 1) / 2) {
      const std::int64_t neighbour = leaf ^ 1;
      if (neighbour >= width) continue;
      Thing other;
      if (!take_or_leave({column, level, neighbour}, {column, level, leaf}, thing, other)) {
        return false;
      }
      if (neighbour < leaf) std::swap(thing, other);
      merge(thing, other);
    }
    return true;
  }

 private:
  using Key = std::tuple<std::int64_t, int, std::int64_t>;

  // Takes the neighbour if it is there, else leaves the thing in its own place.
  bool take_or_leave(const Key& neighbour, const Key& own, Thing& thing, Thing& other) {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(neighbour);
    if (found == waiting_.end()) {
      waiting_.emplace(own, std::move(thing));
      return false;
    }
    other = std::move(found->second);
    waiting_.erase(found);
    return true;
  }

  const std::int64_t leaves_;
  std::mutex mutex_;
  std::map<Key, Thing> waiting_;  // guarded by mutex_; by column, level and number in the level
};

}  // namespace zarrloom
