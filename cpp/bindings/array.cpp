#include "zarrloom/array/array.h"

#include <pybind11/stl.h>

#include "bind.h"
#include "bound_array.h"
#include "gil.h"
#include "zarrloom/array/rectilinear.h"
#include "zarrloom/codecs/extensions.h"

namespace zarrloom::bindings {
namespace {

using Names = std::optional<std::vector<std::optional<std::string>>>;

py::tuple to_slices(const Selection& box) {
  py::tuple slices(box.start.size());
  for (std::size_t d = 0; d < box.start.size(); ++d) {
    slices[d] = py::slice(box.start[d], box.start[d] + box.count[d], 1);
  }
  return slices;
}

py::tuple chunk_bounds(const BoundArray& bound, const py::object& chunk) {
  const ChunkGrid& chunks = bound.array.dataset()->chunk_grid;
  return to_slices(chunk_selection(to_dims(chunk), bound.array.shape(), chunks));
}

py::tuple object_bounds(const BoundArray& bound, const py::object& object) {
  const ChunkGrid& stored = bound.array.dataset()->object_grid;
  return to_slices(chunk_selection(to_dims(object), bound.array.shape(), stored));
}

std::string object_key(const BoundArray& bound, const py::object& object) {
  return bound.array.dataset()->object_key(to_dims(object));
}

py::list partition_of(const BoundArray& bound, std::int64_t n, std::int64_t axis) {
  py::list parts;
  const ChunkGrid& stored = bound.array.dataset()->object_grid;
  for (const Selection& box : partition(bound.array.shape(), stored, n, axis)) {
    parts.append(to_slices(box));
  }
  return parts;
}

// As zarr-python has it: where chunks differ there is no shape to give.
py::tuple chunk_shape(const BoundArray& bound, Unit unit) {
  const ChunkGrid& grid = bound.array.dataset()->grid_of(unit);
  if (!grid.is_regular()) {
    fail(ErrorCode::unsupported,
         "the chunks of this array have not all one shape (chunk grid \"rectilinear\"): see "
         "read_chunk_sizes and write_chunk_sizes");
  }
  return to_tuple(grid.largest());
}

// Along each dimension the size of each chunk, or shard, inside the array.
py::tuple chunk_sizes(const BoundArray& bound, bool by_shard) {
  const ChunkGrid& grid = bound.array.dataset()->grid_of(by_shard ? Unit::object : Unit::chunk);
  const Dims& shape = bound.array.shape();
  py::tuple all(shape.size());
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const auto count = static_cast<std::size_t>(grid[d].count(shape[d]));
    py::tuple sizes(count);
    for (std::size_t i = 0; i < count; ++i) {
      sizes[i] = grid[d].size_within(static_cast<std::int64_t>(i), shape[d]);
    }
    all[d] = sizes;
  }
  return all;
}

// The largest extent of a chunk, or shard, in each dimension.
py::tuple largest_chunk(const BoundArray& bound, bool by_shard) {
  return to_tuple(bound.array.dataset()->grid_of(by_shard ? Unit::object : Unit::chunk).largest());
}

// Whether the arrays have one shape and are cut alike.
bool same_chunks(const BoundArray& bound, const BoundArray& other, bool by_shard) {
  const Unit unit = by_shard ? Unit::object : Unit::chunk;
  return bound.array.shape() == other.array.shape() &&
         bound.array.dataset()->grid_of(unit) == other.array.dataset()->grid_of(unit);
}

bool has_sizes_along(const BoundArray& bound, std::size_t axis) {
  return bound.array.dataset()->object_grid[axis].runs() != nullptr;
}

// The grid of stored objects, as chunk_shapes of metadata (JSON); None for a regular one.
std::optional<std::string> rectilinear(const BoundArray& bound) {
  const std::optional<ChunkGrid>& grid = bound.array.metadata().rectilinear;
  if (!grid) return std::nullopt;
  return write_json(write_chunk_shapes(*grid), 0);
}

OpenOptions open_options(std::optional<int> zarr_format, bool read_only, bool write_empty_chunks) {
  OpenOptions options;
  options.zarr_format = zarr_format;
  options.read_only = read_only;
  options.write.write_empty_chunks = write_empty_chunks;
  return options;
}

BoundArray open(std::shared_ptr<Store> store, const std::string& path,
                std::optional<int> zarr_format, bool read_only, bool write_empty_chunks,
                const py::object& consolidated) {
  OpenOptions options = open_options(zarr_format, read_only, write_empty_chunks);
  options.consolidated = consolidated_at(consolidated);
  return BoundArray(without_gil([&] { return Array::open(std::move(store), path, options); }));
}

std::vector<CodecConfig> codecs_from_json(const std::string& text) {
  std::vector<CodecConfig> codecs;
  const Json json = parse_json(text);
  for (const Json& item : *json.as_array()) {
    const Json* configuration = item.find("configuration");
    codecs.push_back({*item.find("name")->as_string(),
                      configuration == nullptr ? Json(Json::Object{}) : *configuration});
  }
  return codecs;
}

BoundArray create(std::shared_ptr<Store> store, const std::string& path, bool overwrite,
                  bool write_empty_chunks, const py::kwargs& given) {
  const CreateOptions options = create_options(given);
  return BoundArray(without_gil([&] {
    return Array::create(std::move(store), path, options, overwrite,
                         open_options(std::nullopt, false, write_empty_chunks));
  }));
}

py::bytes fill_value(const BoundArray& bound) {
  const FillValue& fill = bound.array.metadata().fill_value;
  return py::bytes(reinterpret_cast<const char*>(fill.data()), fill.size());
}

// The chain as stored, JSON.
std::string codecs_json(const BoundArray& bound) {
  Json::Array list;
  for (const CodecConfig& codec : bound.array.metadata().codecs) {
    list.push_back(Json::Object{{"name", codec.name}, {"configuration", codec.configuration}});
  }
  return write_json(list, 0);
}

// Among the codecs of a chunk: in shards those of inner chunks.
std::size_t serializer_index(const BoundArray& bound) {
  const Dataset& dataset = *bound.array.dataset();
  const std::size_t outer = dataset.codecs.serializer_index();
  return dataset.has_shards() ? dataset.inner_chain->serializer_index() - outer : outer;
}

std::string metadata_json(const BoundArray& bound) {
  const ArrayMetadata& metadata = bound.array.metadata();
  return write_json(metadata.zarr_format == 2 ? write_v2_metadata(metadata)
                                              : write_v3_metadata(metadata));
}

std::string read_attributes(const BoundArray& bound) {
  return write_json(without_gil([&] { return bound.array.read_attributes(); }), 0);
}

void write_attributes(const BoundArray& bound, const std::string& text) {
  const Json attributes = parse_json(text, {.allow_nan = bound.array.metadata().zarr_format == 2});
  without_gil([&] { bound.array.write_attributes(attributes); });
}

std::string chunk_key(const BoundArray& bound, const py::object& chunk) {
  const Dims index = to_dims(chunk);
  chunk_selection(index, bound.array.shape(), bound.array.dataset()->chunk_grid);  // checks
  return bound.array.chunk_key(index);
}

}  // namespace

namespace {

// With the GIL dropped: an extension may take it.
DataType named_dtype(const std::string& name) {
  return without_gil(
      [&] { return look_up_dtype(name, default_runtime()->options().extensions.get()); });
}

}  // namespace

CreateOptions create_options(const py::kwargs& given) {
  CreateOptions options;
  const auto has = [&](const char* name) { return given.contains(name) && !given[name].is_none(); };
  options.zarr_format = given["zarr_format"].cast<int>();
  options.shape = to_dims(given["shape"]);
  options.dtype = named_dtype(given["dtype"].cast<std::string>());
  options.big_endian = given["big_endian"].cast<bool>();
  options.order = given["order"].cast<std::string>().at(0);
  options.attributes = parse_json(given["attributes"].cast<std::string>(), {.allow_nan = true});
  if (has("chunks")) options.chunk_shape = to_dims(given["chunks"]);
  if (has("shards")) options.shard_shape = to_dims(given["shards"]);
  if (has("rectilinear")) {
    const Json shapes = parse_json(given["rectilinear"].cast<std::string>());
    options.rectilinear = parse_chunk_shapes(shapes, options.shape);
  }
  if (has("fill_value")) {
    const ByteView fill = as_byte_view(given["fill_value"].cast<std::string_view>());
    options.fill_value.emplace(fill.begin(), fill.end());
  }
  if (has("filters")) options.filters = codecs_from_json(given["filters"].cast<std::string>());
  if (has("serializer")) {
    options.serializer = codecs_from_json(given["serializer"].cast<std::string>()).at(0);
  }
  if (has("compressors")) {
    options.compressors = codecs_from_json(given["compressors"].cast<std::string>());
  }
  if (has("separator")) {
    options.key_encoding = ChunkKeyEncoding{given["v2_keys"].cast<bool>(),
                                            given["separator"].cast<std::string>().at(0)};
  }
  if (has("dimension_names")) options.dimension_names = given["dimension_names"].cast<Names>();
  return options;
}

void bind_array(py::module_& module) {
  py::class_<BoundArray> array(module, "Array");
  array
      .def_static("open", &open, py::arg("store"), py::arg("path"), py::kw_only(),
                  py::arg("zarr_format"), py::arg("read_only"), py::arg("write_empty_chunks"),
                  py::arg("consolidated_at") = py::none())
      .def_static("create", &create, py::arg("store"), py::arg("path"), py::kw_only(),
                  py::arg("overwrite"), py::arg("write_empty_chunks"))
      .def_property_readonly("store", [](const BoundArray& b) { return b.array.store(); })
      .def_property_readonly("path", [](const BoundArray& b) { return b.array.path(); })
      .def_property_readonly("shape", [](const BoundArray& b) { return to_tuple(b.array.shape()); })
      .def_property_readonly("chunks",
                             [](const BoundArray& b) { return chunk_shape(b, Unit::chunk); })
      .def_property_readonly("shards",
                             [](const BoundArray& b) {
                               const bool any = b.array.dataset()->has_shards();
                               return any ? py::object(chunk_shape(b, Unit::object)) : py::none();
                             })
      .def("chunk_sizes", &chunk_sizes, py::arg("by_shard"))
      .def("largest_chunk", &largest_chunk, py::arg("by_shard"))
      .def("same_chunks", &same_chunks, py::arg("other"), py::arg("by_shard"))
      .def("has_sizes_along", &has_sizes_along, py::arg("axis"))
      .def_property_readonly("rectilinear", &rectilinear)
      .def_property_readonly("has_shards",
                             [](const BoundArray& b) { return b.array.dataset()->has_shards(); })
      .def_property_readonly("object_grid",
                             [](const BoundArray& b) { return to_tuple(b.array.object_grid()); })
      .def_property_readonly("grid", [](const BoundArray& b) { return to_tuple(b.array.grid()); })
      .def_property_readonly("dtype", [](const BoundArray& b) { return b.dtype; })
      .def_property_readonly("serializer_index", &serializer_index)
      .def_property_readonly("dtype_name",
                             [](const BoundArray& b) { return b.array.dtype().numpy_name(); })
      .def_property_readonly("fill_value", &fill_value)
      .def_property_readonly("zarr_format",
                             [](const BoundArray& b) { return b.array.metadata().zarr_format; })
      .def_property_readonly("read_only", [](const BoundArray& b) { return b.array.read_only(); })
      .def_property_readonly(
          "consolidated_at",
          [](const BoundArray& b) { return place_of(b.array.open_options().consolidated); })
      .def_property_readonly("dimension_names",
                             [](const BoundArray& b) { return b.array.metadata().dimension_names; })
      .def_property_readonly(
          "v2_order",
          [](const BoundArray& b) { return std::string(1, b.array.metadata().v2.order); })
      .def_property_readonly("codecs_json", &codecs_json)
      .def_property_readonly("metadata_json", &metadata_json)
      .def("read_attributes", &read_attributes)
      .def("write_attributes", &write_attributes)
      .def("chunk_bounds", &chunk_bounds)
      .def("object_bounds", &object_bounds)
      .def("object_key", &object_key)
      .def("chunk_key", &chunk_key)
      .def("partition", &partition_of, py::arg("n"), py::arg("axis"));
  bind_transfer(array);
  bind_operation(module, array);
  bind_stream(module, array);
  bind_chunks(module, array);
}

}  // namespace zarrloom::bindings
