#include "zarrloom/array/group.h"

#include <pybind11/stl.h>

#include "bind.h"
#include "bound_array.h"
#include "gil.h"
#include "zarrloom/array/consolidated.h"

namespace zarrloom::bindings {
namespace {

using Place = std::pair<std::string, int>;  // a group's path and format

// As Python's keyword arguments name them.
OpenOptions group_options(const py::kwargs& given) {
  OpenOptions options;
  options.zarr_format = given["zarr_format"].cast<std::optional<int>>();
  options.read_only = given["read_only"].cast<bool>();
  options.write.write_empty_chunks = given["write_empty_chunks"].cast<bool>();
  options.use_consolidated = given["use_consolidated"].cast<std::optional<bool>>();
  options.consolidated = consolidated_at(given["consolidated_at"]);
  return options;
}

py::object to_python(Node node) {
  if (auto* array = std::get_if<Array>(&node)) return py::cast(BoundArray(std::move(*array)));
  return py::cast(std::get<Group>(std::move(node)));
}

py::object open(std::shared_ptr<Store> store, const std::string& path, const py::kwargs& given) {
  const OpenOptions options = group_options(given);
  return to_python(without_gil([&] { return open_node(std::move(store), path, options); }));
}

Group open_group(std::shared_ptr<Store> store, const std::string& path, const py::kwargs& given) {
  const OpenOptions options = group_options(given);
  return without_gil([&] { return Group::open(std::move(store), path, options); });
}

Json attributes_from(const std::string& text) { return parse_json(text, {.allow_nan = true}); }

Group create(std::shared_ptr<Store> store, const std::string& path, int zarr_format,
             const std::string& attributes, bool overwrite) {
  const GroupMetadata metadata{.zarr_format = zarr_format,
                               .attributes = attributes_from(attributes)};
  return without_gil([&] { return Group::create(std::move(store), path, metadata, overwrite); });
}

// (path, options of an array) or (path, (format, attributes of a group)).
std::vector<NodeSpec> specs_from(const py::list& list) {
  std::vector<NodeSpec> specs;
  for (const py::handle item : list) {
    const auto pair = item.cast<py::tuple>();
    NodeSpec spec{pair[0].cast<std::string>(), GroupMetadata{}};
    if (py::isinstance<py::dict>(pair[1])) {
      spec.what = create_options(py::kwargs(py::reinterpret_borrow<py::dict>(pair[1])));
    } else {
      const auto [format, attributes] = pair[1].cast<std::pair<int, std::string>>();
      spec.what = GroupMetadata{.zarr_format = format, .attributes = attributes_from(attributes)};
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

py::list to_list(std::vector<Node> nodes) {
  py::list list;
  for (Node& node : nodes) list.append(to_python(std::move(node)));
  return list;
}

py::list create_nodes(const std::shared_ptr<Store>& store, const std::string& path,
                      const py::list& list, bool overwrite) {
  const std::vector<NodeSpec> specs = specs_from(list);
  return to_list(interruptible([&](const InterruptCheck& check) {
    return create_hierarchy(store, path, specs, overwrite, {}, check);
  }));
}

py::list create_nodes_in(const Group& group, const py::list& list, bool overwrite) {
  const std::vector<NodeSpec> specs = specs_from(list);
  return to_list(interruptible(
      [&](const InterruptCheck& check) { return group.create_nodes(specs, overwrite, check); }));
}

BoundArray create_array(const Group& group, const std::string& path, bool overwrite,
                        bool write_empty_chunks, const py::kwargs& given) {
  const CreateOptions options = create_options(given);
  return BoundArray(without_gil([&] {
    return group.create_array(path, options, overwrite, {.write_empty_chunks = write_empty_chunks});
  }));
}

Group create_group(const Group& group, const std::string& path, const std::string& attributes,
                   bool overwrite) {
  const Json json = attributes_from(attributes);
  return without_gil([&] { return group.create_group(path, json, overwrite); });
}

std::string read_attributes(const Group& group) {
  return write_json(without_gil([&] { return group.read_attributes(); }), 0);
}

void write_attributes(const Group& group, const std::string& text) {
  const Json attributes = parse_json(text, {.allow_nan = group.zarr_format() == 2});
  without_gil([&] { group.write_attributes(attributes); });
}

void bind_entry(py::module_& module) {
  py::class_<NodeEntry>(module, "NodeEntry")
      .def_property_readonly("path", [](const NodeEntry& e) { return e.path; })
      .def_property_readonly("is_array",
                             [](const NodeEntry& e) { return e.documents.kind == NodeKind::array; })
      .def_property_readonly("zarr_format",
                             [](const NodeEntry& e) { return e.documents.zarr_format; })
      .def_property_readonly("metadata_json",
                             [](const NodeEntry& e) { return write_json(e.documents.metadata); });
}

void bind_functions(py::module_& module) {
  module.def("open_node", &open, py::arg("store"), py::arg("path"));
  module.def("create_hierarchy", &create_nodes, py::arg("store"), py::arg("path"), py::arg("nodes"),
             py::arg("overwrite"));
}

}  // namespace

std::shared_ptr<Consolidated> consolidated_at(const py::object& place) {
  if (place.is_none()) return nullptr;
  const auto [path, zarr_format] = place.cast<Place>();
  auto consolidated = std::make_shared<Consolidated>(path, zarr_format);
  consolidated->use(nullptr);
  return consolidated;
}

py::object place_of(const std::shared_ptr<Consolidated>& consolidated) {
  if (!consolidated || !consolidated->known()) return py::none();
  return py::cast(Place(consolidated->path(), consolidated->zarr_format()));
}

void bind_group(py::module_& module) {
  bind_entry(module);
  bind_functions(module);
  py::class_<Group>(module, "Group")
      .def_static("open", &open_group, py::arg("store"), py::arg("path"))
      .def_static("create", &create, py::arg("store"), py::arg("path"), py::kw_only(),
                  py::arg("zarr_format"), py::arg("attributes"), py::arg("overwrite"))
      .def_property_readonly("store", [](const Group& g) { return g.store(); })
      .def_property_readonly("path", [](const Group& g) { return g.path(); })
      .def_property_readonly("zarr_format", [](const Group& g) { return g.zarr_format(); })
      .def_property_readonly("read_only", [](const Group& g) { return g.read_only(); })
      .def_property_readonly("is_consolidated", &Group::is_consolidated)
      .def_property_readonly("consolidated_at",
                             [](const Group& g) { return place_of(g.options().consolidated); })
      .def("at",
           [](const Group& g, const std::string& path) {
             return to_python(without_gil([&] { return g.at(path); }));
           })
      .def("find",
           [](const Group& g, const std::string& path) {
             std::optional<Node> node = without_gil([&] { return g.find(path); });
             return node ? to_python(std::move(*node)) : py::object(py::none());
           })
      .def("contains",
           [](const Group& g, const std::string& path) {
             return without_gil([&] { return g.contains(path); });
           })
      .def("members",
           [](const Group& g, std::optional<int> max_depth) {
             return interruptible(
                 [&](const InterruptCheck& check) { return g.members(max_depth, check); });
           })
      .def("open_member",
           [](const Group& g, const NodeEntry& entry) { return to_python(g.open_member(entry)); })
      .def("create_array", &create_array, py::arg("path"), py::kw_only(), py::arg("overwrite"),
           py::arg("write_empty_chunks"))
      .def("create_group", &create_group, py::arg("path"), py::kw_only(), py::arg("attributes"),
           py::arg("overwrite"))
      .def("create_hierarchy", &create_nodes_in, py::arg("nodes"), py::arg("overwrite"))
      .def("erase",
           [](const Group& g, const std::string& path) { without_gil([&] { g.erase(path); }); })
      .def(
          "consolidate",
          [](const Group& g) {
            return interruptible([&](const InterruptCheck& check) { return g.consolidate(check); });
          })
      .def("refresh", [](const Group& g) { without_gil([&] { g.refresh(); }); })
      .def("read_attributes", &read_attributes)
      .def("write_attributes", &write_attributes);
}

}  // namespace zarrloom::bindings
