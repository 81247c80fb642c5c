#include "zarrloom/stores/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <system_error>

#if defined(__linux__) && __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <atomic>
#endif

namespace zarrloom {
namespace {

#ifdef O_PATH
constexpr int kFolder = O_PATH | O_DIRECTORY | O_CLOEXEC;  // needs no right to read the folder
#else
constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
#endif

constexpr std::int64_t kSecond = 1'000'000'000;  // in nanoseconds

template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

ErrorCode code_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case ELOOP:
      return ErrorCode::permission_denied;
    case EROFS:
      return ErrorCode::read_only;
    default:
      return ErrorCode::storage;
  }
}

const char* advice_for(int error) {
  switch (error) {
    case EMFILE:
      return "; this process has too many files open: raise its limit (ulimit -n) or use fewer "
             "threads";
    case ENFILE:
      return "; the whole system has too many files open";
    case ELOOP:
      return "; symbolic links go round in a circle, or the store does not follow any";
    case EDQUOT:
    case ENOSPC:
      return "; the old object is intact";
    default:
      return "";
  }
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "is a directory, not an object";
  if (S_ISFIFO(mode)) return "is a FIFO, not an object";
  if (S_ISSOCK(mode)) return "is a socket, not an object";
  return "is a device, not an object";
}

// O_DIRECTORY and O_NOFOLLOW together answer ENOTDIR for a link, which would look like absence.
Fd open_part(int folder, const std::string& part, int flags, Symlinks symlinks) {
  const int nofollow = symlinks == Symlinks::refuse ? O_NOFOLLOW : 0;
  Fd fd(retry_interrupted(
      [&] { return ::openat(folder, part.c_str(), flags | nofollow | O_CLOEXEC); }));
  if (!fd && errno == ENOTDIR && nofollow != 0) {
    struct stat info;
    const bool link =
        ::fstatat(folder, part.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
    errno = link ? ELOOP : ENOTDIR;
  }
  return fd;
}

// Opens or makes one folder. Not open: `folder` is being removed.
Fd make_folder(int folder, const std::string& part, Symlinks symlinks, bool sync) {
  Fd fd = open_part(folder, part, kFolder, symlinks);
  if (!fd && errno == ENOENT) {
    if (::mkdirat(folder, part.c_str(), 0777) == 0) {
      if (sync) sync_folder(folder);
    } else if (errno == ENOENT) {
      return {};
    } else if (errno != EEXIST) {  // another writer was faster
      fail_call("mkdirat", errno);
    }
    fd = open_part(folder, part, kFolder, symlinks);
  }
  if (!fd && errno != ENOENT) fail_call("openat", errno);
  return fd;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Fd::~Fd() {
  if (fd_ < 0) return;
  const int kept = errno;
  ::close(fd_);
  errno = kept;
}

void fail_call(const char* call, int error) {
  throw Error(Failure{.code = code_of(error),
                      .message = std::string(call) + ": " +
                                 std::error_code(error, std::generic_category()).message() +
                                 advice_for(error),
                      .os_error = error});
}

Fd open_below(int folder, const std::string& path, int flags, Symlinks symlinks) {
  if (symlinks == Symlinks::follow) {
    return Fd(retry_interrupted([&] { return ::openat(folder, path.c_str(), flags | O_CLOEXEC); }));
  }
#ifdef SYS_openat2
  static std::atomic<bool> kernel_has_it{true};
  if (kernel_has_it.load(std::memory_order_relaxed)) {
    open_how how{};
    how.flags = static_cast<decltype(how.flags)>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
    const long fd = retry_interrupted(
        [&] { return ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof(how)); });
    // Sandboxes answer EPERM to calls that they do not know.
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return Fd(static_cast<int>(fd));
    if (errno == ENOSYS) kernel_has_it.store(false, std::memory_order_relaxed);
  }
#endif
  return open_below_by_parts(folder, path, flags);
}

Fd open_below_by_parts(int folder, const std::string& path, int flags) {
  Fd current;
  std::size_t begin = 0;
  while (true) {
    const std::size_t slash = path.find('/', begin);
    const bool last = slash == std::string::npos;
    const std::string part = path.substr(begin, last ? slash : slash - begin);
    Fd next =
        open_part(current ? current.get() : folder, part, last ? flags : kFolder, Symlinks::refuse);
    if (last || !next) return next;
    current = std::move(next);
    begin = slash + 1;
  }
}

Fd open_folder(int folder, const std::string& path, Symlinks symlinks) {
  return open_below(folder, path, kFolder, symlinks);
}

Fd make_folders(int folder, std::string_view path, Symlinks symlinks, bool sync) {
  Fd current;
  while (true) {
    const std::size_t slash = path.find('/');
    Fd next = make_folder(current ? current.get() : folder, std::string(path.substr(0, slash)),
                          symlinks, sync);
    if (slash == std::string_view::npos || !next) return next;
    current = std::move(next);
    path.remove_prefix(slash + 1);
  }
}

Fd open_object(int root, const std::string& key, Symlinks symlinks, struct stat& info) {
  Fd fd = open_below(root, key, O_RDONLY | O_NONBLOCK | O_NOCTTY, symlinks);
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return fd;
    fail_call("openat", errno);
  }
  if (::fstat(fd.get(), &info) != 0) fail_call("fstat", errno);
  if (!S_ISREG(info.st_mode)) fail(ErrorCode::storage, kind_of(info.st_mode));
  return fd;
}

bool is_settled(const struct stat& info) {
  // Two changes within one tick of the kernel's clock (10 ms at most) have the same time.
  constexpr std::int64_t kTick = 20'000'000;
  timespec now;
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  const std::int64_t age =
      (now.tv_sec - info.st_ctim.tv_sec) * kSecond + (now.tv_nsec - info.st_ctim.tv_nsec);
  return age >= kTick;
}

ObjectVersion version_of(const struct stat& info) {
  const std::array<std::int64_t, 4> state{static_cast<std::int64_t>(info.st_ino), info.st_size,
                                          info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec,
                                          info.st_ctim.tv_sec * kSecond + info.st_ctim.tv_nsec};
  return {reinterpret_cast<const char*>(state.data()), sizeof state};
}

void sync_folder(int folder) {
  // `folder` itself may be open without the right to read, which fsync wants.
  const Fd fd(
      retry_interrupted([&] { return ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd) fail_call("openat for fsync", errno);
  // EINVAL: a file system that cannot do it for folders.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) fail_call("fsync of the folder", errno);
}

void read_at(int fd, std::uint64_t offset, MutableBytes into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = retry_interrupted([&] {
      return ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    });
    if (n < 0) fail_call("pread", errno);
    if (n == 0) {
      fail(ErrorCode::corrupt_data,
           "was cut to " + std::to_string(offset + done) + " bytes while it was being read");
    }
    done += static_cast<std::size_t>(n);
  }
}

void write_at(int fd, std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = retry_interrupted(
        [&] { return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (n < 0) fail_call("pwrite", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

}  // namespace zarrloom
