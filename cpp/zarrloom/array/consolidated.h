// Consolidated metadata: the documents of a whole hierarchy in one object. Format 2: ".zmetadata";
// format 3: the member "consolidated_metadata" of the group's zarr.json, as zarr-python writes it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "zarrloom/array/documents.h"

namespace zarrloom {

// All nodes below the group, by their full paths in the store.
using NodeMap = std::map<std::string, NodeDocuments, std::less<>>;

// `path` is the group's. Throws corrupt_metadata, or unsupported for another kind of it.
NodeMap parse_consolidated(std::string_view path, int zarr_format, const Json& document);

// The whole document. All nodes must have the group's format, else unsupported: readers would not
// see the others. `group` is part of .zmetadata.
Json write_consolidated(std::string_view path, const NodeDocuments& group, const NodeMap& nodes);

// What the handles that came from one group know together of its consolidated metadata. Any thread.
class Consolidated {
 public:
  // Not known of: forget() does nothing until it is. `outer` is that of a group around this one,
  // which is forgotten too; may be null.
  Consolidated(std::string path, int zarr_format, std::shared_ptr<Consolidated> outer = nullptr)
      : path_(std::move(path)), zarr_format_(zarr_format), outer_(std::move(outer)) {}

  const std::string& path() const { return path_; }
  int zarr_format() const { return zarr_format_; }

  // From now on nodes are as this says. Null: there may be a stored one, but it is not used.
  void use(std::shared_ptr<const NodeMap> nodes);

  // Null: documents are read one by one.
  std::shared_ptr<const NodeMap> nodes() const;

  // There may be a stored one.
  bool known() const { return known_; }

  // To be called before the metadata of a node below the group is changed: erases what is stored,
  // so that no reader finds a document that is not true any more. So are those of groups around
  // this one: see forget_around.
  void forget(Runtime& runtime, const Store& store);
  // That of groups around this one alone: what changes is the group itself.
  void forget_outer(Runtime& runtime, const Store& store);

 private:
  const std::string path_;
  const int zarr_format_;
  const std::shared_ptr<Consolidated> outer_;
  std::atomic<bool> known_{false};
  mutable std::mutex mutex_;
  std::shared_ptr<const NodeMap> nodes_;  // guarded by mutex_
};

// To be called before the metadata of a node is changed whose handle came from no group: erases the
// consolidated metadata of groups around it that tells of it. Looked for in the groups that the
// path leads through, by requests that go out together, and above the root.
void forget_around(Runtime& runtime, const Store& store, std::string_view path, int zarr_format);

// The same of the folders around a file store's root, as long as these are groups: that of an array
// opened by its own folder, inside a hierarchy. Other stores have nothing there that is known.
void forget_above_root(Runtime& runtime, const Store& store, int zarr_format);

// Erases the consolidated metadata of that group, if it has some.
void erase_consolidated(Runtime& runtime, const Store& store, std::string_view path,
                        int zarr_format);

}  // namespace zarrloom
