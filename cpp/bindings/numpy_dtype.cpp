#include "numpy_dtype.h"

namespace zarrloom::bindings {
namespace {

// The types that numpy has not are of the Python package ml_dtypes, or registered by Python code.
py::dtype of_extension(const ExtensionType& type) {
  const std::string& name = type.name;
  if (find_extension_type(name) == nullptr) {
    return py::dtype::from_args(py::module_::import("zarrloom.extensions")
                                    .attr("dtype_of")(name, write_json(type.configuration, 0)));
  }
  try {
    return py::dtype::from_args(py::module_::import("ml_dtypes").attr(name.c_str()));
  } catch (const py::error_already_set& error) {
    if (!error.matches(PyExc_ImportError) && !error.matches(PyExc_AttributeError)) throw;
    fail(ErrorCode::unsupported, "data type \"" + name +
                                     "\" is held in arrays of the package ml_dtypes, which is not "
                                     "installed or too old: pip install -U ml_dtypes");
  }
}

// With names and offsets, so that padding needs no name.
py::dtype structured(const DataType& dtype) {
  py::list names, formats, offsets;
  std::size_t offset = 0;
  for (const Field& field : dtype.fields) {
    if (!field.name.empty()) {
      py::object format = field.dtype.kind == Kind::structured ? py::object(structured(field.dtype))
                          : field.dtype.kind == Kind::extension
                              ? py::object(of_extension(*field.dtype.extension))
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

// numpy's own type of text from numpy 2 on, else objects.
py::dtype text() {
  const py::object dtypes = py::module_::import("numpy").attr("dtypes");
  if (!py::hasattr(dtypes, "StringDType")) return py::dtype("O");
  return dtypes.attr("StringDType")().cast<py::dtype>();
}

}  // namespace

py::dtype numpy_dtype(const DataType& dtype) {
  if (dtype.kind == Kind::structured) return structured(dtype);
  if (dtype.kind == Kind::extension) return of_extension(*dtype.extension);
  if (dtype.kind == Kind::text) return text();
  if (dtype.is_variable()) return py::dtype("O");
  return py::dtype(dtype.numpy_name());
}

}  // namespace zarrloom::bindings
