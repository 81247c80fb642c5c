// The handle on a group that C++ programs and the bindings use.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "zarrloom/array/array.h"
#include "zarrloom/array/hierarchy.h"

namespace zarrloom {

class Group;
using Node = std::variant<Array, Group>;

// A node that is to be made.
struct NodeSpec {
  std::string path;
  std::variant<GroupMetadata, CreateOptions> what;
};

// Cheap to copy; may be used from many threads at once. Paths are relative to the group. What it
// knows of its nodes comes from the store at each call, unless there is consolidated metadata:
// then this is what was true when it was opened. A change through this handle, or through one that
// came from it, erases the stored consolidated metadata first, so that it is never untrue; from
// then on nodes are looked for in the store.
class Group {
 public:
  // Throws node_not_found, invalid_argument for an array, and what parsing throws.
  static Group open(std::shared_ptr<Store> store, std::string_view path = "",
                    const OpenOptions& options = {});

  // Of documents that were read already.
  static Group from_documents(std::shared_ptr<Store> store, std::string_view path,
                              const NodeDocuments& documents, OpenOptions options = {});

  // Makes the groups that it lies in, too. Throws node_exists if something lies at the path, unless
  // overwrite (then all below it is erased first).
  static Group create(std::shared_ptr<Store> store, std::string_view path,
                      const GroupMetadata& metadata = {}, bool overwrite = false,
                      const OpenOptions& options = {});

  int zarr_format() const;
  const std::string& path() const;
  const std::shared_ptr<Store>& store() const;
  bool read_only() const;
  const OpenOptions& options() const;  // those of the nodes in it

  // nullopt if there is nothing. Throws what parsing throws.
  std::optional<Node> find(std::string_view path) const;
  // Throws node_not_found, which tells what is there.
  Node at(std::string_view path) const;
  bool contains(std::string_view path) const;

  // See read_members; paths are those in the store.
  std::vector<NodeEntry> members(std::optional<int> max_depth = 0,
                                 const InterruptCheck& interrupt = {}) const;
  // Makes no request. Throws what parsing throws.
  Node open_member(const NodeEntry& entry) const;

  // All throw read_only.
  Array create_array(std::string_view path, const CreateOptions& create, bool overwrite = false,
                     const WriteOptions& write = {}) const;
  Group create_group(std::string_view path, const Json& attributes = Json::Object{},
                     bool overwrite = false) const;
  // Many at once: checked together, then written in parallel. In the order of the specifications.
  std::vector<Node> create_nodes(const std::vector<NodeSpec>& specs, bool overwrite = false,
                                 const InterruptCheck& interrupt = {}) const;
  // With all that is below. Throws node_not_found.
  void erase(std::string_view path) const;

  // The stored attributes as they are now, and their replacement as a whole.
  Json read_attributes() const;
  void write_attributes(const Json& attributes) const;

  // Stores consolidated metadata of all that is below by now; the result uses it. Throws
  // unsupported if formats are mixed.
  Group consolidate(const InterruptCheck& interrupt = {}) const;
  // Takes in the consolidated metadata that is stored by now.
  void refresh() const;
  bool is_consolidated() const;  // nodes come from consolidated metadata

  void check_writable() const;  // throws read_only
  // To be called before metadata below this group is changed.
  void forget_consolidated() const;

 private:
  struct State;
  explicit Group(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  static Group of(std::shared_ptr<Store> store, std::string_view path, int zarr_format,
                  OpenOptions options);
  NodeDocuments read_documents() const;
  std::shared_ptr<const State> state_;
};

// Whatever lies there. Throws node_not_found, which tells what is there instead.
Node open_node(std::shared_ptr<Store> store, std::string_view path = "",
               const OpenOptions& options = {});

// Group::create_nodes below any path of a store.
std::vector<Node> create_hierarchy(std::shared_ptr<Store> store, std::string_view path,
                                   const std::vector<NodeSpec>& specs, bool overwrite,
                                   const OpenOptions& options,
                                   const InterruptCheck& interrupt = {});

}  // namespace zarrloom
