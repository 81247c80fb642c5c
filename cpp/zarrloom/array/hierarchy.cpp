#include "zarrloom/array/hierarchy.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "zarrloom/array/consolidated.h"
#include "zarrloom/array/requests.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

// ---- Members ----

struct Level {
  std::vector<std::string> groups;
  int zarr_format;
};

std::vector<std::string> children_of(const Store& store, std::string_view group) {
  std::vector<std::string> paths;
  for (const ListEntry& entry : store.list(group, ListDepth::one)) {
    if (!entry.is_prefix || entry.name.starts_with("__")) continue;
    if (entry.name.find_first_not_of('.') == std::string::npos) continue;
    paths.push_back(join_key(group, entry.name));
  }
  return paths;
}

// The children of groups of one format.
void read_children(Runtime& runtime, const Store& store, const Level& level,
                   std::vector<NodeEntry>& found, const InterruptCheck& interrupt) {
  std::vector<std::vector<std::string>> listed(level.groups.size());
  for_each_waiting(
      runtime, store, listed.size(),
      [&](std::size_t i) { listed[i] = children_of(store, level.groups[i]); }, interrupt);
  std::vector<std::string> paths;
  for (const auto& children : listed) paths.insert(paths.end(), children.begin(), children.end());
  auto nodes =
      read_nodes(runtime, store, paths, {.first = level.zarr_format, .interrupt = interrupt});
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (nodes[i]) found.push_back({std::move(paths[i]), std::move(*nodes[i])});
  }
}

// ---- Room ----

enum class Presence { nothing, group, array, unreadable };

struct Place {
  Presence presence = Presence::nothing;
  bool has_v3 = false;  // consolidated metadata in zarr.json
  bool has_v2 = false;  // .zmetadata
};

void look_into(const Bytes& zarr_json, Place& place) {
  try {
    const NodeDocuments node = v3_documents(parse_json(as_text(zarr_json.view())));
    place.presence = node.kind == NodeKind::array ? Presence::array : Presence::group;
    place.has_v3 = !node.consolidated.is_null();
  } catch (const Error&) {
    place.presence = Presence::unreadable;  // it may still be overwritten
  }
}

std::map<std::string, Place> look_at(Runtime& runtime, const Store& store,
                                     const std::set<std::string>& paths,
                                     const InterruptCheck& interrupt) {
  static constexpr std::array kNames{kV3Name, kV2ArrayName, kV2GroupName, kV2ConsolidatedName};
  std::vector<std::string> keys;
  for (const std::string& path : paths) {
    for (const std::string_view name : kNames) keys.push_back(join_key(path, name));
  }
  const auto objects = read_objects(runtime, store, keys, interrupt);
  std::map<std::string, Place> places;
  auto object = objects.begin();
  for (const std::string& path : paths) {
    Place place;
    if (object[2]) place.presence = Presence::group;
    if (object[1]) place.presence = Presence::array;
    if (object[0]) look_into(*object[0], place);
    place.has_v2 = object[3].has_value();
    places.emplace(path, place);
    object += kNames.size();
  }
  return places;
}

// True if that group is there by what the caller knows.
bool is_known(const RoomOptions& options, const std::string& group) {
  if (!options.known_group) return false;
  const std::string& known = *options.known_group;
  return group.empty() || known == group || known.starts_with(group + "/");
}

[[noreturn]] void fail_in_array(const Store& store, const std::string& path,
                                const std::string& array) {
  fail(ErrorCode::invalid_argument,
       store.locate(path) + ": \"" + array + "\" is an array, and nothing can lie in an array");
}

class Room {
 public:
  Room(Runtime& runtime, const Store& store, std::span<const NewNode> nodes,
       const RoomOptions& options)
      : runtime_(runtime), store_(store), options_(options) {
    for (const NewNode& node : nodes) {
      check_path(node.path);
      check_format(node.zarr_format);
      if (!nodes_.emplace(node.path, node).second) {
        fail(ErrorCode::invalid_argument, "the path \"" + node.path + "\" is given twice");
      }
    }
  }

  void make() {
    find_parents();
    std::set<std::string> paths;
    for (const auto& [path, format] : parents_) paths.insert(path);
    for (const auto& [path, node] : nodes_) paths.insert(path);
    places_ = look_at(runtime_, store_, paths, options_.interrupt);
    check();
    forget_consolidated();
    erase();
    write_parents();
  }

 private:
  void find_parents() {
    for (const auto& [path, node] : nodes_) {
      for (std::string& parent : ancestors(path)) {
        const auto other = nodes_.find(parent);
        if (other != nodes_.end() && other->second.kind == NodeKind::array) {
          fail_in_array(store_, path, parent);
        }
        if (other == nodes_.end() && !is_known(options_, parent)) {
          parents_.emplace(std::move(parent), node.zarr_format);
        }
      }
    }
  }

  void check() const {
    for (const auto& [path, node] : nodes_) {
      for (const std::string& parent : ancestors(path)) {
        const auto place = places_.find(parent);
        if (place == places_.end() || nodes_.contains(parent)) continue;
        if (place->second.presence == Presence::array) fail_in_array(store_, path, parent);
      }
      if (options_.overwrite || places_.at(path).presence == Presence::nothing) continue;
      fail(ErrorCode::node_exists,
           store_.locate(path) + ": something is here already; overwrite=true would erase it");
    }
  }

  void forget_consolidated() const {
    for (const auto& [path, format] : parents_) {
      const Place& place = places_.at(path);
      if (place.has_v2) erase_consolidated(runtime_, store_, path, 2);
      if (place.has_v3) erase_consolidated(runtime_, store_, path, 3);
    }
    for (const int format : {2, 3}) forget_above_root(runtime_, store_, format);
  }

  void erase() const {
    std::vector<std::string> old;
    for (const auto& [path, node] : nodes_) {
      if (places_.at(path).presence != Presence::nothing) old.push_back(path);
    }
    for_each_waiting(runtime_, store_, old.size(),
                     [&](std::size_t i) { erase_prefix(store_, old[i]); });
  }

  // From the root on, so that what is there at any time can be reached.
  void write_parents() const {
    for (const auto& [path, format] : parents_) {
      if (places_.at(path).presence != Presence::nothing) continue;
      write_node(store_, path, documents_of(GroupMetadata{.zarr_format = format}));
    }
  }

  Runtime& runtime_;
  const Store& store_;
  const RoomOptions& options_;
  std::map<std::string, NewNode> nodes_;
  std::map<std::string, int> parents_;  // not among the new ones: the format in which to make them
  std::map<std::string, Place> places_;
};

std::string shown_children(const Store& store, std::string_view group) {
  constexpr std::size_t kShown = 10;
  if (!store.capabilities().listable) return "";
  const std::vector<std::string> children = children_of(store, group);
  if (children.empty()) return " with nothing in it";
  std::string text = " with ";
  for (std::size_t i = 0; i < std::min(children.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + children[i].substr(group.empty() ? 0 : group.size() + 1);
  }
  if (children.size() > kShown)
    text += ", and " + std::to_string(children.size() - kShown) + " more";
  return text;
}

}  // namespace

std::vector<NodeEntry> read_members(Runtime& runtime, const Store& store, std::string_view path,
                                    int zarr_format, std::optional<int> max_depth,
                                    const InterruptCheck& interrupt) {
  std::vector<NodeEntry> members;
  std::array<Level, 2> level{Level{{}, 2}, Level{{}, 3}};
  level[zarr_format == 3 ? 1 : 0].groups.emplace_back(path);
  for (int depth = 0; !max_depth || depth <= *max_depth; ++depth) {
    std::vector<NodeEntry> found;
    for (Level& part : level) {
      if (!part.groups.empty()) read_children(runtime, store, part, found, interrupt);
      part.groups.clear();
    }
    if (found.empty()) break;
    for (const NodeEntry& entry : found) {
      if (entry.documents.kind != NodeKind::group) continue;
      level[entry.documents.zarr_format == 3 ? 1 : 0].groups.push_back(entry.path);
    }
    std::move(found.begin(), found.end(), std::back_inserter(members));
  }
  std::sort(members.begin(), members.end(),
            [](const NodeEntry& a, const NodeEntry& b) { return a.path < b.path; });
  return members;
}

void make_room(Runtime& runtime, const Store& store, std::span<const NewNode> nodes,
               const RoomOptions& options) {
  Room(runtime, store, nodes, options).make();
}

std::string describe_absence(Runtime& runtime, const Store& store, std::string_view path) {
  const std::string nothing = "there is no array or group here";
  const std::vector<std::string> above = ancestors(path);
  if (above.empty()) return nothing;
  const auto places =
      look_at(runtime, store, std::set<std::string>(above.begin(), above.end()), {});
  for (auto at = above.rbegin(); at != above.rend(); ++at) {
    const Presence presence = places.at(*at).presence;
    if (presence == Presence::nothing) continue;
    const std::string name = "\"" + *at + "\"";
    if (presence == Presence::array) return nothing + "; " + name + " is an array";
    if (presence == Presence::unreadable) return nothing + "; " + name + " cannot be read";
    return nothing + "; " + name + " is a group" + shown_children(store, *at);
  }
  return nothing + ", nor anything that it could lie in";
}

}  // namespace zarrloom
