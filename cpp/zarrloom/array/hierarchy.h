// What groups are made of: the nodes below one, and room for new ones.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/array/documents.h"

namespace zarrloom {

struct NodeEntry {
  std::string path;  // in the store
  NodeDocuments documents;
};

// The nodes below a group, by path. `max_depth` 0: its children alone. A child is looked for in its
// group's format first. Folders without metadata are passed over, with all that is in them. The
// levels of the tree come one after another, each with one listing for each group and one round of
// reads, or two where both formats occur. Throws unsupported for a store that cannot list.
std::vector<NodeEntry> read_members(Runtime& runtime, const Store& store, std::string_view path,
                                    int zarr_format, std::optional<int> max_depth,
                                    const InterruptCheck& interrupt = {});

struct NewNode {
  std::string path;
  NodeKind kind = NodeKind::array;
  int zarr_format = 3;
};

struct RoomOptions {
  bool overwrite = false;  // what lies at the new nodes' paths is erased with all below it
  std::optional<std::string> known_group;  // is there, with all that it lies in
  InterruptCheck interrupt = {};
};

// Makes it possible to write those nodes: checks that they do not lie in arrays, erases what they
// replace, makes the groups that they lie in, and erases consolidated metadata of these. Throws
// node_exists and invalid_argument before anything is changed.
void make_room(Runtime& runtime, const Store& store, std::span<const NewNode> nodes,
               const RoomOptions& options = {});

// "there is no array or group; \"a\" is a group with b, c": for error messages. Asks the store.
std::string describe_absence(Runtime& runtime, const Store& store, std::string_view path);

}  // namespace zarrloom
