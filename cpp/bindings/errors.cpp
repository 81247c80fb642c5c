// Errors of the core as the exception classes of zarrloom.errors.
#include <array>

#include "bind.h"
#include "zarrloom/base/error.h"

namespace zarrloom::bindings {

namespace {

// By ErrorCode.
constexpr std::array kCodes{
    "invalid_argument", "selection",         "node_not_found", "node_exists",
    "corrupt_data",     "corrupt_metadata",  "unsupported",    "read_only",
    "storage",          "permission_denied", "deadline",       "conflict",
    "cancelled",        "out_of_memory",     "user_function",  "internal",
};
constexpr std::array kClasses{
    "InvalidArgumentError", "SelectionError",        "NodeNotFoundError", "NodeExistsError",
    "CorruptDataError",     "MetadataError",         "UnsupportedError",  "ReadOnlyError",
    "StorageError",         "PermissionDeniedError", "DeadlineError",     "ConflictError",
    "CancelledError",       "OutOfMemoryError",      "FunctionError",     "ZarrloomError",
};
static_assert(kClasses.size() == static_cast<std::size_t>(ErrorCode::internal) + 1);
static_assert(kCodes.size() == kClasses.size());

}  // namespace

const char* error_code_name(ErrorCode code) { return kCodes[static_cast<std::size_t>(code)]; }

py::object exception_for(const Failure& failure) {
  const py::module_ errors = py::module_::import("zarrloom.errors");
  py::object error = errors.attr(kClasses[static_cast<std::size_t>(failure.code)])(failure.message);
  error.attr("code") = kCodes[static_cast<std::size_t>(failure.code)];
  if (!failure.key.empty()) error.attr("key") = failure.key;
  if (!failure.message.empty() && failure.message.starts_with("chunk ")) {
    py::tuple index(failure.chunk.size());
    for (std::size_t d = 0; d < failure.chunk.size(); ++d) index[d] = failure.chunk[d];
    error.attr("chunk_index") = index;
  }
  // The one-argument form keeps the message whole; the number goes beside it.
  if (failure.os_error != 0 && py::hasattr(error, "errno")) error.attr("errno") = failure.os_error;
  return error;
}

namespace {

void translate(std::exception_ptr thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const Error& error) {
    const py::object exception = exception_for(error.failure());
    PyErr_SetObject(py::type::of(exception).ptr(), exception.ptr());
  }
}

}  // namespace

void bind_errors(py::module_&) { py::register_local_exception_translator(&translate); }

}  // namespace zarrloom::bindings
