#include "zarrloom/array/group.h"

#include <algorithm>
#include <utility>

#include "zarrloom/array/consolidated.h"
#include "zarrloom/array/document.h"
#include "zarrloom/base/error.h"

namespace zarrloom {

struct Group::State {
  std::shared_ptr<Store> store;
  std::string path;
  int zarr_format;
  OpenOptions options;  // with the runtime filled in; as the nodes in it are opened
};

namespace {

OpenOptions with_runtime(OpenOptions options) {
  if (!options.runtime) options.runtime = default_runtime();
  return options;
}

LookUp look_up(const OpenOptions& options) {
  return {.first = options.zarr_format.value_or(3),
          .only = options.zarr_format.has_value(),
          .consolidated = options.use_consolidated.value_or(true)};
}

NodeDocuments read_or_fail(const OpenOptions& options, const Store& store, std::string_view path) {
  check_path(path);
  std::optional<NodeDocuments> node = read_node(*options.runtime, store, path, look_up(options));
  if (node) return std::move(*node);
  const std::string format =
      options.zarr_format ? " of format " + std::to_string(*options.zarr_format) + ": " : "";
  fail(ErrorCode::node_not_found,
       store.locate(path) + ": " + format + describe_absence(*options.runtime, store, path));
}

// The node's own consolidated metadata, in use if there is some and it is wanted.
std::shared_ptr<Consolidated> consolidated_of(const Store& store, std::string_view path,
                                              const NodeDocuments& group,
                                              const OpenOptions& options) {
  const std::optional<bool> wanted = options.use_consolidated;
  auto consolidated =
      std::make_shared<Consolidated>(std::string(path), group.zarr_format, options.consolidated);
  if (wanted == false) {
    consolidated->use(nullptr);
  } else if (!group.consolidated.is_null()) {
    try {
      consolidated->use(std::make_shared<const NodeMap>(
          parse_consolidated(path, group.zarr_format, group.consolidated)));
    } catch (const Error& error) {
      throw Error(with_context(error.failure(), store.locate(path) + ": consolidated metadata"));
    }
  } else if (wanted == true && !options.consolidated) {
    fail(ErrorCode::invalid_argument, store.locate(path) + ": there is no consolidated metadata");
  }
  return consolidated;
}

std::size_t depth_below(std::string_view group, std::string_view path) {
  const std::string_view below = path.substr(group.empty() ? 0 : group.size() + 1);
  return static_cast<std::size_t>(std::count(below.begin(), below.end(), '/'));
}

std::vector<NodeEntry> members_in(const NodeMap& nodes, const std::string& group,
                                  std::optional<int> max_depth) {
  std::vector<NodeEntry> members;
  const std::string start = group.empty() ? "" : group + "/";
  for (auto at = nodes.lower_bound(start); at != nodes.end() && at->first.starts_with(start);
       ++at) {
    const bool shown =
        !max_depth || depth_below(group, at->first) <= static_cast<std::size_t>(*max_depth);
    if (shown) members.push_back({at->first, at->second});
  }
  return members;
}

}  // namespace

Group Group::of(std::shared_ptr<Store> store, std::string_view path, int zarr_format,
                OpenOptions options) {
  options.zarr_format = std::nullopt;
  options.known_group = path;
  return Group(std::make_shared<const State>(
      State{std::move(store), std::string(path), zarr_format, std::move(options)}));
}

Group Group::from_documents(std::shared_ptr<Store> store, std::string_view path,
                            const NodeDocuments& documents, OpenOptions options) {
  options = with_runtime(std::move(options));
  parse_group(*store, path, documents);  // as a check
  // One that lies in another group may have its own, which the outer one's takes the place of.
  const std::shared_ptr<Consolidated>& outer = options.consolidated;
  if (!outer || (!documents.consolidated.is_null() && !outer->nodes())) {
    options.consolidated = consolidated_of(*store, path, documents, options);
  }
  return of(std::move(store), path, documents.zarr_format, std::move(options));
}

Group Group::open(std::shared_ptr<Store> store, std::string_view path, const OpenOptions& given) {
  const OpenOptions options = with_runtime(given);
  const NodeDocuments documents = read_or_fail(options, *store, path);
  return from_documents(std::move(store), path, documents, options);
}

Group Group::create(std::shared_ptr<Store> store, std::string_view path,
                    const GroupMetadata& metadata, bool overwrite, const OpenOptions& given) {
  check_path(path);
  OpenOptions options = with_runtime(given);
  if (options.consolidated) options.consolidated->forget(*options.runtime, *store);
  const NodeDocuments documents = documents_of(metadata);
  const NewNode node{std::string(path), NodeKind::group, metadata.zarr_format};
  make_room(*options.runtime, *store, std::span(&node, 1),
            {.overwrite = overwrite, .known_group = options.known_group});
  write_node(*store, path, documents);
  if (!options.consolidated) {
    options.consolidated = std::make_shared<Consolidated>(std::string(path), metadata.zarr_format);
  }
  return of(std::move(store), path, metadata.zarr_format, std::move(options));
}

int Group::zarr_format() const { return state_->zarr_format; }
const std::string& Group::path() const { return state_->path; }
const std::shared_ptr<Store>& Group::store() const { return state_->store; }
const OpenOptions& Group::options() const { return state_->options; }
bool Group::read_only() const {
  return state_->options.read_only || !state_->store->capabilities().writable;
}

std::optional<Node> Group::find(std::string_view path) const {
  check_path(path);
  std::string full = join_key(state_->path, path);
  if (const auto nodes = state_->options.consolidated->nodes(); nodes && !path.empty()) {
    const auto found = nodes->find(full);
    if (found == nodes->end()) return std::nullopt;
    return open_member({std::move(full), found->second});
  }
  std::optional<NodeDocuments> documents =
      read_node(*state_->options.runtime, *state_->store, full, {.first = state_->zarr_format});
  if (!documents) return std::nullopt;
  return open_member({std::move(full), std::move(*documents)});
}

Node Group::at(std::string_view path) const {
  std::optional<Node> node = find(path);
  if (node) return std::move(*node);
  const std::string full = join_key(state_->path, path);
  const std::string consolidated =
      is_consolidated() ? " (by consolidated metadata; refresh() looks again)" : "";
  fail(ErrorCode::node_not_found,
       state_->store->locate(full) + ": " +
           describe_absence(*state_->options.runtime, *state_->store, full) + consolidated);
}

bool Group::contains(std::string_view path) const {
  check_path(path);
  const std::string full = join_key(state_->path, path);
  if (const auto nodes = state_->options.consolidated->nodes(); nodes && !path.empty()) {
    return nodes->contains(full);
  }
  return read_node(*state_->options.runtime, *state_->store, full, {.first = state_->zarr_format})
      .has_value();
}

std::vector<NodeEntry> Group::members(std::optional<int> max_depth,
                                      const InterruptCheck& interrupt) const {
  if (max_depth && *max_depth < 0) {
    fail(ErrorCode::invalid_argument, "max_depth is not below 0");
  }
  if (const auto nodes = state_->options.consolidated->nodes()) {
    return members_in(*nodes, state_->path, max_depth);
  }
  return read_members(*state_->options.runtime, *state_->store, state_->path, state_->zarr_format,
                      max_depth, interrupt);
}

Node Group::open_member(const NodeEntry& entry) const {
  if (entry.documents.kind == NodeKind::array) {
    return Array::from_documents(state_->store, entry.path, entry.documents, state_->options);
  }
  return from_documents(state_->store, entry.path, entry.documents, state_->options);
}

Array Group::create_array(std::string_view path, const CreateOptions& create, bool overwrite,
                          const WriteOptions& write) const {
  check_writable();
  OpenOptions options = state_->options;
  options.write = write;
  return Array::create(state_->store, join_key(state_->path, path), create, overwrite, options);
}

Group Group::create_group(std::string_view path, const Json& attributes, bool overwrite) const {
  check_writable();
  const GroupMetadata metadata{.zarr_format = state_->zarr_format, .attributes = attributes};
  return create(state_->store, join_key(state_->path, path), metadata, overwrite, state_->options);
}

std::vector<Node> Group::create_nodes(const std::vector<NodeSpec>& specs, bool overwrite,
                                      const InterruptCheck& interrupt) const {
  check_writable();
  return create_hierarchy(state_->store, state_->path, specs, overwrite, state_->options,
                          interrupt);
}

void Group::erase(std::string_view path) const {
  check_writable();
  check_path(path);
  if (path.empty()) {
    fail(ErrorCode::invalid_argument, "a group cannot erase itself; erase it from its parent");
  }
  const std::string full = join_key(state_->path, path);
  if (!node_exists(*state_->store, full)) {
    fail(ErrorCode::node_not_found,
         state_->store->locate(full) + ": " +
             describe_absence(*state_->options.runtime, *state_->store, full));
  }
  forget_consolidated();
  erase_prefix(*state_->store, full);
}

NodeDocuments Group::read_documents() const {
  OpenOptions same = state_->options;
  same.zarr_format = state_->zarr_format;
  same.use_consolidated = false;
  return read_or_fail(same, *state_->store, state_->path);
}

Json Group::read_attributes() const {
  return std::move(parse_group(*state_->store, state_->path, read_documents()).attributes);
}

void Group::write_attributes(const Json& attributes) const {
  check_writable();
  if (attributes.as_object() == nullptr) {
    fail(ErrorCode::invalid_argument,
         std::string("attributes must be an object, not ") + attributes.type_name());
  }
  // A zarr.json holds its group's own attributes beside the consolidated ones.
  const bool own = state_->options.consolidated->path() == state_->path;
  if (!own || state_->zarr_format == 2) {
    forget_consolidated();
  } else {
    state_->options.consolidated->forget_outer(*state_->options.runtime, *state_->store);
  }
  const std::string key = metadata_key(state_->path, NodeKind::group, state_->zarr_format);
  const auto lock = state_->options.runtime->locks().lock(state_->store->locate(key));
  NodeDocuments documents = read_documents();
  if (state_->zarr_format == 3) {
    documents.metadata.set("attributes", attributes);
  } else {
    documents.attributes = attributes;
  }
  write_node(*state_->store, state_->path, documents);
}

Group Group::consolidate(const InterruptCheck& interrupt) const {
  check_writable();
  const OpenOptions& options = state_->options;
  auto nodes = std::make_shared<NodeMap>();
  for (NodeEntry& entry : read_members(*options.runtime, *state_->store, state_->path,
                                       state_->zarr_format, std::nullopt, interrupt)) {
    entry.documents.consolidated = {};
    nodes->emplace(std::move(entry.path), std::move(entry.documents));
  }
  {
    const std::string key = metadata_key(state_->path, NodeKind::group, state_->zarr_format);
    const auto lock = options.runtime->locks().lock(state_->store->locate(key));
    NodeDocuments group = read_documents();
    Json document = write_consolidated(state_->path, group, *nodes);
    if (state_->zarr_format == 3) {
      group.consolidated = std::move(document);
      write_node(*state_->store, state_->path, group);
    } else {
      const std::string text = checked_json_text(document, {.allow_nan = true});
      state_->store->write(join_key(state_->path, kV2ConsolidatedName), as_byte_view(text));
    }
  }
  State next = *state_;
  if (options.consolidated->path() != state_->path) {
    next.options.consolidated =
        std::make_shared<Consolidated>(state_->path, state_->zarr_format, options.consolidated);
  }
  next.options.consolidated->use(std::move(nodes));
  return Group(std::make_shared<const State>(std::move(next)));
}

void Group::refresh() const {
  Consolidated& known = *state_->options.consolidated;
  const LookUp again{.first = known.zarr_format(), .only = true, .consolidated = true};
  const auto group = read_node(*state_->options.runtime, *state_->store, known.path(), again);
  if (!group || group->consolidated.is_null()) return known.use(nullptr);
  known.use(std::make_shared<const NodeMap>(
      parse_consolidated(known.path(), known.zarr_format(), group->consolidated)));
}

bool Group::is_consolidated() const { return state_->options.consolidated->nodes() != nullptr; }

void Group::check_writable() const {
  if (!read_only()) return;
  fail(ErrorCode::read_only, state_->store->locate(state_->path) +
                                 ": the group is open for reading only; open it with mode=\"r+\"");
}

void Group::forget_consolidated() const {
  state_->options.consolidated->forget(*state_->options.runtime, *state_->store);
}

Node open_node(std::shared_ptr<Store> store, std::string_view path, const OpenOptions& given) {
  const OpenOptions options = with_runtime(given);
  const NodeDocuments documents = read_or_fail(options, *store, path);
  if (documents.kind == NodeKind::array) {
    return Array::from_documents(std::move(store), path, documents, options);
  }
  return Group::from_documents(std::move(store), path, documents, options);
}

}  // namespace zarrloom
