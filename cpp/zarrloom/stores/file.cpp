// A folder as a store. It has no lock, so a fork finds nothing held: the file system is the only
// shared state, and one object's write is one rename.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "zarrloom/stores/answer.h"
#include "zarrloom/stores/file_io.h"
#include "zarrloom/stores/file_tree.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {
namespace {

namespace fs = std::filesystem;

// How often a write makes its folder anew that somebody removes at the same time.
constexpr int kFolderAttempts = 1000;

// Absolute, and with links resolved as far as it exists: two handles on one folder agree. Without
// a trailing slash; "" is the root of the file system.
std::string canonical_root(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    fail(ErrorCode::invalid_argument, "the path of a file store is empty or holds a NUL");
  }
  std::error_code error;
  fs::path root = fs::absolute(path, error);
  if (error) fail_call("getcwd", error.value());
  const fs::path resolved = fs::weakly_canonical(root, error);
  root = error ? root.lexically_normal() : resolved;
  std::string text = root.string();
  while (text.ends_with('/')) text.pop_back();
  return text;
}

// Splits "a/b/c" into "a/b" and "c".
struct Place {
  explicit Place(std::string_view key) {
    const std::size_t slash = key.rfind('/');
    if (slash != std::string_view::npos) folder = key.substr(0, slash);
    name = slash == std::string_view::npos ? key : key.substr(slash + 1);
  }
  std::string folder;
  std::string name;
};

class FileStore final : public Store {
 public:
  FileStore(const std::string& path, const FileStoreOptions& options)
      : path_(canonical_root(path)),
        options_(options),
        symlinks_(options.follow_symlinks ? Symlinks::follow : Symlinks::refuse) {
    // Held from now on if it is there, so that its end is noticed. Problems are for the first use.
    keep_root(open_root());
  }

  ~FileStore() override { const Fd root(root_.load()); }

 private:
  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    ReadResult result;
    const int root = existing_root();
    if (root >= 0) {
      struct stat info;
      // Closed before the completion runs, which may take long.
      const Fd file = open_object(root, std::string(request.key), symlinks_, info);
      if (file) {
        answer(request, file.get(), info, result);
      } else {
        check_root_not_deleted(root);
      }
    }
    done(std::move(result));
  }

  static void answer(const ReadRequest& request, int file, const struct stat& info,
                     ReadResult& result) {
    const auto size = static_cast<std::uint64_t>(info.st_size);
    ObjectVersion version;
    if (asks_for_version(request)) {
      version = version_of(info);
      result.settled = is_settled(info);
    }
    if (!describe(request, size, std::move(version), result)) return;
    const Slice slice = slice_of(request, size);
    read_at(file, slice.offset, memory_for(request, slice.length, result));
  }

  void do_write(std::string_view key, ByteView bytes, WriteCondition condition) const override {
    const Place place(key);
    if (is_temporary(place.name)) {
      fail(ErrorCode::invalid_argument, "is a name kept for unfinished writes");
    }
    const int root = made_root();
    for (int attempt = 0; attempt < kFolderAttempts; ++attempt) {
      const Fd folder = made_folder(root, place.folder);
      const WriteHow how{condition, options_.fsync};
      if (folder && write_object(folder.get(), place.name, bytes, how)) return;
      check_root_not_deleted(root);
    }
    fail(ErrorCode::storage, "its folder was removed again and again while it was being written");
  }

  void do_erase(std::string_view key) const override {
    const int root = existing_root();
    if (root < 0) return;
    const Place place(key);
    const Fd folder = open_folder(root, or_dot(place.folder), symlinks_);
    if (folder && ::unlinkat(folder.get(), place.name.c_str(), 0) == 0) return;
    if (errno != ENOENT && errno != ENOTDIR) fail_call(folder ? "unlinkat" : "openat", errno);
    check_root_not_deleted(root);
  }

  void do_erase_prefix(std::string_view prefix) const override {
    const int root = existing_root();
    if (root < 0) return;
    check_root_not_deleted(root);
    erase_tree(root, std::string(prefix), symlinks_);
  }

  std::vector<ListEntry> do_list(std::string_view prefix, ListDepth depth) const override {
    const int root = existing_root();
    if (root < 0) return {};
    check_root_not_deleted(root);
    return list_tree(root, std::string(prefix), depth, symlinks_);
  }

  bool do_exists(std::string_view key) const override {
    const int root = existing_root();
    if (root < 0) return false;
    struct stat info;
    if (open_object(root, std::string(key), symlinks_, info)) return true;
    check_root_not_deleted(root);
    return false;
  }

  std::string do_locate(std::string_view key) const override {
    std::string place = "file://" + path_;
    if (!key.empty() || path_.empty()) place += "/";
    return place += key;
  }

  StoreCapabilities do_capabilities() const override {
    return {.writable = !options_.read_only, .kind = IoKind::file};
  }

  static std::string or_dot(const std::string& folder) { return folder.empty() ? "." : folder; }

  Fd made_folder(int root, const std::string& folder) const {
    Fd fd = open_folder(root, or_dot(folder), symlinks_);
    if (fd) return fd;
    if (errno != ENOENT) fail_call("openat", errno);
    return make_folders(root, or_dot(folder), symlinks_, options_.fsync);
  }

  // ---- The root: opened once, then held, so that it may be moved ----

  Fd open_root() const {
    return open_folder(AT_FDCWD, path_.empty() ? "/" : path_, Symlinks::follow);
  }

  // The first to open it wins.
  int keep_root(Fd opened) const {
    int expected = -1;
    if (opened && root_.compare_exchange_strong(expected, opened.get())) return opened.release();
    return expected;
  }

  // -1: not there yet, a new store.
  int existing_root() const {
    const int root = root_.load(std::memory_order_acquire);
    if (root >= 0) return root;
    Fd opened = open_root();
    if (!opened && errno != ENOENT) fail_call("openat of the store's folder", errno);
    return keep_root(std::move(opened));
  }

  int made_root() const {
    for (int attempt = 0; attempt < kFolderAttempts; ++attempt) {
      const int root = existing_root();
      if (root >= 0) return root;
      const Fd top = open_folder(AT_FDCWD, "/", Symlinks::follow);
      if (!top) fail_call("openat of /", errno);
      const std::string_view below = std::string_view(path_).substr(1);
      keep_root(make_folders(top.get(), below, Symlinks::follow, options_.fsync));
    }
    fail(ErrorCode::storage, "the store's folder was removed again and again while it was made");
  }

  // Called where an object was not found: in a deleted folder nothing is.
  void check_root_not_deleted(int root) const {
    struct stat info;
    if (::fstat(root, &info) != 0) fail_call("fstat of the store's folder", errno);
    if (info.st_nlink != 0) return;
    fail(ErrorCode::storage,
         "the store's folder was deleted while this store held it open; open the store again");
  }

  const std::string path_;
  const FileStoreOptions options_;
  const Symlinks symlinks_;
  mutable std::atomic<int> root_{-1};
};

}  // namespace

std::shared_ptr<Store> make_file_store(std::string path, FileStoreOptions options) {
  return std::make_shared<FileStore>(path, options);
}

}  // namespace zarrloom
