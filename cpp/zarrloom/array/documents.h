// The metadata of nodes as it is stored: arrays and groups of both formats alike.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/array/node.h"
#include "zarrloom/exec/runtime.h"

namespace zarrloom {

enum class NodeKind { array, group };

// Not understood yet, so that a hierarchy can hold what this version cannot open.
struct NodeDocuments {
  NodeKind kind = NodeKind::group;
  int zarr_format = 3;
  Json metadata = {};      // zarr.json without its consolidated metadata, .zarray or .zgroup
  Json attributes = {};    // format 2: .zattrs, null if there is none
  Json consolidated = {};  // of a group: the member of zarr.json, or .zmetadata; null if there is
                           // none, or it was not asked for
};

// Takes zarr.json apart, and puts it together again. Throws corrupt_metadata for what is no node.
NodeDocuments v3_documents(Json document);
Json v3_document(const NodeDocuments& documents);

struct LookUp {
  int first = 3;      // the format that is looked for first, then the other one
  bool only = false;  // not the other one
  bool consolidated = false;
  InterruptCheck interrupt = {};
};

// The nodes at those paths, nullopt where there is none. Requests: one for each node of format 3,
// three for each of format 2 (four with consolidated metadata); those for all nodes go out
// together. Throws corrupt_metadata, naming the key.
std::vector<std::optional<NodeDocuments>> read_nodes(Runtime& runtime, const Store& store,
                                                     std::span<const std::string> paths,
                                                     const LookUp& look_up = {});
std::optional<NodeDocuments> read_node(Runtime& runtime, const Store& store, std::string_view path,
                                       const LookUp& look_up = {});

// Throws corrupt_metadata or invalid_argument (naming the key) for what could not be read again,
// before anything is written. One atomic write for each document, .zmetadata left out; that which
// makes it a node comes last.
void write_node(const Store& store, std::string_view path, const NodeDocuments& documents);

// "zarr.json", ".zarray" or ".zgroup", below the path.
std::string metadata_key(std::string_view path, NodeKind kind, int zarr_format);

// ---- What they say ----

// Throws what parsing throws, naming the key; of the store only the name is used. Throws
// invalid_argument for a group.
ArrayMetadata parse_array(const Store& store, std::string_view path, const NodeDocuments& documents,
                          std::shared_ptr<const Extensions> extensions = nullptr);
NodeDocuments documents_of(const ArrayMetadata& metadata);

struct GroupMetadata {
  int zarr_format = 3;
  Json attributes = Json::Object{};
  Json extra = Json::Object{};  // unknown members that need not be understood, written back
};

// Throws invalid_argument for an array.
GroupMetadata parse_group(const Store& store, std::string_view path,
                          const NodeDocuments& documents);
NodeDocuments documents_of(const GroupMetadata& metadata);

}  // namespace zarrloom
