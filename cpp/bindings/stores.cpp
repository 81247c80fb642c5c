#include <pybind11/stl.h>

#include "bind.h"
#include "gil.h"
#include "zarrloom/stores/reference.h"
#include "zarrloom/stores/store.h"
#include "zarrloom/stores/zip.h"

namespace zarrloom::bindings {
namespace {

ByteView view_of(const py::bytes& bytes) { return as_byte_view(std::string_view(bytes)); }

py::object read(const std::shared_ptr<Store>& store, const std::string& key) {
  const auto bytes = without_gil([&] { return read_object(*store, key); });
  if (!bytes) return py::none();
  return py::bytes(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

void write(const std::shared_ptr<Store>& store, const std::string& key, const py::bytes& value,
           bool only_if_absent) {
  const ByteView bytes = view_of(value);  // of an object that never changes
  const auto condition = only_if_absent ? WriteCondition::if_absent : WriteCondition::none;
  without_gil([&] { store->write(key, bytes, condition); });
}

std::vector<std::string> list(const std::shared_ptr<Store>& store, const std::string& prefix) {
  return without_gil([&] {
    std::vector<std::string> keys;
    for (ListEntry& entry : store->list(prefix, ListDepth::all)) {
      if (!entry.is_prefix) keys.push_back(std::move(entry.name));
    }
    return keys;
  });
}

ZipMode zip_mode(const std::string& mode) {
  if (mode == "r") return ZipMode::read;
  if (mode == "a") return ZipMode::append;
  if (mode == "w") return ZipMode::replace;
  if (mode == "x") return ZipMode::create;
  if (mode == "on demand") return ZipMode::on_demand;
  fail(ErrorCode::invalid_argument, "mode must be r, a, w or x, not " + mode);
}

void bind_zip(py::module_& module) {
  py::class_<ZipStore, Store, std::shared_ptr<ZipStore>>(module, "ZipStore")
      .def("is_writing", &ZipStore::is_writing)
      .def("flush", [](const ZipStore& s) { without_gil([&] { s.flush(); }); })
      .def("close", [](const ZipStore& s) { without_gil([&] { s.close(); }); });
  module.def(
      "make_zip_store",
      [](const std::string& path, const std::string& mode, bool deflate, bool fsync,
         std::uint64_t inflate_limit) {
        const ZipStoreOptions options{.mode = zip_mode(mode),
                                      .deflate = deflate,
                                      .fsync = fsync,
                                      .inflate_limit = inflate_limit};
        return without_gil([&] { return make_zip_store(path, options); });
      },
      py::arg("path"), py::kw_only(), py::arg("mode"), py::arg("deflate"), py::arg("fsync"),
      py::arg("inflate_limit"));
}

// (key, url, bytes, offset, length); a length below 0: all of the target.
using ReferenceTuple = std::tuple<std::string, std::string, py::bytes, std::uint64_t, std::int64_t>;

std::vector<Reference> to_references(const std::vector<ReferenceTuple>& tuples) {
  std::vector<Reference> references;
  references.reserve(tuples.size());
  for (const auto& [key, url, bytes, offset, length] : tuples) {
    Reference reference{.key = key, .url = url, .bytes = std::string(bytes)};
    if (length >= 0) reference.range = {offset, static_cast<std::uint64_t>(length)};
    references.push_back(std::move(reference));
  }
  return references;
}

void bind_references(py::module_& module) {
  py::class_<ReferenceStore, Store, std::shared_ptr<ReferenceStore>>(module, "ReferenceStore")
      .def("add",
           [](const ReferenceStore& s, const std::vector<ReferenceTuple>& tuples) {
             std::vector<Reference> references = to_references(tuples);
             without_gil([&] { s.add(std::move(references)); });
           })
      .def("add_json", [](const ReferenceStore& s, const std::string& json) {
        without_gil([&] { s.add(parse_references(json)); });
      });
  module.def(
      "make_reference_store",
      [](std::string name, std::string folder, std::shared_ptr<Store> remote) {
        return make_reference_store(
            {.name = std::move(name), .folder = std::move(folder), .remote = std::move(remote)});
      },
      py::arg("name"), py::arg("folder"), py::arg("remote"));
  module.def(
      "open_reference_store",
      [](const std::string& path, std::shared_ptr<Store> remote) {
        return without_gil([&] { return open_reference_store(path, std::move(remote)); });
      },
      py::arg("path"), py::arg("remote"));
}

}  // namespace

void bind_stores(py::module_& module) {
  py::class_<Store, std::shared_ptr<Store>>(module, "Store")
      .def("locate", &Store::locate)
      .def("read", &read)
      .def("write", &write, py::arg("key"), py::arg("value"), py::kw_only(),
           py::arg("only_if_absent") = false)
      .def("erase",
           [](const Store& s, const std::string& key) { without_gil([&] { s.erase(key); }); })
      .def("erase_prefix",
           [](const Store& s, const std::string& prefix) {
             without_gil([&] { erase_prefix(s, prefix); });
           })
      .def("exists",
           [](const Store& s, const std::string& key) {
             return without_gil([&] { return s.exists(key); });
           })
      .def("list", &list, py::arg("prefix") = "");
  module.def(
      "open_store",
      [](const std::string& url, bool read_only, bool fsync, bool follow_symlinks) {
        return without_gil([&] {
          return open_store(
              url, {.read_only = read_only, .fsync = fsync, .follow_symlinks = follow_symlinks});
        });
      },
      py::arg("url"), py::kw_only(), py::arg("read_only") = false, py::arg("fsync") = false,
      py::arg("follow_symlinks") = true);
  module.def("make_memory_store", &make_memory_store);
  bind_zip(module);
  bind_references(module);
  module.def(
      "make_latency_store",
      [](std::shared_ptr<Store> inner, double seconds) {
        return make_latency_store(std::move(inner),
                                  std::chrono::duration_cast<std::chrono::nanoseconds>(
                                      std::chrono::duration<double>(seconds)));
      },
      py::arg("inner"), py::arg("seconds"));
  module.def("make_rate_limited_store", &make_rate_limited_store, py::arg("inner"),
             py::arg("requests_per_second"), py::arg("burst"));
}

}  // namespace zarrloom::bindings
