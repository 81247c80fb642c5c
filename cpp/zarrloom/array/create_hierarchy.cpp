// Many new nodes at once.
#include <utility>

#include "zarrloom/array/consolidated.h"
#include "zarrloom/array/group.h"
#include "zarrloom/array/requests.h"

namespace zarrloom {
namespace {

NodeEntry entry_of(std::string_view base, const NodeSpec& spec, const Runtime& runtime) {
  NodeEntry entry{join_key(base, spec.path), {}};
  if (const auto* group = std::get_if<GroupMetadata>(&spec.what)) {
    entry.documents = documents_of(*group);
  } else {
    entry.documents =
        documents_of(make_metadata(with_extensions(std::get<CreateOptions>(spec.what), runtime)));
  }
  return entry;
}

Node opened(const std::shared_ptr<Store>& store, const NodeEntry& entry,
            const OpenOptions& options) {
  if (entry.documents.kind == NodeKind::array) {
    return Array::from_documents(store, entry.path, entry.documents, options);
  }
  return Group::from_documents(store, entry.path, entry.documents, options);
}

}  // namespace

std::vector<Node> create_hierarchy(std::shared_ptr<Store> store, std::string_view path,
                                   const std::vector<NodeSpec>& specs, bool overwrite,
                                   const OpenOptions& given, const InterruptCheck& interrupt) {
  OpenOptions options = given;
  if (!options.runtime) options.runtime = default_runtime();
  std::vector<NodeEntry> entries;
  std::vector<NewNode> nodes;
  std::vector<Node> made;  // refuses what could not be opened before anything is changed
  for (const NodeSpec& spec : specs) {
    entries.push_back(entry_of(path, spec, *options.runtime));
    const NodeEntry& entry = entries.back();
    nodes.push_back({entry.path, entry.documents.kind, entry.documents.zarr_format});
    made.push_back(opened(store, entry, options));
  }
  if (options.consolidated) options.consolidated->forget(*options.runtime, *store);
  make_room(*options.runtime, *store, nodes,
            {.overwrite = overwrite, .known_group = options.known_group, .interrupt = interrupt});
  for_each_waiting(
      *options.runtime, *store, entries.size(),
      [&](std::size_t i) { write_node(*store, entries[i].path, entries[i].documents); }, interrupt);
  return made;
}

}  // namespace zarrloom
