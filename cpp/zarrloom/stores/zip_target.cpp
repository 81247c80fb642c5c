#include "zarrloom/stores/zip_target.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace zarrloom {
namespace {

// How often a lock turns out to be that of a file which another has replaced meanwhile.
constexpr int kAttempts = 100;

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

Fd open_file(const std::string& path, int flags) {
  Fd fd;
  do {
    // O_NONBLOCK: whatever lies there, opening it does not hang.
    fd = Fd(::open(path.c_str(), flags | O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666));
  } while (!fd && errno == EINTR);
  return fd;
}

Fd open_or_make(const std::string& path, ZipMode mode) {
  const int flags = mode == ZipMode::create ? O_CREAT | O_EXCL : O_CREAT;
  Fd fd = open_file(path, flags);
  if (!fd && errno == ENOENT && !folder_of(path).empty()) {
    const Fd top = open_folder(AT_FDCWD, "/", Symlinks::follow);
    if (!top) fail_call("openat of /", errno);
    (void)make_folders(top.get(), std::string_view(folder_of(path)).substr(1), Symlinks::follow,
                       false);
    fd = open_file(path, flags);
  }
  if (!fd && errno == EEXIST && mode == ZipMode::create) {
    fail(ErrorCode::node_exists, "is there already");
  }
  if (!fd) fail_call("open", errno);
  return fd;
}

void lock(const Fd& file) {
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) fail_call("flock", errno);
  fail(ErrorCode::conflict,
       "the archive is open for writing elsewhere; close it there, or open it with mode \"r\"");
}

struct stat checked_stat(const Fd& file) {
  struct stat info;
  if (::fstat(file.get(), &info) != 0) fail_call("fstat", errno);
  if (!S_ISREG(info.st_mode)) fail(ErrorCode::storage, "is no regular file, so no zip archive");
  return info;
}

bool is_at(const struct stat& file, const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && info.st_dev == file.st_dev &&
         info.st_ino == file.st_ino;
}

void unlock(const Fd& file) {
  // Explicitly: a forked child may hold the same open file for longer.
  if (file) ::flock(file.get(), LOCK_UN);
}

}  // namespace

ZipTarget::ZipTarget(const std::string& path, ZipMode mode) : path_(path) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Fd fd = open_or_make(path, mode);
    struct stat info = checked_stat(fd);
    lock(fd);
    // It may have been replaced between the two calls; then the lock is worth nothing.
    if (!is_at(info, path)) continue;
    info = checked_stat(fd);
    if (mode == ZipMode::replace && info.st_size > 0) {
      open_temporary(std::move(fd));
    } else {
      file_ = std::make_shared<const Fd>(std::move(fd));
    }
    return;
  }
  fail(ErrorCode::storage, "the archive was replaced again and again while it was being opened");
}

void ZipTarget::open_temporary(Fd old) {
  const std::string temporary = folder_of(path_) + "/" + temporary_name();
  Fd fd = open_file(temporary, O_CREAT | O_EXCL);
  if (!fd) fail_call("open of a temporary file", errno);
  temporary_ = temporary;
  ::fchmod(fd.get(), checked_stat(old).st_mode & 0777);  // as the old one, if that may be
  lock(fd);
  replaced_ = std::move(old);
  file_ = std::make_shared<const Fd>(std::move(fd));
}

void ZipTarget::publish(bool sync) {
  if (!temporary_.empty()) {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_call("rename", errno);
    temporary_.clear();
    unlock(replaced_);
    replaced_ = Fd();
  }
  if (checked_stat(*file_).st_nlink == 0) {
    fail(ErrorCode::storage, "the archive was deleted or replaced while it was being written");
  }
  if (!sync) return;
  const Fd folder = open_folder(AT_FDCWD, folder_of(path_) + "/", Symlinks::follow);
  if (!folder) fail_call("open of the folder", errno);
  sync_folder(folder.get());
}

void ZipTarget::disown() {
  owned_ = false;
  temporary_.clear();
}

ZipTarget::~ZipTarget() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  if (!owned_ || !file_) return;
  unlock(*file_);
  unlock(replaced_);
}

}  // namespace zarrloom
