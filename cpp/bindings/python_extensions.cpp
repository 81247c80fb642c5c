// Each call takes the GIL, copies the bytes into a Python object, and copies the result back: what
// is given to foreign code must stay valid for as long as that keeps it.
#include "python_extensions.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>

#include "bind.h"
#include "convert.h"
#include "numpy_dtype.h"
#include "with_python.h"
#include "zarrloom/array/metadata.h"
#include "zarrloom/base/strided_copy.h"
#include "zarrloom/codecs/shard_layout.h"

namespace zarrloom::bindings {
namespace {

constexpr const char* kModule = "zarrloom.extensions";
constexpr std::size_t kSlack = std::size_t{64} << 10;

py::object text_of(std::string_view text) { return py::str(text.data(), text.size()); }

// The object that zarrloom.python_codecs makes of a codec for one kind of chunk.
class Codec {
 public:
  explicit Codec(py::object codec)
      : configuration_(parse_json(codec.attr("configuration").cast<std::string>())),
        codec_(std::move(codec)) {}

  const Json& configuration() const { return configuration_; }

  // `take` is given the result, with the GIL.
  template <typename Take>
  void run(const char* verb, ErrorCode code, ByteView data, const Take& take) const {
    with_python(code, [&] {
      const auto given = py::reinterpret_steal<py::object>(PyByteArray_FromStringAndSize(
          reinterpret_cast<const char*>(data.data()), static_cast<py::ssize_t>(data.size())));
      if (!given) throw py::error_already_set();
      const py::str name(verb);
      const py::object result = call_method(codec_.get(), name, given);
      take(as_byte_view(result.cast<std::string_view>()));
    });
  }

  // The result fills `out`.
  void fill(const char* verb, ErrorCode code, ByteView data, MutableBytes out) const {
    run(verb, code, data, [&](ByteView result) {
      if (result.size() != out.size()) {
        fail(code, std::to_string(result.size()) + " bytes came out, " +
                       std::to_string(out.size()) + " were expected");
      }
      if (!result.empty()) std::memcpy(out.data(), result.data(), result.size());
    });
  }

  Bytes decoded(ByteView data, std::size_t limit) const {
    Bytes out;
    run("decode", ErrorCode::corrupt_data, data, [&](ByteView result) {
      if (result.size() > limit) {
        fail(ErrorCode::corrupt_data, std::to_string(result.size()) + " bytes came out, at most " +
                                          std::to_string(limit) + " were expected");
      }
      out.resize_uninitialized(result.size());
      std::copy(result.begin(), result.end(), out.data());
    });
    return out;
  }

 private:
  Json configuration_;
  PyHeld codec_;
};

// The codec says nothing of its sizes: what comes out is refused if it is far longer than what went
// in.
std::size_t most_encoded(std::size_t size) {
  return size > (SIZE_MAX - kSlack) / 2 ? SIZE_MAX : 2 * size + kSlack;
}

[[noreturn]] void fail_too_long(std::size_t size, std::size_t most) {
  fail(ErrorCode::unsupported, std::to_string(size) +
                                   " encoded bytes are too many; codecs in Python may make " +
                                   std::to_string(most) + " of that chunk");
}

class PythonBytesCodec final : public BytesToBytes {
 public:
  explicit PythonBytesCodec(py::object codec) : codec_(std::move(codec)) {}

 private:
  Json configuration() const override { return codec_.configuration(); }
  std::size_t max_encoded_size(std::size_t size) const override { return most_encoded(size); }
  bool has_fixed_size() const override { return false; }
  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }
  std::uint64_t max_decoded_size(ByteView) const override { return UINT64_MAX; }

  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    std::size_t size = 0;
    codec_.run("encode", ErrorCode::invalid_argument, decoded, [&](ByteView result) {
      if (result.size() > out.size()) fail_too_long(result.size(), out.size());
      std::copy(result.begin(), result.end(), out.data());
      size = result.size();
    });
    return size;
  }
  void decode(ByteView encoded, MutableBytes out) const override {
    codec_.fill("decode", ErrorCode::corrupt_data, encoded, out);
  }
  Bytes decode_unknown(ByteView encoded, std::size_t limit) const override {
    return codec_.decoded(encoded, limit);
  }

  Codec codec_;
};

class PythonArrayToBytes final : public ArrayToBytes {
 public:
  PythonArrayToBytes(py::object codec, ChunkSpec spec)
      : codec_(std::move(codec)), spec_(std::move(spec)) {}

 private:
  Json configuration() const override { return codec_.configuration(); }
  std::size_t max_encoded_size() const override { return most_encoded(spec_.decoded_size()); }
  bool has_fixed_size() const override { return false; }
  bool is_memory_image() const override { return false; }
  void check_memory_image(ByteView) const override {}
  const ShardLayout* shard_layout() const override { return nullptr; }

  void encode(const ConstArrayView& chunk, Bytes& out) const override {
    Bytes plain(spec_.decoded_size());
    strided_copy(chunk, c_view(plain.span(), spec_.shape, spec_.dtype.item_size));
    codec_.run("encode", ErrorCode::invalid_argument, plain.view(), [&](ByteView result) {
      if (result.size() > max_encoded_size()) fail_too_long(result.size(), max_encoded_size());
      out.resize_uninitialized(result.size());
      std::copy(result.begin(), result.end(), out.data());
    });
  }
  void decode_part(ByteView encoded, const Dims& start, const Dims& step,
                   const ArrayView& out) const override {
    Bytes plain(spec_.decoded_size());
    codec_.fill("decode", ErrorCode::corrupt_data, encoded, plain.span());
    const ConstArrayView chunk = c_view(plain.view(), spec_.shape, spec_.dtype.item_size);
    strided_copy(sub_view(chunk, start, step, out.shape), out);
  }

  Codec codec_;
  ChunkSpec spec_;
};

class PythonTransform final : public ArrayTransform {
 public:
  PythonTransform(py::object codec, ChunkSpec encoded)
      : codec_(std::move(codec)), encoded_(std::move(encoded)) {}

 private:
  Json configuration() const override { return codec_.configuration(); }
  ChunkSpec encoded_spec() const override { return encoded_; }
  void encode(ByteView decoded, MutableBytes out) const override {
    codec_.fill("encode", ErrorCode::invalid_argument, decoded, out);
  }
  void decode(ByteView encoded, MutableBytes out) const override {
    codec_.fill("decode", ErrorCode::corrupt_data, encoded, out);
  }

  Codec codec_;
  ChunkSpec encoded_;
};

const char* name_of(Serialized serialized) {
  switch (serialized) {
    case Serialized::no:
      return "no";
    case Serialized::native:
      return "native";
    case Serialized::swapped:
      return "swapped";
    case Serialized::other:
      break;
  }
  return "other";
}

ChunkSpec encoded_spec(const py::object& codec, const ChunkSpec& spec) {
  const auto [shape, dtype, fill] =
      codec.attr("encoded").cast<std::tuple<py::object, std::string, std::string>>();
  const ByteView element = as_byte_view(fill);
  return {to_dims(shape), look_up_dtype(dtype, spec.extensions.get()),
          std::vector<std::byte>(element.begin(), element.end()), spec.extensions};
}

AnyCodec make_codec(const std::string& name, const Json& configuration, const ChunkSpec& spec) {
  return with_python(ErrorCode::invalid_argument, [&]() -> AnyCodec {
    const auto fill = as_text(ByteView(spec.fill_value));
    py::object codec = py::module_::import(kModule).attr("make_codec")(
        name, write_json(configuration, 0), to_tuple(spec.shape), numpy_dtype(spec.dtype),
        py::bytes(fill.data(), fill.size()), name_of(spec.serialized));
    const auto kind = codec.attr("kind").cast<std::string>();
    if (kind == "bytes-bytes") return std::make_unique<PythonBytesCodec>(std::move(codec));
    if (kind == "array-bytes") {
      return std::make_unique<PythonArrayToBytes>(std::move(codec), spec);
    }
    ChunkSpec encoded = encoded_spec(codec, spec);
    return std::make_unique<PythonTransform>(std::move(codec), std::move(encoded));
  });
}

// The type's own functions for fill values, if it has them, else those of the numpy type.
ExtensionType data_type_of(const py::object& found, std::string_view name, const Json& given) {
  ExtensionType type{.name = std::string(name), .configuration = given};
  const DataType base = dtype_from_numpy_name(found.attr("base").cast<std::string>());
  type.item_size = base.item_size;
  type.swap_size = base.swap_size();
  const auto held = std::make_shared<PyHeld>(found);
  type.parse_fill = [held](const Json& value, int format) {
    return with_python(ErrorCode::corrupt_metadata, [&] {
      const auto bytes =
          held->get().attr("parse_fill")(write_json(value, 0), format).cast<std::string>();
      const ByteView view = as_byte_view(bytes);
      return std::vector<std::byte>(view.begin(), view.end());
    });
  };
  type.write_fill = [held](ByteView element, int format) {
    return with_python(ErrorCode::invalid_argument, [&] {
      const auto text = as_text(element);
      return parse_json(held->get()
                            .attr("write_fill")(py::bytes(text.data(), text.size()), format)
                            .cast<std::string>());
    });
  };
  return type;
}

class PythonExtensions final : public Extensions {
 private:
  std::shared_ptr<const CustomCodec> find(std::string_view name, int zarr_format) const {
    const auto v3_name = with_python(ErrorCode::unsupported, [&] {
      return py::module_::import(kModule)
          .attr("find_codec")(text_of(name), zarr_format)
          .cast<std::optional<std::string>>();
    });
    if (!v3_name) return nullptr;
    CustomCodec codec{*v3_name, v3_name->substr(v3_name->rfind('.') + 1), {}};
    codec.make = [name = *v3_name](const Json& configuration, const ChunkSpec& spec) {
      return make_codec(name, configuration, spec);
    };
    return std::make_shared<const CustomCodec>(std::move(codec));
  }
  std::shared_ptr<const CustomCodec> find_codec(std::string_view name) const override {
    return find(name, 3);
  }
  std::shared_ptr<const CustomCodec> find_v2_codec(std::string_view id) const override {
    return find(id, 2);
  }
  std::shared_ptr<const ExtensionType> find_data_type(std::string_view name,
                                                      const Json& configuration) const override {
    return with_python(ErrorCode::unsupported, [&]() -> std::shared_ptr<const ExtensionType> {
      const py::object found = py::module_::import(kModule).attr("find_data_type")(
          text_of(name), write_json(configuration, 0));
      if (found.is_none()) return nullptr;
      return std::make_shared<const ExtensionType>(data_type_of(found, name, configuration));
    });
  }
};

}  // namespace

Failure failure_of(const py::error_already_set& error, ErrorCode code) {
  const py::module_ errors = py::module_::import("zarrloom.errors");
  const auto is = [&](const char* name) { return error.matches(errors.attr(name)); };
  if (is("UnsupportedError") || error.matches(PyExc_ImportError)) code = ErrorCode::unsupported;
  if (is("InvalidArgumentError")) code = ErrorCode::invalid_argument;
  if (error.matches(PyExc_MemoryError)) code = ErrorCode::out_of_memory;
  if (!error.matches(PyExc_Exception)) {  // no fault of the data
    code = ErrorCode::cancelled;
    if (error.matches(PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();  // for the caller
  }
  const auto type = error.type().attr("__name__").cast<std::string>();
  const auto text = py::str(error.value()).cast<std::string>();
  return {code, is("ZarrloomError") ? text : type + ": " + text};
}

namespace {

bool is_dtype_name(const std::string& name) {
  try {
    dtype_from_numpy_name(name);
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    return false;
  }
}

py::bytes parse_fill_value(const std::string& json, const std::string& dtype, int zarr_format) {
  const DataType type = dtype_from_numpy_name(dtype);
  const Json value = parse_json(json, {.allow_nan = zarr_format == 2});
  const FillValue fill =
      zarr_format == 3 ? parse_v3_fill_value(value, type) : parse_v2_fill_value(value, type);
  const auto text = as_text(ByteView(fill));
  return {text.data(), text.size()};
}

std::string write_fill_value(const std::string& element, const std::string& dtype,
                             int zarr_format) {
  const DataType type = dtype_from_numpy_name(dtype);
  const ByteView bytes = as_byte_view(element);
  const FillValue fill(bytes.begin(), bytes.end());
  return write_json(
      zarr_format == 3 ? write_v3_fill_value(fill, type) : write_v2_fill_value(fill, type), 0);
}

}  // namespace

void bind_extensions(py::module_& module) {
  module.def("is_dtype_name", &is_dtype_name, py::arg("name"));
  module.def("extension_type_names", &extension_type_names);
  module.def("parse_fill_value", &parse_fill_value, py::arg("json"), py::arg("dtype"),
             py::arg("zarr_format"));
  module.def("write_fill_value", &write_fill_value, py::arg("element"), py::arg("dtype"),
             py::arg("zarr_format"));
}

std::shared_ptr<const Extensions> python_extensions() {
  return std::make_shared<const PythonExtensions>();
}

}  // namespace zarrloom::bindings
