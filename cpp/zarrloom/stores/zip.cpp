#include "zarrloom/stores/zip.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <system_error>
#include <utility>

#include "zarrloom/exec/fork_guard.h"
#include "zarrloom/stores/answer.h"
#include "zarrloom/stores/file_io.h"
#include "zarrloom/stores/listing.h"
#include "zarrloom/stores/zip_archive.h"
#include "zarrloom/stores/zip_pack.h"
#include "zarrloom/stores/zip_target.h"

namespace zarrloom {
namespace {

namespace fs = std::filesystem;

// Absolute and without links: two handles on one archive agree on its name.
std::string canonical_path(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos || path.ends_with('/')) {
    fail(ErrorCode::invalid_argument, "\"" + path + "\" is no path of a zip archive");
  }
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  if (error) fail_call("getcwd", error.value());
  const fs::path resolved = fs::weakly_canonical(absolute, error);
  return (error ? absolute.lexically_normal() : resolved).string();
}

class ZipFile final : public ZipStore {
 public:
  ZipFile(const std::string& path, const ZipStoreOptions& options)
      : path_(canonical_path(path)), options_(options) {
    const std::unique_lock lock(mutex_);
    with_name([&] {
      if (options.mode == ZipMode::read || options.mode == ZipMode::on_demand) {
        open_for_reading();
      } else {
        open_for_writing(options.mode);
      }
    });
  }

  ~ZipFile() override {
    try {
      finish(true);
    } catch (...) {  // close() tells; the archive is the old one
    }
  }

 private:
  // ---- Reading ----

  // What a read needs: the file stays open as long as it.
  struct Found {
    std::shared_ptr<const Fd> file;
    ZipMember member;
    ZipBounds bounds;
    std::uint64_t inode;
  };

  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    ReadResult result;
    if (const std::optional<Found> found = find(request.key)) answer(request, *found, result);
    done(std::move(result));
  }

  static void answer(const ReadRequest& request, const Found& found, ReadResult& result) {
    ObjectVersion version;
    if (asks_for_version(request)) version = version_of_zip_member(found.member, found.inode);
    if (!describe(request, found.member.size, std::move(version), result)) return;
    read_zip_member(found.file->get(), found.member, found.bounds, request, result);
  }

  std::optional<Found> find(std::string_view key) const {
    const std::shared_lock lock = lock_to_read();
    const auto at = members_.find(key);
    if (at == members_.end()) return std::nullopt;
    return Found{file_, at->second, {end_, options_.inflate_limit}, inode_};
  }

  bool do_exists(std::string_view key) const override {
    const std::shared_lock lock = lock_to_read();
    return members_.contains(key);
  }

  std::vector<ListEntry> do_list(std::string_view prefix, ListDepth depth) const override {
    const std::shared_lock lock = lock_to_read();
    return list_keys(members_, prefix, depth);
  }

  std::string do_locate(std::string_view key) const override {
    const std::string name = "zip://" + path_;
    return key.empty() ? name : name + "/" + std::string(key);
  }

  StoreCapabilities do_capabilities() const override {
    return {.writable = options_.mode != ZipMode::read, .kind = IoKind::file};
  }

  // The archive is open if it is there, and is as it was when it was opened.
  std::shared_lock<std::shared_mutex> lock_to_read() const {
    std::shared_lock lock(mutex_);
    while (true) {
      if (closed_) fail(ErrorCode::storage, "the archive is closed");
      if (target_ || (file_ && state_of(*file_) == seen_)) return lock;
      lock.unlock();
      {
        const std::unique_lock alone(mutex_);
        const bool there = target_ || closed_ || (file_ ? see_again() : open_for_reading());
        if (!there) members_.clear();
      }
      lock.lock();
      if (!file_ && !closed_) return lock;  // not made yet
    }
  }

  static ObjectVersion state_of(const Fd& file) {
    struct stat info;
    if (::fstat(file.get(), &info) != 0) fail_call("fstat", errno);
    return version_of(info);
  }

  // Needs mutex_, as all that follow up to "Writing". False: there is none, which only a store that
  // may make it takes.
  bool open_for_reading() const {
    Fd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd && errno == ENOENT) {
      if (options_.mode != ZipMode::read) return false;
      fail(ErrorCode::node_not_found, "there is no such file");
    }
    if (!fd) fail_call("open", errno);
    take(std::make_shared<const Fd>(std::move(fd)));
    return true;
  }

  // Reads the directory of the open file. An empty file is an empty archive for who may write it.
  void take(std::shared_ptr<const Fd> file) const {
    struct stat info;
    if (::fstat(file->get(), &info) != 0) fail_call("fstat", errno);
    if (!S_ISREG(info.st_mode)) fail(ErrorCode::storage, "is no regular file, so no zip archive");
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const bool empty = size == 0 && options_.mode != ZipMode::read;
    ZipDirectory directory = empty ? ZipDirectory() : load_zip_directory(file->get(), size);
    members_ = std::move(directory.members);
    end_ = directory.end;
    directory.members = {};
    on_disk_ = std::move(directory);
    seen_ = version_of(info);
    inode_ = info.st_ino;
    file_ = std::move(file);
  }

  // After the file has another state than when it was seen last.
  bool see_again() const {
    ObjectVersion state = state_of(*file_);
    if (on_disk_.end == 0) {  // it was empty, so perhaps it has only now become an archive
      take(file_);
      return true;
    }
    if (!has_zip_directory(file_->get(), on_disk_)) {
      fail(ErrorCode::storage, "the archive was changed since it was opened; open it again");
    }
    seen_ = std::move(state);
    return true;
  }

  // ---- Writing ----

  void open_for_writing(ZipMode mode) const {
    auto target = std::make_unique<ZipTarget>(path_, mode);
    take(target->file());  // again, if it was open for reading: it may have grown
    // Cut off what a crash has left, so that the file's end tells the truth after the next one.
    if (file_size(*file_) > end_ && ::ftruncate(file_->get(), static_cast<off_t>(end_)) != 0) {
      fail_call("ftruncate", errno);
    }
    dirty_ = end_ == 0;  // a new file is no archive yet
    target_ = std::move(target);
  }

  static std::uint64_t file_size(const Fd& file) {
    struct stat info;
    if (::fstat(file.get(), &info) != 0) fail_call("fstat", errno);
    return static_cast<std::uint64_t>(info.st_size);
  }

  // Ready to change something: open for writing, and nobody writes a directory.
  std::unique_lock<std::shared_mutex> lock_to_write() const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !flushing_; });
    if (closed_) fail(ErrorCode::storage, "the archive is closed");
    if (forked_) {
      fail(ErrorCode::read_only,
           "the archive was open for writing when the process forked; the child must not write");
    }
    if (!target_) open_for_writing(ZipMode::append);
    return lock;
  }

  void do_write(std::string_view key, ByteView bytes, WriteCondition condition) const override {
    PackedMember packed(key, bytes, options_.deflate);
    {
      const auto lock = lock_to_write();
      check_condition(key, condition);
      packed.member.offset = end_;
      end_ += packed.size();
      ++writing_;
    }
    try {
      const int file = file_->get();  // stays while writing_ counts this write
      write_at(file, packed.member.offset, as_byte_view(packed.header));
      write_at(file, packed.member.offset + packed.header.size(), packed.data);
    } catch (...) {
      end_write([&] {
        // Nothing came behind it: as if it had not been tried. Else the room is lost.
        if (end_ == packed.member.offset + packed.size()) end_ = packed.member.offset;
      });
      throw;
    }
    end_write([&] {
      check_condition(key, condition);
      members_.insert_or_assign(std::string(key), packed.member);
      dirty_ = true;
    });
  }

  // Needs mutex_.
  void check_condition(std::string_view key, WriteCondition condition) const {
    if (condition == WriteCondition::if_absent && members_.contains(key)) {
      fail(ErrorCode::conflict, "is there already");
    }
  }

  template <class Work>
  void end_write(Work work) const {
    const std::unique_lock lock(mutex_);
    --writing_;
    changed_.notify_all();
    work();
  }

  void do_erase(std::string_view key) const override {
    {
      const std::shared_lock lock = lock_to_read();
      if (!members_.contains(key)) return;
    }
    const auto lock = lock_to_write();
    const auto at = members_.find(key);
    if (at == members_.end()) return;
    members_.erase(at);
    dirty_ = true;
  }

  void do_erase_prefix(std::string_view prefix) const override {
    const std::string start = below(prefix);
    const auto is_below = [&](auto at) {
      return at != members_.end() && at->first.starts_with(start);
    };
    {
      const std::shared_lock lock = lock_to_read();
      if (!is_below(members_.lower_bound(start))) return;
    }
    const auto lock = lock_to_write();
    for (auto at = members_.lower_bound(start); is_below(at); at = members_.erase(at)) {
      dirty_ = true;
    }
  }

  // ---- The directory ----

  void do_flush() const override { finish(false); }
  void do_close() const override { finish(true); }

  bool do_is_writing() const override {
    const std::shared_lock lock(mutex_);
    return target_ != nullptr && !forked_;
  }

  void finish(bool close) const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !flushing_; });
    if (target_ && !forked_ && !closed_) {
      flushing_ = true;
      try {
        changed_.wait(lock, [&] { return writing_ == 0; });
        if (dirty_) with_name([&] { write_directory(lock); });
      } catch (...) {
        stop_flushing();
        throw;
      }
      stop_flushing();
    }
    if (!close) return;
    closed_ = true;
    members_.clear();
    file_.reset();
    target_.reset();
  }

  void stop_flushing() const {
    flushing_ = false;
    changed_.notify_all();
  }

  // Reads go on meanwhile; what changes the members waits for `flushing_`.
  void write_directory(std::unique_lock<std::shared_mutex>& lock) const {
    lock.unlock();
    try {
      std::string bytes = make_zip_directory(members_, end_);
      store_directory(bytes);
      lock.lock();
      end_ += bytes.size();
    } catch (...) {
      lock.lock();
      // Half a directory at the end of the file would be taken for a damaged one.
      (void)!::ftruncate(file_->get(), static_cast<off_t>(end_));
      throw;
    }
    dirty_ = false;
  }

  void store_directory(std::string_view bytes) const {
    const int file = file_->get();
    const std::uint64_t end = end_ + bytes.size();
    // The end record last: where it is on the disk, all in front of it is, too.
    const std::size_t body = bytes.size() - kZipEndSize;
    write_at(file, end_, as_byte_view(bytes.substr(0, body)));
    if (options_.fsync) sync(file);
    write_at(file, end_ + body, as_byte_view(bytes.substr(body)));
    if (::ftruncate(file, static_cast<off_t>(end)) != 0) fail_call("ftruncate", errno);
    if (options_.fsync) sync(file);
    target_->publish(options_.fsync);
  }

  static void sync(int file) {
    if (::fsync(file) != 0) fail_call("fsync", errno);
  }

  // Failures of the archive as a whole begin with its name.
  template <class Work>
  void with_name(Work work) const {
    try {
      work();
    } catch (...) {
      throw Error(with_context(current_failure(), do_locate("")));
    }
  }

  // ---- Forks ----

  void start_as_child() const {
    // Both remember threads that are gone.
    mutex_.unlock();
    std::construct_at(&mutex_);
    std::construct_at(&changed_);
    flushing_ = false;
    writing_ = 0;
    forked_ = target_ != nullptr;
    if (target_) target_->disown();
  }

  const std::string path_;
  const ZipStoreOptions options_;

  mutable std::shared_mutex mutex_;
  mutable std::condition_variable_any changed_;  // of flushing_ and writing_
  mutable std::shared_ptr<const Fd> file_;       // guarded by mutex_; null: not there, or closed
  mutable std::unique_ptr<ZipTarget> target_;    // guarded by mutex_; null: not open for writing
  mutable ZipMembers members_;                   // guarded by mutex_; fixed while flushing_
  mutable std::uint64_t end_ = 0;                // guarded by mutex_; the next member's place
  mutable ZipDirectory on_disk_;                 // guarded by mutex_; without its members
  mutable ObjectVersion seen_;                   // guarded by mutex_; the file's, when looked at
  mutable std::uint64_t inode_ = 0;              // guarded by mutex_
  mutable std::size_t writing_ = 0;              // guarded by mutex_; members being written
  mutable bool flushing_ = false;                // guarded by mutex_
  mutable bool dirty_ = false;                   // guarded by mutex_; the directory is not on disk
  mutable bool closed_ = false;                  // guarded by mutex_
  mutable bool forked_ = false;                  // guarded by mutex_; a parent writes the archive
  const ForkGuard fork_guard_{{.before = [this] { mutex_.lock(); },
                               .in_parent = [this] { mutex_.unlock(); },
                               .in_child = [this] { start_as_child(); }}};
};

}  // namespace

std::shared_ptr<ZipStore> make_zip_store(std::string path, ZipStoreOptions options) {
  return std::make_shared<ZipFile>(path, options);
}

}  // namespace zarrloom
