// One error type for the whole library. A failure that crosses threads travels as the value
// `Failure`; the thread that waits throws it afresh (see docs/decisions).
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace zarrloom {

enum class ErrorCode {
  invalid_argument,   // the caller's values make no sense together
  selection,          // an index or range outside the array
  node_not_found,     // no array or group at this place (a missing chunk is not an error)
  node_exists,        // creation would overwrite
  corrupt_data,       // stored bytes are not what the metadata says
  corrupt_metadata,   // metadata is not valid JSON or breaks the specification
  unsupported,        // valid, but not known here
  read_only,          // the handle or the store does not allow writing
  storage,            // the store failed (system call, network)
  permission_denied,  // the store refused
  deadline,           // took longer than allowed
  conflict,           // a condition on a write did not hold
  cancelled,          // the caller gave up
  out_of_memory,      // an allocation failed
  user_function,      // a function of the caller's said so
  internal,           // a bug of zarrloom
};

struct Failure {
  ErrorCode code = ErrorCode::internal;
  std::string message = {};  // reads as a path inwards: "file:///d/a/c/0: zstd: frame cut"
  std::vector<std::int64_t> chunk = {};  // the chunk's grid index, where one is concerned
  std::string key = {};                  // the stored object's key, where one is concerned
  int os_error = 0;                      // errno, where a system call failed
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message);
  explicit Error(Failure failure);

  ErrorCode code() const { return failure_.code; }
  const Failure& failure() const { return failure_; }

 private:
  Failure failure_;
};

[[noreturn]] void fail(ErrorCode code, std::string message);

// The failure inside the exception being handled: an Error's own, bad_alloc as out_of_memory,
// any other exception as internal. Call only inside a catch block.
Failure current_failure();

// "context: message"; chunk and key are kept.
Failure with_context(Failure failure, std::string_view context);

}  // namespace zarrloom
