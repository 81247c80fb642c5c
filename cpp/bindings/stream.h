#pragma once

#include <memory>

#include "convert.h"
#include "zarrloom/pipeline/chunk_stream.h"

namespace zarrloom::bindings {

// A chunk stream whose items come out as numpy arrays.
class Stream {
 public:
  Stream(std::unique_ptr<ChunkStream> stream, py::dtype dtype)
      : stream_(std::move(stream)), dtype_(std::move(dtype)) {}
  ~Stream();

  py::object next();  // (index, array), or None at the end
  void close();
  std::int64_t total() const { return stream_->total(); }

 private:
  std::unique_ptr<ChunkStream> stream_;
  py::dtype dtype_;
};

}  // namespace zarrloom::bindings
