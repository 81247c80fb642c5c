// Functions in machine code that the pool calls for every chunk, without Python.
#pragma once

#include <cstdint>
#include <functional>

#include "zarrloom/pipeline/chunk_stream.h"

namespace zarrloom::bindings {

// The C signature that docs/guide.md shows; `int` (0 = done) or `double` is what it returns.
//   RESULT fn(void* data, const int64_t* shape, const int64_t* chunk_index, int64_t ndim, void*
//   user)
struct NativeFunction {
  std::uintptr_t address = 0;
  bool returns_double = false;
  std::uintptr_t user = 0;  // handed on
};

// For ChunkStreamOptions::each. Another int than 0 is the chunk's failure (user_function).
std::function<void(ChunkItem&, MutableBytes)> each_calling(const NativeFunction& function);

}  // namespace zarrloom::bindings
