#include "zarrloom/array/consolidated.h"

#include <utility>

#include "zarrloom/array/document.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

constexpr std::string_view kMember = "consolidated_metadata";

Json inline_document(Json::Object nodes) {
  return Json::Object{
      {"kind", "inline"}, {"must_understand", false}, {"metadata", std::move(nodes)}};
}

const Json::Object& members_of(const Json& document) {
  const Json& metadata = required_member(document, "metadata");
  if (metadata.as_object() == nullptr) fail_member("metadata", "an object", metadata);
  return *metadata.as_object();
}

NodeMap parse_v3(std::string_view path, const Json& document) {
  const Json& kind = required_member(document, "kind");
  if (kind != Json("inline")) {
    fail(ErrorCode::unsupported,
         "consolidated metadata of kind " + write_json(kind, 0) + " is not known; known is inline");
  }
  NodeMap nodes;
  for (const auto& [name, metadata] : members_of(document)) {
    check_path(name);
    NodeDocuments node = v3_documents(metadata);
    node.consolidated = {};
    nodes.emplace(join_key(path, name), std::move(node));
  }
  return nodes;
}

// "a/b/.zarray" is the member .zarray of "a/b". Attributes without a node are left out at the end.
void take_v2_member(std::string_view path, const std::string& key, const Json& value,
                    NodeMap& nodes, std::map<std::string, Json>& attributes) {
  const std::size_t slash = key.rfind('/');
  const std::string name = slash == std::string::npos ? key : key.substr(slash + 1);
  const std::string below = slash == std::string::npos ? "" : key.substr(0, slash);
  check_path(below);
  const std::string at = join_key(path, below);
  if (name == kV2AttributesName) attributes.emplace(at, value);
  if (name != kV2ArrayName && name != kV2GroupName) return;
  NodeDocuments node{.kind = name == kV2ArrayName ? NodeKind::array : NodeKind::group,
                     .zarr_format = 2};
  node.metadata = value;
  if (node.kind == NodeKind::array) {
    nodes.insert_or_assign(at, std::move(node));
  } else {
    nodes.emplace(at, std::move(node));
  }
}

NodeMap parse_v2(std::string_view path, const Json& document) {
  const Json& format = required_member(document, "zarr_consolidated_format");
  if (format != Json(1)) {
    fail(ErrorCode::unsupported,
         "zarr_consolidated_format " + write_json(format, 0) + " is not known; known is 1");
  }
  NodeMap nodes;
  std::map<std::string, Json> attributes;
  for (const auto& [key, value] : members_of(document)) {
    take_v2_member(path, key, value, nodes, attributes);
  }
  for (auto& [at, value] : attributes) {
    const auto node = nodes.find(at);
    if (node != nodes.end()) node->second.attributes = std::move(value);
  }
  nodes.erase(std::string(path));  // the group itself has its own documents
  return nodes;
}

std::string relative(std::string_view path, const std::string& full) {
  return path.empty() ? full : full.substr(path.size() + 1);
}

void add_v2_members(const std::string& below, const NodeDocuments& node, Json::Object& members) {
  members.emplace_back(metadata_key(below, node.kind, 2), node.metadata);
  members.emplace_back(join_key(below, kV2AttributesName),
                       node.attributes.is_null() ? Json(Json::Object{}) : node.attributes);
}

// Whether a group's consolidated metadata has a document of that node, or cannot be understood.
bool tells_of(std::string_view group, const NodeDocuments& documents, const std::string& path) {
  if (documents.consolidated.is_null()) return false;
  try {
    return parse_consolidated(group, documents.zarr_format, documents.consolidated).contains(path);
  } catch (const Error&) {
    return true;
  }
}

// Of groups; what is none, or cannot be read, tells of nothing.
std::vector<std::optional<NodeDocuments>> read_groups(Runtime& runtime, const Store& store,
                                                      const std::vector<std::string>& paths,
                                                      int zarr_format) {
  const LookUp look_up{.first = zarr_format, .only = true, .consolidated = true};
  std::vector<std::optional<NodeDocuments>> groups;
  try {
    groups = read_nodes(runtime, store, paths, look_up);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt_metadata) throw;
    if (paths.size() == 1) return std::vector<std::optional<NodeDocuments>>(1);
    for (const std::string& path : paths) {
      groups.push_back(std::move(read_groups(runtime, store, {path}, zarr_format).front()));
    }
  }
  for (auto& group : groups) {
    if (group && group->kind != NodeKind::group) group.reset();
  }
  return groups;
}

constexpr std::string_view kFile = "file://";

// The folders around a file store's root, from the innermost on; none of another store.
std::vector<std::string> folders_around(const Store& store) {
  std::string place = store.locate("");
  std::vector<std::string> folders;
  if (!place.starts_with(kFile)) return folders;
  place.erase(0, kFile.size());
  for (std::size_t slash = place.rfind('/'); slash != std::string::npos && place.size() > 1;
       slash = place.rfind('/')) {
    place.resize(slash);
    folders.push_back(place.empty() ? "/" : place);
  }
  return folders;
}

}  // namespace

NodeMap parse_consolidated(std::string_view path, int zarr_format, const Json& document) {
  return zarr_format == 3 ? parse_v3(path, document) : parse_v2(path, document);
}

Json write_consolidated(std::string_view path, const NodeDocuments& group, const NodeMap& nodes) {
  Json::Object members;
  if (group.zarr_format == 2) add_v2_members("", group, members);
  for (const auto& [full, node] : nodes) {
    if (node.zarr_format != group.zarr_format) {
      fail(ErrorCode::unsupported,
           "\"" + full + "\" has format " + std::to_string(node.zarr_format) +
               ": consolidated metadata of format " + std::to_string(group.zarr_format) +
               " cannot tell of it, and would hide it");
    }
    const std::string below = relative(path, full);
    if (group.zarr_format == 2) {
      add_v2_members(below, node, members);
      continue;
    }
    Json document = node.metadata;
    // zarr-python has it so: one document tells of all nodes.
    if (node.kind == NodeKind::group) document.set(kMember, inline_document({}));
    members.emplace_back(below, std::move(document));
  }
  if (group.zarr_format == 3) return inline_document(std::move(members));
  return Json::Object{{"zarr_consolidated_format", 1}, {"metadata", std::move(members)}};
}

void Consolidated::use(std::shared_ptr<const NodeMap> nodes) {
  const std::lock_guard lock(mutex_);
  nodes_ = std::move(nodes);
  known_ = true;
}

std::shared_ptr<const NodeMap> Consolidated::nodes() const {
  const std::lock_guard lock(mutex_);
  return nodes_;
}

void Consolidated::forget_outer(Runtime& runtime, const Store& store) {
  if (outer_) {
    outer_->forget(runtime, store);
  } else {
    forget_around(runtime, store, path_, zarr_format_);
  }
}

void Consolidated::forget(Runtime& runtime, const Store& store) {
  forget_outer(runtime, store);
  if (!known_) return;
  // Every time, and not the first time alone: somebody else may have written a new one.
  erase_consolidated(runtime, store, path_, zarr_format_);
  const std::lock_guard lock(mutex_);
  nodes_ = nullptr;
}

void forget_around(Runtime& runtime, const Store& store, std::string_view path, int zarr_format) {
  const std::string node(path);
  const std::vector<std::string> inside = ancestors(path);
  const auto groups = read_groups(runtime, store, inside, zarr_format);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (!groups[i] || !tells_of(inside[i], *groups[i], node)) continue;
    erase_consolidated(runtime, store, inside[i], zarr_format);
  }
  forget_above_root(runtime, store, zarr_format);
}

void forget_above_root(Runtime& runtime, const Store& store, int zarr_format) {
  for (const std::string& folder : folders_around(store)) {
    const std::shared_ptr<Store> around = make_file_store(folder);
    std::optional<NodeDocuments> group;
    try {
      group = std::move(read_groups(runtime, *around, {""}, zarr_format).front());
    } catch (const Error&) {
      return;  // a folder that is not ours to read
    }
    if (!group) return;
    if (group->consolidated.is_null()) continue;
    erase_consolidated(runtime, *around, "", zarr_format);
  }
}

void erase_consolidated(Runtime& runtime, const Store& store, std::string_view path,
                        int zarr_format) {
  if (zarr_format == 2) return store.erase(join_key(path, kV2ConsolidatedName));
  const auto lock = runtime.locks().lock(store.locate(join_key(path, kV3Name)));
  std::optional<NodeDocuments> group = read_node(runtime, store, path, {.first = 3, .only = true});
  if (!group || group->consolidated.is_null()) return;
  group->consolidated = {};
  write_node(store, path, *group);
}

}  // namespace zarrloom
