#include "zarrloom/stores/store.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace zarrloom {
namespace {

constexpr std::size_t kLongestPart = 255;  // what common file systems take

[[noreturn]] void fail_key(std::string_view key, const char* why) {
  // A NUL would cut the message short for whoever reads it as a C string.
  std::string shown(key.substr(0, 300));
  for (char& c : shown) {
    if (c == '\0') c = '?';
  }
  throw Error(Failure{.code = ErrorCode::invalid_argument,
                      .message = "store key \"" + shown + "\": " + why,
                      .key = std::string(key)});
}

void check_part(std::string_view key, std::string_view part) {
  if (part.empty()) fail_key(key, "has an empty part (a leading, trailing or double \"/\")");
  if (part == "." || part == "..") fail_key(key, "has a \".\" or \"..\" part");
  if (part.size() > kLongestPart) fail_key(key, "has a part above 255 bytes");
}

void check_prefix(std::string_view prefix) {
  if (!prefix.empty()) check_key(prefix);
}

// Adds the object's name once, also where stores wrap stores.
Failure located(const Store& store, std::string_view key, Failure failure) {
  const std::string place = store.locate(key);
  if (!failure.message.starts_with(place)) failure = with_context(std::move(failure), place);
  failure.key = key;
  return failure;
}

template <class Work>
auto with_place(const Store& store, std::string_view key, Work work) {
  try {
    return work();
  } catch (...) {
    throw Error(located(store, key, current_failure()));
  }
}

void check_writable(const Store& store, std::string_view key) {
  if (store.capabilities().writable) return;
  throw Error(located(
      store, key, {.code = ErrorCode::read_only, .message = "the store is open for reading only"}));
}

ReadResult failed(Failure failure) {
  ReadResult result;
  result.status = ReadResult::Status::failed;
  result.failure = std::move(failure);
  return result;
}

ReadResult checked(const Store& store, std::string_view key, std::uint64_t limit,
                   ReadResult result) {
  if (result.status == ReadResult::Status::found && result.bytes.size() > limit) {
    result = failed({.code = ErrorCode::corrupt_data,
                     .message = "holds " + std::to_string(result.bytes.size()) +
                                " bytes where at most " + std::to_string(limit) + " can belong"});
  }
  if (result.status == ReadResult::Status::failed) {
    result.failure = located(store, key, std::move(result.failure));
  }
  return result;
}

// What a request that must not be begun is answered with.
std::optional<Failure> given_up(const ReadRequest& request) {
  if (request.cancel.cancelled()) {
    return Failure{.code = ErrorCode::cancelled, .message = "cancelled"};
  }
  if (has_passed(request.deadline)) {
    return Failure{.code = ErrorCode::deadline, .message = "the time for it is over"};
  }
  return std::nullopt;
}

}  // namespace

void check_key(std::string_view key) {
  if (key.empty()) fail_key(key, "is empty");
  for (const char c : key) {
    if (c == '\0' || c == '\\') fail_key(key, "has a NUL or a backslash");
  }
  std::string_view rest = key;
  while (true) {
    const std::size_t slash = rest.find('/');
    check_part(key, rest.substr(0, slash));
    if (slash == std::string_view::npos) return;
    rest.remove_prefix(slash + 1);
  }
}

void Store::read(const ReadRequest& request, ReadCompletion done) const {
  check_key(request.key);
  if (std::optional<Failure> failure = given_up(request)) {
    return done(failed(located(*this, request.key, std::move(*failure))));
  }
  if (capabilities().answers_inline) {
    // Everything lives on this stack, and the lambda is small enough for std::function to hold it
    // without an allocation: a local read takes microseconds.
    struct Pending {
      const ReadRequest& request;
      const ReadCompletion& done;
      bool answered = false;
    } pending{request, done};
    try {
      do_read(request, [this, &pending](ReadResult result) {
        pending.answered = true;
        const ReadRequest& asked = pending.request;
        pending.done(checked(*this, asked.key, asked.limit, std::move(result)));
      });
    } catch (...) {
      if (pending.answered) throw;  // by the completion, which must not
      done(failed(located(*this, request.key, current_failure())));
    }
    return;
  }
  const auto kept = std::make_shared<const ReadCompletion>(std::move(done));
  try {
    do_read(request,
            [this, kept, key = std::string(request.key), limit = request.limit](ReadResult result) {
              (*kept)(checked(*this, key, limit, std::move(result)));
            });
  } catch (...) {
    (*kept)(failed(located(*this, request.key, current_failure())));
  }
}

void Store::write(std::string_view key, ByteView bytes, WriteCondition condition) const {
  check_key(key);
  check_writable(*this, key);
  with_place(*this, key, [&] {
    if (condition != WriteCondition::none && !capabilities().conditional_write) {
      fail(ErrorCode::unsupported, "the store cannot write on a condition");
    }
    do_write(key, bytes, condition);
  });
}

void Store::erase(std::string_view key) const {
  check_key(key);
  check_writable(*this, key);
  with_place(*this, key, [&] { do_erase(key); });
}

std::vector<ListEntry> Store::list(std::string_view prefix, ListDepth depth) const {
  check_prefix(prefix);
  return with_place(*this, prefix, [&] {
    if (!capabilities().listable) fail(ErrorCode::unsupported, "the store cannot list its keys");
    return do_list(prefix, depth);
  });
}

bool Store::exists(std::string_view key) const {
  check_key(key);
  return with_place(*this, key, [&] { return do_exists(key); });
}

std::optional<Bytes> read_object(const Store& store, std::string_view key, ByteRange range) {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<ReadResult> result;  // guarded by mutex
  store.read({.key = key, .range = range}, [&](ReadResult answer) {
    const std::lock_guard lock(mutex);
    result = std::move(answer);
    answered.notify_one();  // under the lock: the waiter owns all of this and may leave
  });
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return result.has_value(); });
  if (result->status == ReadResult::Status::missing) return std::nullopt;
  if (result->status == ReadResult::Status::failed) throw Error(std::move(result->failure));
  // A store may answer with a part of what it owns.
  if (result->bytes.data() == result->owned.data()) {
    result->owned.resize_uninitialized(result->bytes.size());
    return std::move(result->owned);
  }
  return Bytes::copy_of(result->bytes);
}

void erase_prefix(const Store& store, std::string_view prefix) {
  check_prefix(prefix);
  check_writable(store, prefix);
  with_place(store, prefix, [&] { store.do_erase_prefix(prefix); });
}

}  // namespace zarrloom
