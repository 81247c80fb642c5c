// References as a read-only store: each key stands for bytes that are given with it, or for a range
// of an object elsewhere ("virtual" Zarr, as kerchunk writes it).
//
// A target is a file (a path, absolute or relative to the references, or a "file://" URL), or an
// object that open_store() finds when it is given the URL up to the last slash. One that is missing
// is an error, not a missing chunk: the reference says that it is there. Its version is the
// target's. References may name any file that the process may read: open only those that you trust.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/stores/store.h"

namespace zarrloom {

struct ReferenceOptions {
  // How the store is called in messages; equal names must mean equal references. Default: a new
  // name each time.
  std::string name = {};
  std::string folder = {};        // of relative paths; absolute
  std::shared_ptr<Store> remote;  // if set, URLs without a scheme are keys of it
};

struct Reference {
  std::string key;
  std::string url;       // empty: the bytes are `bytes`
  std::string bytes;     // with a url: nothing
  ByteRange range = {};  // of the target; all of it by default
};

class ReferenceStore : public Store {
 public:
  // The last reference of a key counts. Throws corrupt_metadata for a key that is none. A target
  // that cannot be opened fails its reads only.
  void add(std::vector<Reference> references) const { do_add(std::move(references)); }

 private:
  virtual void do_add(std::vector<Reference> references) const = 0;
};

std::shared_ptr<ReferenceStore> make_reference_store(ReferenceOptions options = {});

// kerchunk's JSON, version 0 (the references) and 1 ("refs", "templates" with "{{name}}"). Throws
// corrupt_metadata, and unsupported for "gen" and for templates that are functions.
std::vector<Reference> parse_references(std::string_view json);

// From a file of such JSON: an absolute path. Throws node_not_found.
std::shared_ptr<Store> open_reference_store(const std::string& path,
                                            std::shared_ptr<Store> remote = {});

}  // namespace zarrloom
