// A store maps keys to objects (bytes). Keys are relative, "/"-separated, without empty, "." or
// ".." parts. All members may be called from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/base/bytes.h"
#include "zarrloom/base/cancel.h"
#include "zarrloom/base/error.h"
#include "zarrloom/exec/limits.h"

namespace zarrloom {

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = std::numeric_limits<std::uint64_t>::max();  // the largest: to the end
  // The last `length` bytes, or all of an object that has fewer; there is no offset then.
  bool from_end = false;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// Tells one state of an object from another, as an ETag does.
using ObjectVersion = std::string;

struct ReadRequest {
  std::string_view key;  // copied by a store that answers later
  ByteRange range = {};
  // Memory to read into, if the result fits; it stays the reader's until the completion has run.
  MutableBytes into = {};
  // A result larger than this is answered with corrupt_data before memory is allocated for it.
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  // The result has the object's version.
  bool want_version = false;
  // Answered with `changed` if the object has another version, or none. Empty: whatever is there.
  std::string_view if_version = {};  // copied by a store that answers later
  // Once cancelled, or at the deadline, a store that answers later gives the request up and answers
  // soon with cancelled or deadline. Reads that come too late are not begun.
  CancelToken cancel = {};
  Deadline deadline = kNoDeadline;
};

struct ReadResult {
  enum class Status { found, missing, failed, changed };
  Status status = Status::missing;
  ByteView bytes;                 // found: inside the request's `into`, or inside `owned`
  Bytes owned;                    // found, and `into` was too small
  Failure failure;                // failed
  std::uint64_t object_size = 0;  // found: of the whole object
  ObjectVersion version;          // found and wanted; empty if the store has none
  // False: the object was changed so lately that a further change might leave the version as it is.
  // Such a version is good for reads that follow at once, not to be remembered.
  bool settled = true;
};

// Called exactly once for each read, on any thread, perhaps before read() returns. Must not throw.
using ReadCompletion = std::function<void(ReadResult)>;

enum class WriteCondition {
  none,
  if_absent,  // Error{conflict} if the key is there
};

struct StoreCapabilities {
  bool writable = true;
  bool listable = true;
  // read() answers before it returns, on the calling thread, in microseconds: threads read and
  // decode in one go. Otherwise many reads are put in flight at once.
  bool answers_inline = true;
  bool conditional_write = true;
  IoKind kind = IoKind::memory;  // whose limit to requests in flight holds
};

struct ListEntry {
  std::string name;  // ListDepth::one: the last part; ListDepth::all: the key below the prefix
  bool is_prefix = false;
  friend auto operator<=>(const ListEntry&, const ListEntry&) = default;
};

enum class ListDepth { one, all };

class Store {
 public:
  virtual ~Store() = default;

  // Absence is an answer; a failure never looks like it. A range that is not inside the object is
  // corrupt_data. Throws invalid_argument for a malformed key; everything else comes as the answer.
  // The store must live until it has answered.
  void read(const ReadRequest& request, ReadCompletion done) const;

  // Readers see the old object or the new one, also after a crash. Returns when the store has it.
  // Throws storage, permission_denied, read_only, conflict.
  void write(std::string_view key, ByteView bytes,
             WriteCondition condition = WriteCondition::none) const;

  // Erasing what is not there is no error.
  void erase(std::string_view key) const;

  // Everything whose key begins with prefix + "/" ("" = all), sorted. No directory is no error.
  std::vector<ListEntry> list(std::string_view prefix, ListDepth depth) const;

  // True if the object is there. Throws where that cannot be told.
  bool exists(std::string_view key) const;

  // The object's full name, "file:///data/a.zarr/c/0": for messages, and equal for two handles on
  // the same object, so that it serves as the name of its lock.
  std::string locate(std::string_view key) const { return do_locate(key); }

  StoreCapabilities capabilities() const { return do_capabilities(); }

 private:
  friend void erase_prefix(const Store& store, std::string_view prefix);

  // Throwing before the completion was called is answering with that failure.
  virtual void do_read(const ReadRequest& request, ReadCompletion done) const = 0;
  virtual void do_write(std::string_view key, ByteView bytes, WriteCondition condition) const = 0;
  virtual void do_erase(std::string_view key) const = 0;
  virtual void do_erase_prefix(std::string_view prefix) const = 0;
  virtual std::vector<ListEntry> do_list(std::string_view prefix, ListDepth depth) const = 0;
  virtual bool do_exists(std::string_view key) const = 0;
  virtual std::string do_locate(std::string_view key) const = 0;
  virtual StoreCapabilities do_capabilities() const = 0;
};

// Throws invalid_argument: empty, leading or trailing "/", an empty, "." or ".." part, a NUL or
// backslash, a part above 255 bytes.
void check_key(std::string_view key);

// Waits for the answer. nullopt if the key is absent; throws for a failure.
std::optional<Bytes> read_object(const Store& store, std::string_view key, ByteRange range = {});

// Erases every object below the prefix ("" = all), and what interrupted writers left there.
void erase_prefix(const Store& store, std::string_view prefix);

// ---- The stores ----

// Lives in this process, forgotten with its last handle.
std::shared_ptr<Store> make_memory_store();

struct FileStoreOptions {
  bool read_only = false;
  bool fsync = false;           // write() returns when the bytes and the name are on the disk
  bool follow_symlinks = true;  // false: a symbolic link below the root is a permission error
};

// A folder; made, with its parents, by the first write. The folder is held open: moving it does not
// break the store, and after it is deleted reads fail instead of finding nothing.
std::shared_ptr<Store> make_file_store(std::string path, FileStoreOptions options = {});

// By URL: "file:///absolute/path", "zip:///absolute/path.zip" (see zip.h), "memory://",
// "reference:///absolute/refs.json" (see reference.h), "http://", "https://" (see http.h) and
// "s3://" (see s3.h) with their default options, or a plain path: a zip archive if it ends in
// ".zip" and is no folder, else a folder. Throws unsupported for another scheme, naming those
// known.
std::shared_ptr<Store> open_store(std::string_view url, FileStoreOptions options = {});

// ---- Stores around a store ----

// Every request waits for `latency` first, and reads answer later, any number of them in flight: to
// try out what a store that is far away does to a program.
std::shared_ptr<Store> make_latency_store(std::shared_ptr<Store> inner,
                                          std::chrono::nanoseconds latency);

// So many requests a second, over all threads that share the store, and at once after a rest
// `burst` of them (absent: those of a tenth of a second). Others wait for their turn.
std::shared_ptr<Store> make_rate_limited_store(std::shared_ptr<Store> inner,
                                               double requests_per_second,
                                               std::optional<double> burst = {});

}  // namespace zarrloom
