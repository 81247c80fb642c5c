#include "zarrloom/stores/file_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace zarrloom {
namespace {

constexpr int kReadable = O_RDONLY | O_DIRECTORY;

struct Child {
  std::string name;
  mode_t kind = 0;  // S_IFREG, ...; 0: gone meanwhile, or a link that leads nowhere
};

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

mode_t kind_of(int folder, const dirent& entry, Symlinks symlinks) {
  const bool follow = symlinks == Symlinks::follow;
  const bool known = entry.d_type != DT_UNKNOWN && !(follow && entry.d_type == DT_LNK);
  if (known) return static_cast<mode_t>(DTTOIF(entry.d_type));
  struct stat info;
  if (::fstatat(folder, entry.d_name, &info, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return info.st_mode & S_IFMT;
}

// All at once, so that a deep tree does not hold a descriptor for each level.
std::vector<Child> children(Fd folder, Symlinks symlinks) {
  const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(folder.get()));
  if (!dir) fail_call("fdopendir", errno);
  const int fd = folder.release();  // now the DIR's
  std::vector<Child> result;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      result.push_back({std::string(name), kind_of(fd, *entry, symlinks)});
    }
  }
  if (errno != 0) fail_call("readdir", errno);
  return result;
}

struct FolderId {
  dev_t device;
  ino_t inode;
  friend bool operator==(const FolderId&, const FolderId&) = default;
};

FolderId id_of(int folder) {
  struct stat info;
  if (::fstat(folder, &info) != 0) fail_call("fstat", errno);
  return {info.st_dev, info.st_ino};
}

class Lister {
 public:
  Lister(int root, const std::string& prefix, ListDepth depth, Symlinks symlinks)
      : root_(root), prefix_(prefix), depth_(depth), symlinks_(symlinks) {}

  std::vector<ListEntry> run() {
    walk("");
    std::sort(entries_.begin(), entries_.end());
    return std::move(entries_);
  }

 private:
  void walk(const std::string& below) {
    const bool slash = !prefix_.empty() && !below.empty();
    const std::string path = prefix_ + (slash ? "/" : "") + below;
    Fd folder = open_below(root_, path.empty() ? "." : path, kReadable, symlinks_);
    if (!folder) {
      if (errno == ENOENT || errno == ENOTDIR) return;
      fail_call("openat", errno);
    }
    const FolderId id = id_of(folder.get());
    if (std::find(above_.begin(), above_.end(), id) != above_.end()) return;  // a circle of links
    above_.push_back(id);
    for (const Child& child : children(std::move(folder), symlinks_)) take(below, child);
    above_.pop_back();
  }

  void take(const std::string& below, const Child& child) {
    if (is_temporary(child.name) || child.name.find('\\') != std::string::npos) return;
    std::string name = below.empty() ? child.name : below + "/" + child.name;
    if (S_ISREG(child.kind)) {
      entries_.push_back({std::move(name), false});
    } else if (S_ISDIR(child.kind) && depth_ == ListDepth::one) {
      entries_.push_back({std::move(name), true});
    } else if (S_ISDIR(child.kind)) {
      walk(name);
    }
  }

  int root_;
  const std::string& prefix_;
  ListDepth depth_;
  Symlinks symlinks_;
  std::vector<FolderId> above_;  // the folders that the walk is inside
  std::vector<ListEntry> entries_;
};

void remove(int folder, const std::string& name, int flags) {
  if (::unlinkat(folder, name.c_str(), flags) == 0) return;
  // Somebody else was faster, or writes there right now: both are as if they had come later.
  if (errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST) return;
  fail_call("unlinkat", errno);
}

void erase_children(int folder, Fd readable) {
  for (const Child& child : children(std::move(readable), Symlinks::refuse)) {
    if (!S_ISDIR(child.kind)) {
      remove(folder, child.name, 0);
      continue;
    }
    Fd below(::openat(folder, child.name.c_str(), kReadable | O_NOFOLLOW | O_CLOEXEC));
    if (!below && errno == ENOENT) continue;
    if (!below) fail_call("openat", errno);
    Fd again(::openat(below.get(), ".", kReadable | O_CLOEXEC));
    if (!again) fail_call("openat", errno);
    erase_children(below.get(), std::move(again));
    remove(folder, child.name, AT_REMOVEDIR);
  }
}

}  // namespace

std::vector<ListEntry> list_tree(int root, const std::string& prefix, ListDepth depth,
                                 Symlinks symlinks) {
  return Lister(root, prefix, depth, symlinks).run();
}

void erase_tree(int root, const std::string& prefix, Symlinks symlinks) {
  Fd folder = open_below(root, prefix.empty() ? "." : prefix, kReadable, symlinks);
  if (!folder) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    fail_call("openat", errno);
  }
  Fd again(::openat(folder.get(), ".", kReadable | O_CLOEXEC));
  if (!again) fail_call("openat", errno);
  erase_children(folder.get(), std::move(again));
  if (prefix.empty()) return;  // the root is the store's own
  const std::size_t slash = prefix.rfind('/');
  const Fd parent =
      open_folder(root, slash == std::string::npos ? "." : prefix.substr(0, slash), symlinks);
  if (!parent) return;
  const std::string name = prefix.substr(slash == std::string::npos ? 0 : slash + 1);
  if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOTDIR) {
    if (errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST) fail_call("unlinkat", errno);
  }
}

}  // namespace zarrloom
