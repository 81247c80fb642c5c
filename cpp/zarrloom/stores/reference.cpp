#include "zarrloom/stores/reference.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <utility>

#include "zarrloom/exec/fork_guard.h"
#include "zarrloom/stores/answer.h"
#include "zarrloom/stores/listing.h"

namespace zarrloom {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = "://";
constexpr std::string_view kFile = "file://";
constexpr std::string_view kName = "reference://";

bool has_scheme(std::string_view url) {
  const std::size_t mark = url.find(kMark);
  return mark != std::string_view::npos && url.substr(0, mark).find('/') == std::string_view::npos;
}

std::string next_name() {
  static std::atomic<std::uint64_t> last{0};
  return std::string(kName) + std::to_string(++last);
}

// The object that references point to, shared by all that point to it.
struct Target {
  std::shared_ptr<Store> store;  // null: it cannot be opened, because of `failure`
  std::string key;
  Failure failure;
};

// Finds targets by their URLs. A store serves all targets that it can.
class Targets {
 public:
  Targets(std::string folder, std::shared_ptr<Store> remote)
      : folder_(std::move(folder)), remote_(std::move(remote)) {}

  std::shared_ptr<const Target> find(const std::string& url) {
    std::shared_ptr<const Target>& target = by_url_[url];
    if (!target) target = std::make_shared<const Target>(open(url));
    return target;
  }

  bool all_answer_inline() const {
    return std::ranges::all_of(by_url_, [](const auto& entry) {
      const auto& store = entry.second->store;
      return !store || store->capabilities().answers_inline;
    });
  }

 private:
  Target open(const std::string& url) {
    Target target;
    try {
      place(url, target);
      check_key(target.key);
    } catch (...) {
      target.store = nullptr;
      target.failure = with_context(current_failure(), "its target " + url);
    }
    return target;
  }

  void place(const std::string& url, Target& target) {
    if (url.starts_with(kFile)) return place_file(url.substr(kFile.size()), target);
    if (has_scheme(url)) {
      const std::size_t slash = url.rfind('/');
      target.key = url.substr(slash + 1);
      // "scheme://name" has no parent.
      const bool bare = slash < url.find(kMark) + kMark.size();
      target.store = store_at(bare ? url : url.substr(0, slash));
    } else if (remote_) {
      target.key = url;
      target.store = remote_;
    } else {
      place_file(url, target);
    }
  }

  // One store, of the whole file system, serves all files: a folder each would hold each open.
  void place_file(const std::string& path, Target& target) {
    if (!path.starts_with('/') && folder_.empty()) {
      fail(ErrorCode::invalid_argument, "a relative path, but nothing that it is relative to");
    }
    const fs::path whole = (fs::path(folder_) / path).lexically_normal();
    target.key = whole.string().substr(1);
    target.store = store_at("/");
  }

  std::shared_ptr<Store> store_at(const std::string& url) {
    std::shared_ptr<Store>& store = stores_[url];
    if (!store) store = open_store(url, {.read_only = true});
    return store;
  }

  const std::string folder_;
  const std::shared_ptr<Store> remote_;
  std::map<std::string, std::shared_ptr<const Target>, std::less<>> by_url_;
  std::map<std::string, std::shared_ptr<Store>, std::less<>> stores_;
};

struct Entry {
  std::shared_ptr<const Target> target;      // null: the bytes are here
  std::shared_ptr<const std::string> bytes;  // immutable
  ByteRange range;
};

bool is_whole(const ByteRange& range) { return range == ByteRange{}; }

class ReferenceFile final : public ReferenceStore {
 public:
  explicit ReferenceFile(ReferenceOptions options)
      : name_(options.name.empty() ? next_name() : std::string(kName) + options.name),
        kind_(options.remote ? options.remote->capabilities().kind : IoKind::file),
        targets_(std::move(options.folder), std::move(options.remote)) {}

 private:
  void do_add(std::vector<Reference> references) const override {
    const std::unique_lock lock(mutex_);
    for (Reference& reference : references) {
      check(reference);
      Entry& entry = entries_[reference.key];
      entry = {};
      if (reference.url.empty()) {
        entry.bytes = std::make_shared<const std::string>(std::move(reference.bytes));
      } else {
        entry.target = targets_.find(reference.url);
        entry.range = reference.range;
      }
    }
    answers_inline_ = targets_.all_answer_inline();
  }

  static void check(const Reference& reference) {
    try {
      check_key(reference.key);
    } catch (const Error& error) {
      fail(ErrorCode::corrupt_metadata, "a reference: " + error.failure().message);
    }
  }

  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    ReadResult result;
    const std::optional<Entry> entry = find(request.key);
    if (entry && entry->target) return read_target(*entry, request, std::move(done));
    if (entry) answer(request, *entry->bytes, result);
    done(std::move(result));
  }

  static void answer(const ReadRequest& request, const std::string& bytes, ReadResult& result) {
    if (!describe(request, bytes.size(), {}, result)) return;
    const Slice slice = slice_of(request, bytes.size());
    const MutableBytes memory = memory_for(request, slice.length, result);
    if (!memory.empty()) std::memcpy(memory.data(), bytes.data() + slice.offset, slice.length);
  }

  static void read_target(const Entry& entry, const ReadRequest& request, ReadCompletion done) {
    const std::shared_ptr<const Target> target = entry.target;
    if (!target->store) throw Error(target->failure);
    ReadRequest inner = request;
    inner.key = target->key;
    const bool whole = is_whole(entry.range);
    if (!whole) {
      const Slice slice = slice_of(request, entry.range.length);
      if (slice.offset > std::numeric_limits<std::uint64_t>::max() - entry.range.offset) {
        fail(ErrorCode::corrupt_data, "its offset is too large");
      }
      inner.range = {.offset = entry.range.offset + slice.offset, .length = slice.length};
    }
    target->store->read(inner, [target, whole, size = entry.range.length,
                                done = std::move(done)](ReadResult result) {
      if (result.status == ReadResult::Status::missing) {
        result.status = ReadResult::Status::failed;
        result.failure = {.code = ErrorCode::storage,
                          .message = target->store->locate(target->key) +
                                     ": is not there, but the reference points to it"};
      }
      if (!whole) result.object_size = size;
      done(std::move(result));
    });
  }

  void do_write(std::string_view, ByteView, WriteCondition) const override { refuse(); }
  void do_erase(std::string_view) const override { refuse(); }
  void do_erase_prefix(std::string_view) const override { refuse(); }
  [[noreturn]] static void refuse() {
    fail(ErrorCode::read_only, "references are for reading only");
  }

  std::vector<ListEntry> do_list(std::string_view prefix, ListDepth depth) const override {
    const std::shared_lock lock(mutex_);
    return list_keys(entries_, prefix, depth);
  }

  bool do_exists(std::string_view key) const override { return find(key).has_value(); }

  std::string do_locate(std::string_view key) const override {
    return key.empty() ? name_ : name_ + "/" + std::string(key);
  }

  StoreCapabilities do_capabilities() const override {
    return {.writable = false,
            .answers_inline = answers_inline_,
            .conditional_write = false,
            .kind = kind_};
  }

  std::optional<Entry> find(std::string_view key) const {
    const std::shared_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    return found->second;
  }

  void replace_mutex() const {
    mutex_.unlock();
    std::construct_at(&mutex_);
  }

  const std::string name_;
  const IoKind kind_;
  mutable std::atomic<bool> answers_inline_{true};
  mutable std::shared_mutex mutex_;
  mutable Targets targets_;                                    // guarded by mutex_
  mutable std::map<std::string, Entry, std::less<>> entries_;  // guarded by mutex_
  const ForkGuard fork_guard_{{.before = [this] { mutex_.lock(); },
                               .in_parent = [this] { mutex_.unlock(); },
                               .in_child = [this] { replace_mutex(); }}};
};

}  // namespace

std::shared_ptr<ReferenceStore> make_reference_store(ReferenceOptions options) {
  return std::make_shared<ReferenceFile>(std::move(options));
}

std::shared_ptr<Store> open_reference_store(const std::string& path,
                                            std::shared_ptr<Store> remote) {
  const fs::path whole = fs::path(path).lexically_normal();
  if (!whole.is_absolute()) {
    fail(ErrorCode::invalid_argument, std::string(kName) + path +
                                          ": needs three slashes and an absolute path, as in "
                                          "reference:///data/refs.json");
  }
  try {
    const auto folder = make_file_store(whole.parent_path().string(), {.read_only = true});
    const std::optional<Bytes> json = read_object(*folder, whole.filename().string());
    if (!json) fail(ErrorCode::node_not_found, "there is no such file");
    const auto store = make_reference_store({.name = whole.string(),
                                             .folder = whole.parent_path().string(),
                                             .remote = std::move(remote)});
    store->add(parse_references(as_text(json->view())));
    return store;
  } catch (...) {
    throw Error(with_context(current_failure(), std::string(kName) + whole.string()));
  }
}

}  // namespace zarrloom
