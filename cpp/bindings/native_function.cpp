#include "native_function.h"

#include <string>

#include "zarrloom/base/error.h"

namespace zarrloom::bindings {
namespace {

template <typename Result>
using Function = Result (*)(void* data, const std::int64_t* shape, const std::int64_t* chunk_index,
                            std::int64_t ndim, void* user);

template <typename Result>
Result call(const NativeFunction& function, const ChunkItem& item, MutableBytes elements) {
  const auto pointer = reinterpret_cast<Function<Result>>(function.address);
  return pointer(elements.data(), item.shape.begin(), item.chunk.begin(),
                 static_cast<std::int64_t>(item.shape.size()),
                 reinterpret_cast<void*>(function.user));
}

}  // namespace

std::function<void(ChunkItem&, MutableBytes)> each_calling(const NativeFunction& function) {
  if (function.returns_double) {
    return [function](ChunkItem& item, MutableBytes elements) {
      item.result = call<double>(function, item, elements);
    };
  }
  return [function](ChunkItem& item, MutableBytes elements) {
    const int status = call<int>(function, item, elements);
    if (status == 0) return;
    fail(ErrorCode::user_function, "the function returned " + std::to_string(status));
  };
}

}  // namespace zarrloom::bindings
