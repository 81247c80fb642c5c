#include "zarrloom/array/node.h"

#include <future>

#include "zarrloom/array/document.h"
#include "zarrloom/array/requests.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

std::optional<Bytes> read_limited(const Store& store, std::string_view key) {
  const auto answer = std::make_shared<std::promise<ReadResult>>();
  std::future<ReadResult> waiting = answer->get_future();
  store.read({.key = key, .limit = kMaxDocumentSize},
             [answer](ReadResult result) { answer->set_value(std::move(result)); });
  ReadResult result = waiting.get();
  if (result.status == ReadResult::Status::missing) return std::nullopt;
  if (result.status == ReadResult::Status::failed) {
    // The only size that is wrong here is one above the limit.
    if (result.failure.code == ErrorCode::corrupt_data) {
      result.failure.code = ErrorCode::corrupt_metadata;
    }
    throw Error(std::move(result.failure));
  }
  return std::move(result.owned);
}

// Runs what parses the object of that key; what it throws begins with the object's full name.
using Known = std::shared_ptr<const Extensions>;

template <typename Parse>
auto located(const Store& store, std::string_view key, const Parse& parse) {
  try {
    return parse();
  } catch (const Error& error) {
    throw Error(with_context(error.failure(), store.locate(key)));
  }
}

std::optional<Json> read_document(const Store& store, std::string_view key, JsonOptions options) {
  const std::optional<Bytes> bytes = read_limited(store, key);
  if (!bytes) return std::nullopt;
  return located(store, key, [&] { return parse_json(as_text(bytes->view()), options); });
}

std::optional<ArrayMetadata> read_v3(const Store& store, std::string_view path,
                                     const Known& extensions) {
  const std::string key = join_key(path, kV3Name);
  const std::optional<Json> document = read_document(store, key, {});
  if (!document) return std::nullopt;
  return located(store, key, [&] { return parse_v3_metadata(*document, extensions); });
}

std::optional<ArrayMetadata> read_v2(const Store& store, std::string_view path,
                                     const Known& extensions) {
  const JsonOptions lenient{.allow_nan = true};
  const std::string key = join_key(path, kV2ArrayName);
  const std::optional<Json> zarray = read_document(store, key, lenient);
  if (!zarray) {
    const std::string group = join_key(path, kV2GroupName);
    if (!store.exists(group)) return std::nullopt;
    fail(ErrorCode::invalid_argument, store.locate(group) + ": this is a group, not an array");
  }
  const std::optional<Json> zattrs =
      read_document(store, join_key(path, kV2AttributesName), lenient);
  return located(store, key,
                 [&] { return parse_v2_metadata(*zarray, zattrs.value_or(Json()), extensions); });
}

}  // namespace

void check_format(int zarr_format) {
  if (zarr_format == 2 || zarr_format == 3) return;
  fail(ErrorCode::invalid_argument,
       "zarr_format must be 2 or 3, not " + std::to_string(zarr_format));
}

void check_path(std::string_view path) {
  if (path.empty()) return;
  check_key(path);
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    if (part.starts_with("__") || part.find_first_not_of('.') == std::string_view::npos) {
      fail(ErrorCode::invalid_argument, "path \"" + std::string(path) + "\": the name \"" +
                                            std::string(part) + "\" is reserved");
    }
    start = end + 1;
  }
}

std::string join_key(std::string_view path, std::string_view name) {
  if (path.empty()) return std::string(name);
  if (name.empty()) return std::string(path);
  return std::string(path) + "/" + std::string(name);
}

std::vector<std::string> ancestors(std::string_view path) {
  std::vector<std::string> groups;
  if (path.empty()) return groups;
  groups.emplace_back();
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    groups.emplace_back(path.substr(0, slash));
  }
  return groups;
}

std::string array_metadata_key(std::string_view path, int zarr_format) {
  return join_key(path, zarr_format == 2 ? kV2ArrayName : kV3Name);
}

std::optional<ArrayMetadata> read_array_metadata(const Store& store, std::string_view path,
                                                 std::optional<int> zarr_format,
                                                 std::shared_ptr<const Extensions> extensions) {
  check_path(path);
  if (zarr_format) {
    check_format(*zarr_format);
    return *zarr_format == 3 ? read_v3(store, path, extensions) : read_v2(store, path, extensions);
  }
  std::optional<ArrayMetadata> metadata = read_v3(store, path, extensions);
  return metadata ? std::move(metadata) : read_v2(store, path, extensions);
}

void write_array_metadata(const Store& store, std::string_view path,
                          const ArrayMetadata& metadata) {
  check_path(path);
  check_format(metadata.zarr_format);
  const std::string key = array_metadata_key(path, metadata.zarr_format);
  if (metadata.zarr_format == 3) {
    const std::string text =
        located(store, key, [&] { return checked_json_text(write_v3_metadata(metadata), {}); });
    store.write(key, as_byte_view(text));
    return;
  }
  const JsonOptions lenient{.allow_nan = true};
  const std::string attributes_key = join_key(path, kV2AttributesName);
  const std::string zarray =
      located(store, key, [&] { return checked_json_text(write_v2_metadata(metadata), lenient); });
  const std::string zattrs = located(
      store, attributes_key, [&] { return checked_json_text(metadata.attributes, lenient); });
  // Attributes that became empty must replace those that are stored. The array appears last.
  if (!metadata.attributes.as_object()->empty() || store.exists(attributes_key)) {
    store.write(attributes_key, as_byte_view(zattrs));
  }
  store.write(key, as_byte_view(zarray));
}

bool node_exists(const Store& store, std::string_view path) {
  check_path(path);
  for (std::string_view name : {kV3Name, kV2ArrayName, kV2GroupName}) {
    if (store.exists(join_key(path, name))) return true;
  }
  return false;
}

}  // namespace zarrloom
