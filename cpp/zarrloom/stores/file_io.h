// System calls on files, relative to an open folder and with their errors made visible. Only for
// the stores; POSIX.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "zarrloom/base/bytes.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {

// An open file, closed with its owner; closing leaves errno alone.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Throws "call: text of the error" as permission_denied, read_only or storage.
[[noreturn]] void fail_call(const char* call, int error);

// refuse: a symbolic link anywhere below the folder opened from gives ELOOP.
enum class Symlinks { follow, refuse };

// openat. Not open: errno says why. `path` must have no ".." part.
Fd open_below(int folder, const std::string& path, int flags, Symlinks symlinks);

// The same for Symlinks::refuse where the kernel has no openat2.
Fd open_below_by_parts(int folder, const std::string& path, int flags);

// An open folder to start from; it need not be readable for that.
Fd open_folder(int folder, const std::string& path, Symlinks symlinks);

// Opens the folder and makes what is missing of it. Not open: somebody removes it at the same time.
Fd make_folders(int folder, std::string_view path, Symlinks symlinks, bool sync);

// Opens the object for reading at once, whatever it is. Not open: it is not there. Throws for
// anything but a regular file; a FIFO would hang its reader.
Fd open_object(int root, const std::string& key, Symlinks symlinks, struct stat& info);

// Inode, size and times.
ObjectVersion version_of(const struct stat& info);

// False for a file that was changed so lately that a further change might not show in its times.
bool is_settled(const struct stat& info);

// Fills `into` from the offset on. Throws corrupt_data if the file ends before.
void read_at(int fd, std::uint64_t offset, MutableBytes into);

// All of `bytes`, from the offset on.
void write_at(int fd, std::uint64_t offset, ByteView bytes);

// Returns when the names in the folder are on the disk.
void sync_folder(int folder);

struct WriteHow {
  WriteCondition condition = WriteCondition::none;
  bool sync = false;
};

// Writes the object under a temporary name in its own folder and renames it. False: the folder was
// removed meanwhile. Whatever fails, the old object is intact and the temporary is gone.
[[nodiscard]] bool write_object(int folder, const std::string& name, ByteView bytes,
                                const WriteHow& how);

// Another one each time; is_temporary() knows it.
std::string temporary_name();

// Names of objects that are being written, or that a killed writer left.
bool is_temporary(std::string_view name);

}  // namespace zarrloom
