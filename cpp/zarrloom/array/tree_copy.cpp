#include "zarrloom/array/tree_copy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "zarrloom/array/requests.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

bool is_metadata(std::string_view key) {
  static constexpr std::array kNames{kV3Name, kV2ArrayName, kV2GroupName, kV2AttributesName,
                                     kV2ConsolidatedName};
  const std::string_view name = key.substr(key.rfind('/') + 1);  // npos + 1 is 0
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

auto depth(std::string_view key) { return std::count(key.begin(), key.end(), '/'); }

bool is_within(const std::string& inner, const std::string& outer) {
  return inner == outer || inner.starts_with(outer + "/");
}

NodeDocuments documents_at(const Group& group, const std::string& path) {
  std::optional<NodeDocuments> node =
      read_node(*group.options().runtime, *group.store(), path, {.first = group.zarr_format()});
  if (node) return std::move(*node);
  fail(ErrorCode::node_not_found,
       group.store()->locate(path) + ": " +
           describe_absence(*group.options().runtime, *group.store(), path));
}

}  // namespace

TreeCopy::TreeCopy(const Group& from, std::string_view source, const Group& to,
                   std::string_view target, bool overwrite)
    : runtime_(to.options().runtime),
      from_(from.store()),
      to_(to.store()),
      source_(join_key(from.path(), source)),
      target_(join_key(to.path(), target)) {
  to.check_writable();
  check_path(source_);
  check_path(target_);
  const NodeDocuments node = documents_at(from, source_);
  const std::string here = from_->locate(source_), there = to_->locate(target_);
  if (is_within(here, there) || is_within(there, here)) {
    fail(ErrorCode::invalid_argument,
         here + " cannot be copied to " + there + ": one lies in the other");
  }
  to.forget_consolidated();
  const NewNode made{target_, node.kind, node.zarr_format};
  make_room(*runtime_, *to_, std::span(&made, 1),
            {.overwrite = overwrite, .known_group = to.path()});
  for (ListEntry& entry : from_->list(source_, ListDepth::all)) {
    if (!entry.is_prefix) keys_.push_back(std::move(entry.name));
  }
  const auto metadata = std::stable_partition(keys_.begin(), keys_.end(),
                                              [](const auto& key) { return !is_metadata(key); });
  chunks_ = static_cast<std::size_t>(metadata - keys_.begin());
  // .zattrs comes before what makes its node one.
  std::sort(metadata, keys_.end(), [](const std::string& a, const std::string& b) {
    const auto rank = [](const std::string& key) {
      return std::pair(-depth(key), key.ends_with(kV2AttributesName) ? 0 : 1);
    };
    return rank(a) < rank(b);
  });
}

std::size_t TreeCopy::step(std::size_t most, const InterruptCheck& interrupt) {
  if (done_ < chunks_) most = std::min(most, chunks_ - done_);
  const std::size_t count = std::min(most, keys_.size() - done_);
  if (done_ < chunks_) {
    const bool far = !to_->capabilities().answers_inline;
    for_each_waiting(
        *runtime_, far ? *to_ : *from_, count, [&](std::size_t i) { copy(keys_[done_ + i]); },
        interrupt);
  } else {  // in their order
    for (std::size_t i = 0; i < count; ++i) copy(keys_[done_ + i]);
  }
  done_ += count;
  return count;
}

void TreeCopy::copy(const std::string& key) const {
  const auto bytes = read_object(*from_, join_key(source_, key));
  if (bytes) to_->write(join_key(target_, key), bytes->view());
}

}  // namespace zarrloom
