// Listing the keys of a sorted map, for stores that know all of theirs.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zarrloom/stores/store.h"

namespace zarrloom {

// What keys below the prefix begin with.
inline std::string below(std::string_view prefix) {
  return prefix.empty() ? std::string() : std::string(prefix) + "/";
}

// As Store::list says. The map is ordered by its keys, std::string.
template <class Map>
std::vector<ListEntry> list_keys(const Map& map, std::string_view prefix, ListDepth depth) {
  const std::string start = below(prefix);
  std::vector<ListEntry> entries;
  auto at = map.lower_bound(start);
  while (at != map.end() && at->first.starts_with(start)) {
    std::string name = at->first.substr(start.size());
    const std::size_t slash = name.find('/');
    const bool is_prefix = depth == ListDepth::one && slash != std::string::npos;
    if (is_prefix) {
      name.resize(slash);
      at = map.lower_bound(start + name + static_cast<char>('/' + 1));  // past all below
    } else {
      ++at;
    }
    entries.push_back({std::move(name), is_prefix});
  }
  std::sort(entries.begin(), entries.end());  // "a.b" lies before "a/c", but not before "a"
  return entries;
}

}  // namespace zarrloom
