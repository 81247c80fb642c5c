#include "zarrloom/array/convert.h"

#include <algorithm>
#include <utility>

#include "zarrloom/array/consolidated.h"
#include "zarrloom/array/document.h"
#include "zarrloom/array/requests.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

constexpr std::string_view kDimensions = "_ARRAY_DIMENSIONS";

[[noreturn]] void fail_conversion(int zarr_format, const std::string& why) {
  fail(ErrorCode::unsupported, "the array cannot have format " + std::to_string(zarr_format) +
                                   " with its chunks as they are: " + why);
}

// ---- Dimension names ----

void names_from_attributes(ArrayMetadata& metadata) {
  const Json* names = metadata.attributes.find(kDimensions);
  const Json::Array* list = names == nullptr ? nullptr : names->as_array();
  if (list == nullptr || list->size() != metadata.shape.size()) return;
  std::vector<std::optional<std::string>> converted;
  for (const Json& name : *list) {
    if (name.as_string() == nullptr) return;
    converted.emplace_back(*name.as_string());
  }
  metadata.dimension_names = std::move(converted);
  metadata.attributes.erase(kDimensions);
}

void names_to_attributes(const ArrayMetadata& metadata, Json& attributes) {
  if (!metadata.dimension_names || attributes.find(kDimensions) != nullptr) return;
  Json::Array list;
  for (const std::optional<std::string>& name : *metadata.dimension_names) {
    if (!name) return;
    list.emplace_back(*name);
  }
  attributes.set(kDimensions, std::move(list));
}

// ---- 2 to 3 ----

ArrayMetadata to_v3(const ArrayMetadata& old, bool keep_keys) {
  ArrayMetadata metadata = old;
  metadata.zarr_format = 3;
  metadata.v2 = {};
  metadata.data_type = {};
  metadata.extra = Json::Object{};
  if (!keep_keys) metadata.key_encoding = {};
  names_from_attributes(metadata);
  metadata.codecs = bind_codecs(old).configs();  // every member, spelled as format 3 does
  return parse_v3_metadata(parse_json(checked_json_text(write_v3_metadata(metadata), {})),
                           metadata.extensions);
}

// ---- 3 to 2 ----

bool is_reversal(const CodecConfig& codec, std::size_t rank) {
  if (codec.name != "transpose") return false;
  Json::Array order;
  for (std::size_t d = rank; d-- > 0;) order.emplace_back(static_cast<std::int64_t>(d));
  const Json* found = codec.configuration.find("order");
  return found != nullptr && *found == Json(std::move(order));
}

CreateOptions as_options(const ArrayMetadata& metadata) {
  CreateOptions options;
  options.zarr_format = 2;
  options.shape = metadata.shape;
  options.chunk_shape = metadata.chunk_shape;
  options.rectilinear = metadata.rectilinear;  // to be refused by name
  options.dtype = metadata.dtype;
  options.fill_value = metadata.fill_value;
  options.attributes = metadata.attributes;
  names_to_attributes(metadata, options.attributes);
  options.extensions = metadata.extensions;
  options.compressors.emplace();
  for (const CodecConfig& codec : bind_codecs(metadata).configs()) {
    if (options.serializer) {
      options.compressors->push_back(codec);
    } else if (codec.name == "sharding_indexed") {
      fail(ErrorCode::unsupported, "format 2 has no shards");
    } else if (codec.name == "bytes") {
      options.serializer = codec;
    } else if (options.filters.empty() && is_reversal(codec, metadata.shape.size())) {
      options.order = 'F';
    } else {
      options.filters.push_back(codec);
    }
  }
  return options;
}

ArrayMetadata to_v2(const ArrayMetadata& old, bool keep_keys) {
  CreateOptions options = as_options(old);
  if (keep_keys) options.key_encoding = old.key_encoding;
  ArrayMetadata metadata = make_metadata(options);
  if (bind_codecs(metadata).configs() != bind_codecs(old).configs()) {
    fail(ErrorCode::unsupported, "its codecs mean something else there");
  }
  return metadata;
}

// ---- Whole hierarchies ----

struct Conversion {
  std::string path;
  NodeDocuments documents;
  std::vector<std::string> old_keys;
};

std::vector<std::string> keys_of(const NodeEntry& entry) {
  const NodeDocuments& old = entry.documents;
  std::vector<std::string> keys{metadata_key(entry.path, old.kind, old.zarr_format)};
  if (old.zarr_format == 3) return keys;
  keys.push_back(join_key(entry.path, kV2AttributesName));
  if (old.kind == NodeKind::group) keys.push_back(join_key(entry.path, kV2ConsolidatedName));
  return keys;
}

Conversion convert(const Store& store, const NodeEntry& entry, int zarr_format,
                   const std::shared_ptr<const Extensions>& extensions) {
  Conversion conversion{entry.path, {}, keys_of(entry)};
  if (entry.documents.kind == NodeKind::group) {
    GroupMetadata group = parse_group(store, entry.path, entry.documents);
    group.zarr_format = zarr_format;
    group.extra = Json::Object{};
    conversion.documents = documents_of(group);
    return conversion;
  }
  const ArrayMetadata array = parse_array(store, entry.path, entry.documents, extensions);
  try {
    conversion.documents = documents_of(convert_metadata(array, zarr_format, true));
  } catch (const Error& error) {
    throw Error(with_context(error.failure(), store.locate(entry.path)));
  }
  return conversion;
}

std::vector<NodeEntry> all_nodes(Runtime& runtime, const Store& store, std::string_view path,
                                 int zarr_format, const InterruptCheck& interrupt) {
  const std::optional<NodeDocuments> root = read_node(runtime, store, path, {.first = zarr_format});
  if (!root) {
    fail(ErrorCode::node_not_found,
         store.locate(path) + ": " + describe_absence(runtime, store, path));
  }
  std::vector<NodeEntry> nodes;
  if (root->kind == NodeKind::group) {
    nodes = read_members(runtime, store, path, root->zarr_format, std::nullopt, interrupt);
  }
  nodes.push_back({std::string(path), *root});
  return nodes;
}

// A conversion that was broken off leaves nodes that have both.
std::vector<Conversion> old_beside_new(Runtime& runtime, const Store& store,
                                       const std::vector<std::string>& paths, int zarr_format,
                                       const InterruptCheck& interrupt) {
  const auto old = read_nodes(runtime, store, paths,
                              {.first = 5 - zarr_format, .only = true, .interrupt = interrupt});
  std::vector<Conversion> leftovers;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (old[i]) leftovers.push_back({paths[i], {}, keys_of({paths[i], *old[i]})});
  }
  return leftovers;
}

}  // namespace

ArrayMetadata convert_metadata(const ArrayMetadata& metadata, int zarr_format, bool keep_keys) {
  check_format(zarr_format);
  if (metadata.zarr_format == zarr_format) return metadata;
  try {
    return zarr_format == 3 ? to_v3(metadata, keep_keys) : to_v2(metadata, keep_keys);
  } catch (const Error& error) {
    fail_conversion(zarr_format, error.what());
  }
}

void convert_in_place(const std::shared_ptr<Runtime>& runtime, const std::shared_ptr<Store>& store,
                      std::string_view path, int zarr_format, const InterruptCheck& interrupt) {
  check_path(path);
  check_format(zarr_format);
  std::vector<Conversion> conversions, leftovers;
  std::vector<std::string> converted;
  for (NodeEntry& entry : all_nodes(*runtime, *store, path, zarr_format, interrupt)) {
    if (entry.documents.zarr_format == zarr_format) {
      converted.push_back(std::move(entry.path));
    } else {
      conversions.push_back(convert(*store, entry, zarr_format, runtime->options().extensions));
    }
  }
  leftovers = old_beside_new(*runtime, *store, converted, zarr_format, interrupt);
  for (const std::string& group : ancestors(path)) {
    for (const int format : {2, 3}) erase_consolidated(*runtime, *store, group, format);
  }
  const auto each = [&](const std::vector<Conversion>& nodes, const auto& body) {
    for_each_waiting(
        *runtime, *store, nodes.size(), [&](std::size_t i) { body(nodes[i]); }, interrupt);
  };
  each(conversions, [&](const Conversion& node) { write_node(*store, node.path, node.documents); });
  std::move(leftovers.begin(), leftovers.end(), std::back_inserter(conversions));
  each(conversions, [&](const Conversion& node) {
    for (const std::string& key : node.old_keys) store->erase(key);
  });
}

Array create_converted(const Array& source, std::shared_ptr<Store> store, std::string_view path,
                       int zarr_format) {
  const NodeDocuments documents =
      documents_of(convert_metadata(source.metadata(), zarr_format, false));
  const OpenOptions options{.runtime = source.runtime()};
  Array made = Array::from_documents(store, path, documents, options);
  const NewNode node{std::string(path), NodeKind::array, zarr_format};
  make_room(*source.runtime(), *store, std::span(&node, 1));
  write_node(*store, path, documents);
  return made;
}

}  // namespace zarrloom
