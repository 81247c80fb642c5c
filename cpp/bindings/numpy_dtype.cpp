#include "numpy_dtype.h"

namespace zarrloom::bindings {
namespace {

// With names and offsets, so that padding needs no name.
py::dtype structured(const DataType& dtype) {
  py::list names, formats, offsets;
  std::size_t offset = 0;
  for (const Field& field : dtype.fields) {
    if (!field.name.empty()) {
      py::object format = field.dtype.kind == Kind::structured
                              ? py::object(structured(field.dtype))
                              : py::object(py::dtype(dtype_to_v2(field.dtype, field.big_endian)));
      if (!field.shape.empty()) format = py::make_tuple(format, to_tuple(field.shape));
      names.append(field.name);
      formats.append(format);
      offsets.append(offset);
    }
    offset += field.size();
  }
  py::dict parts;
  parts["names"] = names;
  parts["formats"] = formats;
  parts["offsets"] = offsets;
  parts["itemsize"] = dtype.item_size;
  return py::dtype::from_args(parts);
}

}  // namespace

py::dtype numpy_dtype(const DataType& dtype) {
  if (dtype.kind == Kind::structured) return structured(dtype);
  return py::dtype(dtype.numpy_name());
}

}  // namespace zarrloom::bindings
