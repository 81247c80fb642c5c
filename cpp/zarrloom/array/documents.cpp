#include "zarrloom/array/documents.h"

#include <algorithm>
#include <array>
#include <utility>

#include "zarrloom/array/document.h"
#include "zarrloom/array/requests.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

constexpr std::string_view kConsolidated = "consolidated_metadata";
constexpr JsonOptions kLenient{.allow_nan = true};  // format 2

// What `work` throws begins with the object's full name.
template <typename Work>
auto located(const Store& store, std::string_view key, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    throw Error(with_context(error.failure(), store.locate(key)));
  }
}

std::span<const std::string_view> names_of(int zarr_format, bool consolidated) {
  static constexpr std::array<std::string_view, 1> kV3{kV3Name};
  static constexpr std::array<std::string_view, 4> kV2{kV2ArrayName, kV2GroupName,
                                                       kV2AttributesName, kV2ConsolidatedName};
  if (zarr_format == 3) return kV3;
  return std::span<const std::string_view>(kV2).first(consolidated ? 4 : 3);
}

Json parsed(const Store& store, std::string_view path, std::string_view name,
            const std::optional<Bytes>& bytes, JsonOptions options = kLenient) {
  if (!bytes) return {};
  const std::string key = join_key(path, name);
  return located(store, key, [&] { return parse_json(as_text(bytes->view()), options); });
}

std::optional<NodeDocuments> v2_documents(const Store& store, std::string_view path,
                                          std::span<const std::optional<Bytes>> objects) {
  NodeDocuments node;
  node.zarr_format = 2;
  if (!objects[0] && !objects[1]) return std::nullopt;
  node.kind = objects[0] ? NodeKind::array : NodeKind::group;
  const std::string_view name = objects[0] ? kV2ArrayName : kV2GroupName;
  node.metadata = parsed(store, path, name, objects[objects[0] ? 0 : 1]);
  node.attributes = parsed(store, path, kV2AttributesName, objects[2]);
  if (objects.size() > 3 && node.kind == NodeKind::group) {
    node.consolidated = parsed(store, path, kV2ConsolidatedName, objects[3]);
  }
  return node;
}

std::optional<NodeDocuments> assembled(const Store& store, std::string_view path, int zarr_format,
                                       std::span<const std::optional<Bytes>> objects) {
  if (zarr_format == 2) return v2_documents(store, path, objects);
  if (!objects[0]) return std::nullopt;
  Json document = parsed(store, path, kV3Name, objects[0], {});
  return located(store, join_key(path, kV3Name), [&] { return v3_documents(std::move(document)); });
}

void check_attributes(const Json& attributes) {
  if (attributes.as_object() == nullptr) fail_member("attributes", "an object", attributes);
}

void read_v3_members(const Json& document, GroupMetadata& group) {
  for (const auto& [name, value] : *document.as_object()) {
    if (name == "zarr_format" || name == "node_type") continue;
    if (name == "attributes") {
      check_attributes(value);
      group.attributes = value;
    } else if (need_not_understand(value)) {
      group.extra.set(name, value);
    } else {
      fail(ErrorCode::unsupported, "the member \"" + name +
                                       "\" of a group is not known, and does not say that it need "
                                       "not be understood");
    }
  }
}

void read_v2_members(const NodeDocuments& documents, GroupMetadata& group) {
  const Json& format = required_member(documents.metadata, "zarr_format");
  if (format != Json(2)) fail_member("zarr_format", "2", format);
  for (const auto& [name, value] : *documents.metadata.as_object()) {
    // zarr-python writes an empty one for each group inside .zmetadata.
    if (name != "zarr_format" && name != kConsolidated) group.extra.set(name, value);
  }
  if (documents.attributes.is_null()) return;
  check_attributes(documents.attributes);
  group.attributes = documents.attributes;
}

}  // namespace

NodeDocuments v3_documents(Json document) {
  if (document.as_object() == nullptr) fail_member("metadata", "an object", document);
  const Json& format = required_member(document, "zarr_format");
  if (format != Json(3)) fail_member("zarr_format", "3", format);
  const Json& type = required_member(document, "node_type");
  NodeDocuments node;
  if (type != Json("array") && type != Json("group")) {
    fail_member("node_type", "\"array\" or \"group\"", type);
  }
  node.kind = type == Json("array") ? NodeKind::array : NodeKind::group;
  if (const Json* consolidated = document.find(kConsolidated)) {
    node.consolidated = *consolidated;
    document.erase(kConsolidated);
  }
  node.metadata = std::move(document);
  return node;
}

Json v3_document(const NodeDocuments& documents) {
  Json document = documents.metadata;
  if (!documents.consolidated.is_null()) document.set(kConsolidated, documents.consolidated);
  return document;
}

std::vector<std::optional<NodeDocuments>> read_nodes(Runtime& runtime, const Store& store,
                                                     std::span<const std::string> paths,
                                                     const LookUp& look_up) {
  for (const std::string& path : paths) check_path(path);
  check_format(look_up.first);
  std::vector<std::optional<NodeDocuments>> nodes(paths.size());
  for (const int format : {look_up.first, 5 - look_up.first}) {
    if (look_up.only && format != look_up.first) break;
    const auto names = names_of(format, look_up.consolidated);
    std::vector<std::size_t> open;  // not found yet
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      if (nodes[i]) continue;
      open.push_back(i);
      for (const std::string_view name : names) keys.push_back(join_key(paths[i], name));
    }
    const auto objects = read_objects(runtime, store, keys, look_up.interrupt);
    for (std::size_t i = 0; i < open.size(); ++i) {
      nodes[open[i]] = assembled(store, paths[open[i]], format,
                                 std::span(objects).subspan(i * names.size(), names.size()));
    }
  }
  return nodes;
}

std::optional<NodeDocuments> read_node(Runtime& runtime, const Store& store, std::string_view path,
                                       const LookUp& look_up) {
  const std::string one(path);
  return std::move(read_nodes(runtime, store, std::span(&one, 1), look_up).front());
}

void write_node(const Store& store, std::string_view path, const NodeDocuments& documents) {
  check_path(path);
  const std::string key = metadata_key(path, documents.kind, documents.zarr_format);
  if (documents.zarr_format == 3) {
    const std::string text =
        located(store, key, [&] { return checked_json_text(v3_document(documents), {}); });
    return store.write(key, as_byte_view(text));
  }
  const std::string attributes_key = join_key(path, kV2AttributesName);
  const std::string text =
      located(store, key, [&] { return checked_json_text(documents.metadata, kLenient); });
  const Json& attributes = documents.attributes;
  const bool has_attributes = !attributes.is_null() && attributes != Json(Json::Object{});
  // Attributes that became empty must replace those that are stored.
  if (has_attributes || store.exists(attributes_key)) {
    const std::string zattrs = located(store, attributes_key, [&] {
      return checked_json_text(has_attributes ? attributes : Json(Json::Object{}), kLenient);
    });
    store.write(attributes_key, as_byte_view(zattrs));
  }
  store.write(key, as_byte_view(text));
}

std::string metadata_key(std::string_view path, NodeKind kind, int zarr_format) {
  if (zarr_format == 3) return join_key(path, kV3Name);
  return join_key(path, kind == NodeKind::array ? kV2ArrayName : kV2GroupName);
}

ArrayMetadata parse_array(const Store& store, std::string_view path, const NodeDocuments& documents,
                          std::shared_ptr<const Extensions> extensions) {
  return located(store, metadata_key(path, documents.kind, documents.zarr_format), [&] {
    if (documents.kind == NodeKind::group) {
      fail(ErrorCode::invalid_argument, "this is a group, not an array");
    }
    return documents.zarr_format == 3
               ? parse_v3_metadata(documents.metadata, extensions)
               : parse_v2_metadata(documents.metadata, documents.attributes, extensions);
  });
}

NodeDocuments documents_of(const ArrayMetadata& metadata) {
  NodeDocuments documents{.kind = NodeKind::array, .zarr_format = metadata.zarr_format};
  documents.metadata =
      metadata.zarr_format == 3 ? write_v3_metadata(metadata) : write_v2_metadata(metadata);
  if (metadata.zarr_format == 2) documents.attributes = metadata.attributes;
  return documents;
}

GroupMetadata parse_group(const Store& store, std::string_view path,
                          const NodeDocuments& documents) {
  return located(store, metadata_key(path, documents.kind, documents.zarr_format), [&] {
    if (documents.kind == NodeKind::array) {
      fail(ErrorCode::invalid_argument, "this is an array, not a group");
    }
    if (documents.metadata.as_object() == nullptr) {
      fail_member("group metadata", "an object", documents.metadata);
    }
    GroupMetadata group{.zarr_format = documents.zarr_format};
    if (documents.zarr_format == 3) {
      read_v3_members(documents.metadata, group);
    } else {
      read_v2_members(documents, group);
    }
    return group;
  });
}

NodeDocuments documents_of(const GroupMetadata& metadata) {
  NodeDocuments documents{.kind = NodeKind::group, .zarr_format = metadata.zarr_format};
  documents.metadata = Json::Object{{"zarr_format", metadata.zarr_format}};
  if (metadata.zarr_format == 3) {
    documents.metadata.set("node_type", "group");
    documents.metadata.set("attributes", metadata.attributes);
  } else {
    documents.attributes = metadata.attributes;
  }
  for (const auto& [name, value] : *metadata.extra.as_object()) documents.metadata.set(name, value);
  return documents;
}

}  // namespace zarrloom
