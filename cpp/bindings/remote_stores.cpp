// Stores that are reached by the network, with options given by name.
#include <pybind11/stl.h>

#include <chrono>
#include <set>

#include "bind.h"
#include "gil.h"
#include "zarrloom/stores/http.h"
#include "zarrloom/stores/s3.h"

namespace zarrloom::bindings {
namespace {

// Takes options out of a dict, and refuses those that nobody took.
class Options {
 public:
  explicit Options(const py::dict& dict) : dict_(dict) {}

  template <class T>
  void take(const char* name, T& into) {
    known_.insert(name);
    if (!dict_.contains(name) || dict_[name].is_none()) return;
    try {
      into = dict_[name].cast<T>();
    } catch (const py::cast_error&) {
      fail(ErrorCode::invalid_argument,
           std::string("storage_options: ") + name + " has a value of the wrong type");
    }
  }

  void take(const char* name, std::chrono::milliseconds& into) {
    double seconds = std::chrono::duration<double>(into).count();
    take(name, seconds);
    if (!(seconds > 0 && seconds < 1e6)) {
      fail(ErrorCode::invalid_argument,
           std::string("storage_options: ") + name + " is a number of seconds above 0");
    }
    into = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  }

  void refuse_others() const {
    for (const auto& [key, value] : dict_) {
      const std::string name = py::str(key);
      if (known_.contains(name)) continue;
      std::string message = "storage_options: \"" + name + "\" is not known; known: ";
      for (const std::string& each : known_) message += each + ", ";
      message.resize(message.size() - 2);
      fail(ErrorCode::invalid_argument, message);
    }
  }

 private:
  const py::dict dict_;
  std::set<std::string> known_;
};

HttpStoreOptions http_options(const py::dict& dict) {
  HttpStoreOptions options;
  Options given(dict);
  given.take("headers", options.headers);
  given.take("user", options.user);
  given.take("password", options.password);
  given.take("token", options.token);
  given.take("forbidden_is_missing", options.forbidden_is_missing);
  given.take("ca_file", options.ca_file);
  given.take("connect_timeout", options.connect_timeout);
  given.take("idle_timeout", options.idle_timeout);
  given.take("timeout", options.timeout);
  given.take("tries", options.tries);
  given.take("concurrency", options.concurrency);
  given.take("whole_object_limit", options.whole_object_limit);
  given.take("proxy_from_environment", options.proxy_from_environment);
  given.refuse_others();
  return options;
}

S3StoreOptions s3_options(const py::dict& dict) {
  S3StoreOptions options;
  Options given(dict);
  given.take("endpoint_url", options.endpoint_url);
  given.take("region", options.region);
  given.take("access_key_id", options.access_key_id);
  given.take("secret_access_key", options.secret_access_key);
  given.take("session_token", options.session_token);
  given.take("profile", options.profile);
  given.take("anonymous", options.anonymous);
  given.take("path_style", options.path_style);
  given.take("requester_pays", options.requester_pays);
  given.take("server_side_encryption", options.server_side_encryption);
  given.take("kms_key_id", options.kms_key_id);
  given.take("forbidden_is_missing", options.forbidden_is_missing);
  given.take("ca_file", options.ca_file);
  given.take("connect_timeout", options.connect_timeout);
  given.take("idle_timeout", options.idle_timeout);
  given.take("timeout", options.timeout);
  given.take("tries", options.tries);
  given.take("concurrency", options.concurrency);
  given.take("proxy_from_environment", options.proxy_from_environment);
  given.refuse_others();
  return options;
}

}  // namespace

void bind_remote_stores(py::module_& module) {
  module.attr("HAS_HTTP") = has_http_store();
  module.def(
      "make_http_store",
      [](const std::string& url, const py::dict& options) {
        return make_http_store(url, http_options(options));
      },
      py::arg("url"), py::arg("options"));
  module.attr("HAS_S3") = has_s3_store();
  module.def(
      "make_s3_store",
      [](const std::string& url, const py::dict& options) {
        return make_s3_store(url, s3_options(options));
      },
      py::arg("url"), py::arg("options"));
}

}  // namespace zarrloom::bindings
