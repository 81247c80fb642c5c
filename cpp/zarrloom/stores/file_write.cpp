// The atomic write of an object.
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "zarrloom/stores/file_io.h"

namespace zarrloom {
namespace {

constexpr std::string_view kTemporaryStart = ".zarrloom-";
constexpr std::string_view kTemporaryEnd = ".tmp";

// Tells apart processes of equal number on several machines. Zero where the kernel gives none:
// O_EXCL still finds every clash.
unsigned long long process_salt() {
  static const unsigned long long salt = [] {
    unsigned long long value = 0;
    if (::getentropy(&value, sizeof(value)) != 0) value = 0;
    return value;
  }();
  return salt;
}

// A new file under a temporary name, unlinked with its owner unless it was renamed.
class Temporary {
 public:
  explicit Temporary(int folder) : folder_(folder) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      name_ = temporary_name();
      fd_ = Fd(::openat(folder, name_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666));
      if (fd_ || (errno != EEXIST && errno != EINTR)) break;
    }
    if (fd_) return;
    name_.clear();
    if (errno != ENOENT) fail_call("openat of a temporary file", errno);
  }
  ~Temporary() {
    if (!name_.empty()) ::unlinkat(folder_, name_.c_str(), 0);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  explicit operator bool() const { return static_cast<bool>(fd_); }
  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }

  // Some file systems report a failed write only here. An interrupted close has closed.
  void close() {
    if (::close(fd_.release()) != 0 && errno != EINTR) fail_call("close", errno);
  }
  void was_renamed() { name_.clear(); }

 private:
  int folder_;
  std::string name_;
  Fd fd_;
};

void write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_call("write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

int rename_if_absent(int folder, const std::string& from, const std::string& to) {
#if defined(__linux__) && defined(SYS_renameat2)
  constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE
  return static_cast<int>(
      ::syscall(SYS_renameat2, folder, from.c_str(), folder, to.c_str(), kNoReplace));
#else
  (void)folder, (void)from, (void)to;
  errno = ENOSYS;
  return -1;
#endif
}

// After EEXIST: over a network, the link may be ours and only the reply was lost.
bool has_two_names(int folder, const std::string& name) {
  struct stat info;
  return ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_nlink == 2;
}

[[nodiscard]] bool publish_if_absent(int folder, Temporary& temporary, const std::string& name) {
  if (::linkat(folder, temporary.name().c_str(), folder, name.c_str(), 0) == 0) return true;
  if (errno == EEXIST && has_two_names(folder, temporary.name())) return true;
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK) {
    // No hard links here.
    if (rename_if_absent(folder, temporary.name(), name) == 0) {
      temporary.was_renamed();
      return true;
    }
  }
  if (errno == EEXIST) fail(ErrorCode::conflict, "is there already");
  if (errno != ENOENT) fail_call("linkat", errno);
  return false;
}

[[nodiscard]] bool publish(int folder, Temporary& temporary, const std::string& name,
                           WriteCondition condition) {
  if (condition == WriteCondition::if_absent) return publish_if_absent(folder, temporary, name);
  if (::renameat(folder, temporary.name().c_str(), folder, name.c_str()) == 0) {
    temporary.was_renamed();
    return true;
  }
  if (errno != ENOENT) fail_call("renameat", errno);
  return false;
}

}  // namespace

std::string temporary_name() {
  static std::atomic<unsigned long> last{0};
  char text[80];
  std::snprintf(text, sizeof(text), "%ld-%lu-%llx", static_cast<long>(::getpid()), ++last,
                process_salt());
  return std::string(kTemporaryStart) + text + std::string(kTemporaryEnd);
}

bool write_object(int folder, const std::string& name, ByteView bytes, const WriteHow& how) {
  Temporary temporary(folder);
  if (!temporary) return false;
  write_all(temporary.fd(), bytes);
  // Never tried again: after a failed fsync the kernel may have dropped the pages.
  if (how.sync && ::fsync(temporary.fd()) != 0) fail_call("fsync", errno);
  temporary.close();
  if (!publish(folder, temporary, name, how.condition)) return false;
  if (how.sync) sync_folder(folder);
  return true;
}

bool is_temporary(std::string_view name) {
  return name.starts_with(kTemporaryStart) && name.ends_with(kTemporaryEnd);
}

}  // namespace zarrloom
