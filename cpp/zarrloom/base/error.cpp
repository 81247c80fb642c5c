#include "zarrloom/base/error.h"

#include <new>
#include <utility>

namespace zarrloom {

Error::Error(ErrorCode code, const std::string& message)
    : Error(Failure{.code = code, .message = message}) {}

Error::Error(Failure failure) : std::runtime_error(failure.message), failure_(std::move(failure)) {}

void fail(ErrorCode code, std::string message) {
  throw Error(Failure{.code = code, .message = std::move(message)});
}

Failure current_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return error.failure();
  } catch (const std::bad_alloc&) {
    return {.code = ErrorCode::out_of_memory, .message = "not enough memory"};
  } catch (const std::exception& error) {
    return {.code = ErrorCode::internal, .message = error.what()};
  } catch (...) {
    return {.code = ErrorCode::internal, .message = "an exception of unknown type"};
  }
}

Failure with_context(Failure failure, std::string_view context) {
  failure.message = std::string(context) + ": " + failure.message;
  return failure;
}

}  // namespace zarrloom
