#include "elements.h"

namespace zarrloom::bindings {
namespace {

[[noreturn]] void fail_object(py::handle object, const char* wanted, py::ssize_t number) {
  throw py::type_error("element " + std::to_string(number) + " is of type " +
                       std::string(Py_TYPE(object.ptr())->tp_name) + ", not " + wanted);
}

VarItem text_item(py::handle object, py::ssize_t number) {
  if (PyUnicode_Check(object.ptr()) == 0) fail_object(object, "str", number);
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(object.ptr(), &size);  // kept in the object
  if (data == nullptr) throw py::error_already_set();
  return VarItem::of(as_byte_view({data, static_cast<std::size_t>(size)}));
}

VarItem blob_item(py::handle object, py::list& made, py::ssize_t number) {
  py::object bytes = py::reinterpret_borrow<py::object>(object);
  if (PyBytes_Check(object.ptr()) == 0) {
    if (PyObject_CheckBuffer(object.ptr()) == 0) fail_object(object, "bytes", number);
    bytes = py::reinterpret_steal<py::object>(PyBytes_FromObject(object.ptr()));
    if (!bytes) throw py::error_already_set();
    made.append(bytes);
  }
  return VarItem::of(as_byte_view(
      {PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr()))}));
}

py::dtype dtype_of_items(const DataType& dtype) {
  const Field& items = dtype.fields.front();
  return py::dtype(dtype_to_v2(items.dtype, items.big_endian));
}

VarItem numbers_item(py::handle object, const py::dtype& dtype, py::list& made,
                     py::ssize_t number) {
  const py::object contiguous =
      py::module_::import("numpy").attr("asarray")(object, dtype, py::arg("order") = "C");
  const auto numbers = contiguous.cast<py::array>();
  if (numbers.ndim() != 1) fail_object(object, "an array of one dimension", number);
  made.append(numbers);
  return VarItem::of(
      {static_cast<const std::byte*>(numbers.data()), static_cast<std::size_t>(numbers.nbytes())});
}

py::object to_object(const VarItem& item, Kind kind, const py::dtype& numbers) {
  const auto* data = reinterpret_cast<const char*>(item.data);
  const auto size = static_cast<py::ssize_t>(item.size);
  if (kind == Kind::text) {
    return py::reinterpret_steal<py::object>(PyUnicode_DecodeUTF8(data, size, nullptr));
  }
  if (kind == Kind::blob) return py::bytes(data, item.size);
  return py::array(numbers, {size / numbers.itemsize()}, data);  // a copy
}

// Objects of items, C-ordered.
py::array objects_of(const DataType& dtype, const ConstArrayView& items) {
  py::array objects(py::dtype("O"),
                    std::vector<py::ssize_t>(items.shape.begin(), items.shape.end()));
  auto** to = static_cast<PyObject**>(objects.mutable_data());
  const py::dtype numbers = dtype.kind == Kind::numbers ? dtype_of_items(dtype) : py::dtype("O");
  for_each_item(items, [&](const std::byte* at) {
    py::object object = to_object(VarItem::load(at), dtype.kind, numbers);
    if (!object) throw py::error_already_set();
    PyObject* const before = *to;
    *to++ = object.release().ptr();
    Py_XDECREF(before);
  });
  return objects;
}

void check_objects(const BoundArray& bound, const py::array& memory) {
  const char kind = memory.dtype().kind();
  if (kind == 'O' || memory.dtype().equal(bound.dtype)) return;
  if (kind == 'T' && bound.array.dtype().kind == Kind::text) return;
  check_dtype(bound, memory);  // throws
}

}  // namespace

Incoming::Incoming(const BoundArray& bound, py::array from) : kept_(std::move(from)) {
  const DataType& dtype = bound.array.dtype();
  if (!dtype.is_variable()) {
    check_dtype(bound, kept_);
    view_ = to_const_view(kept_);
    return;
  }
  check_objects(bound, kept_);
  // A copy of the references: the caller may put other objects into its array meanwhile.
  kept_ = py::module_::import("numpy").attr("array")(kept_, py::dtype("O"), py::arg("order") = "C");
  const Dims shape = to_const_view(kept_).shape;
  const auto count = static_cast<std::size_t>(kept_.size());
  items_ = Bytes(count * sizeof(VarItem));
  auto* const* objects = static_cast<PyObject* const*>(kept_.data());
  const py::dtype numbers = dtype.kind == Kind::numbers ? dtype_of_items(dtype) : py::dtype("O");
  for (std::size_t i = 0; i < count; ++i) {
    const py::handle object(objects[i]);
    const auto number = static_cast<py::ssize_t>(i);
    const VarItem item = dtype.kind == Kind::text   ? text_item(object, number)
                         : dtype.kind == Kind::blob ? blob_item(object, made_, number)
                                                    : numbers_item(object, numbers, made_, number);
    item.store(items_.data() + i * sizeof(VarItem));
  }
  view_ = c_view(items_.view(), shape, sizeof(VarItem));
}

Outgoing::Outgoing(const BoundArray& bound, py::array out, std::shared_ptr<Arena> arena)
    : dataset_(bound.array.dataset()), out_(std::move(out)), arena_(std::move(arena)) {
  if (!dataset_->dtype().is_variable()) {
    check_dtype(bound, out_);
    view_ = to_view(out_);
    check_no_overlap(view_);
    return;
  }
  check_objects(bound, out_);
  static_cast<void>(out_.mutable_data());  // throws if it is read-only
  items_ = Bytes(static_cast<std::size_t>(out_.size()) * sizeof(VarItem));
  view_ = c_view(items_.span(), to_const_view(out_).shape, sizeof(VarItem));
  view_.arena = arena_.get();
}

void Outgoing::finish() {
  if (!dataset_->dtype().is_variable()) return;
  out_.attr("__setitem__")(py::ellipsis(), objects_of(dataset_->dtype(), view_));
}

py::array from_items(const BoundArray& bound, const ConstArrayView& items) {
  const py::array objects = objects_of(bound.array.dtype(), items);
  return bound.dtype.kind() == 'O' ? objects
                                   : objects.attr("astype")(bound.dtype).cast<py::array>();
}

}  // namespace zarrloom::bindings
