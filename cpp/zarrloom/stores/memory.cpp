#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "zarrloom/exec/fork_guard.h"
#include "zarrloom/stores/answer.h"
#include "zarrloom/stores/listing.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {
namespace {

struct Stored {
  explicit Stored(ByteView view) : bytes(Bytes::copy_of(view)) {}

  const Bytes bytes;
  const std::uint64_t version = next_version();

 private:
  static std::uint64_t next_version() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }
};
using Object = std::shared_ptr<const Stored>;
using Objects = std::map<std::string, Object, std::less<>>;

std::string next_name() {
  static std::atomic<std::uint64_t> last{0};
  return "memory://" + std::to_string(++last);
}

class MemoryStore final : public Store {
 private:
  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    const Object object = find(request.key);
    ReadResult result;
    if (object) {
      // Copied outside the lock: the object is immutable and ours by now.
      answer(request, *object, result);
    }
    done(std::move(result));
  }

  static void answer(const ReadRequest& request, const Stored& object, ReadResult& result) {
    const std::size_t size = object.bytes.size();
    ObjectVersion version;
    if (asks_for_version(request)) version = std::to_string(object.version);
    if (!describe(request, size, std::move(version), result)) return;
    const Slice slice = slice_of(request, size);
    const MutableBytes memory = memory_for(request, slice.length, result);
    if (memory.empty()) return;
    std::memcpy(memory.data(), object.bytes.data() + slice.offset, slice.length);
  }

  void do_write(std::string_view key, ByteView bytes, WriteCondition condition) const override {
    Object object = std::make_shared<const Stored>(bytes);
    const std::unique_lock lock(mutex_);
    Object& stored = objects_[std::string(key)];
    if (stored && condition == WriteCondition::if_absent) {
      fail(ErrorCode::conflict, "is there already");
    }
    // The old object leaves with `object`, which dies after the lock.
    stored.swap(object);
  }

  void do_erase(std::string_view key) const override {
    Objects::node_type erased;
    const std::unique_lock lock(mutex_);
    const auto found = objects_.find(key);
    if (found != objects_.end()) erased = objects_.extract(found);
  }

  void do_erase_prefix(std::string_view prefix) const override {
    const std::string start = below(prefix);
    Objects erased;
    const std::unique_lock lock(mutex_);
    auto next = objects_.lower_bound(start);
    while (next != objects_.end() && next->first.starts_with(start)) {
      erased.insert(objects_.extract(next++));
    }
  }

  std::vector<ListEntry> do_list(std::string_view prefix, ListDepth depth) const override {
    const std::shared_lock lock(mutex_);
    return list_keys(objects_, prefix, depth);
  }

  bool do_exists(std::string_view key) const override { return find(key) != nullptr; }

  std::string do_locate(std::string_view key) const override {
    return key.empty() ? name_ : name_ + "/" + std::string(key);
  }

  StoreCapabilities do_capabilities() const override { return {}; }

  Object find(std::string_view key) const {
    const std::shared_lock lock(mutex_);
    const auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : found->second;
  }

  // The lock remembers threads that waited for it, and would hand itself to one that is gone.
  void replace_mutex() const {
    mutex_.unlock();
    std::construct_at(&mutex_);
  }

  const std::string name_ = next_name();
  mutable std::shared_mutex mutex_;
  mutable Objects objects_;  // guarded by mutex_
  // A child that is forked while another thread writes must find a whole map and a free lock.
  const ForkGuard fork_guard_{{.before = [this] { mutex_.lock(); },
                               .in_parent = [this] { mutex_.unlock(); },
                               .in_child = [this] { replace_mutex(); }}};
};

}  // namespace

std::shared_ptr<Store> make_memory_store() { return std::make_shared<MemoryStore>(); }

}  // namespace zarrloom
