// Elements between numpy's memory and the core's views. Those of fixed size stay where they are;
// those of variable size are Python objects there and items here.
#pragma once

#include "bound_array.h"
#include "zarrloom/base/variable.h"

namespace zarrloom::bindings {

// What is written. Keeps what the view looks at; to be made and dropped with the GIL.
class Incoming {
 public:
  // Throws TypeError for another dtype than the array's, or an object of another type.
  Incoming(const BoundArray& bound, py::array from);
  // Memory that is seen as it is: a field of each element.
  explicit Incoming(py::array from) : kept_(std::move(from)), view_(to_const_view(kept_)) {}
  Incoming(Incoming&&) = default;

  const ConstArrayView& view() const { return view_; }

 private:
  py::array kept_;
  py::list made_;  // what objects were turned into
  Bytes items_;
  ConstArrayView view_;
};

// What is read into. finish() puts what was read where it belongs; with the GIL.
class Outgoing {
 public:
  // Throws TypeError for another dtype than the array's, ValueError if `out` overlaps itself.
  Outgoing(const BoundArray& bound, py::array out, std::shared_ptr<Arena> arena);
  Outgoing(const BoundArray& bound, py::array out)
      : Outgoing(bound, std::move(out), std::make_shared<Arena>()) {}
  Outgoing(Outgoing&&) = default;

  const ArrayView& view() const { return view_; }
  void finish();

 private:
  std::shared_ptr<const Dataset> dataset_;  // items may lie in it, such as fill values
  py::array out_;
  std::shared_ptr<Arena> arena_;
  Bytes items_;
  ArrayView view_;
};

// A new array of the dtype that has these elements; theirs is the memory that `items` lead to.
py::array from_items(const BoundArray& bound, const ConstArrayView& items);

}  // namespace zarrloom::bindings
