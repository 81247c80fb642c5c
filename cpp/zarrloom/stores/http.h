// Objects of a web server, read-only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "zarrloom/stores/store.h"

namespace zarrloom {

struct HttpStoreOptions {
  // Sent with each request to the URL's own origin, and to no other that it redirects to.
  std::map<std::string, std::string> headers = {};
  std::string user = {};  // basic authentication; also "https://user:password@host/"
  std::string password = {};
  std::string token = {};             // bearer authentication, instead
  bool forbidden_is_missing = false;  // 403 says that there is no such object
  std::string ca_file = {};           // PEM; trusted instead of the system's authorities
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds idle_timeout{30'000};  // without a byte from the server
  std::chrono::milliseconds timeout{120'000};      // of a read with all its tries
  int tries = 8;
  std::size_t concurrency = 512;  // requests in flight, at most
  // Of an object that a server without ranges sends whole where a range was asked for.
  std::uint64_t whole_object_limit = std::uint64_t{256} << 20;
  bool proxy_from_environment = true;
};

// Where http:// and https:// are built in; see ZARRLOOM_S3 of CMake.
bool has_http_store();

// "https://host/path[?query]": keys follow the path, the query goes with each. The path is taken as
// percent-encoded, keys are encoded. 404 and 410 are absence. Its versions are strong ETags. Throws
// invalid_argument, and unsupported where it is not built in.
std::shared_ptr<Store> make_http_store(std::string_view url, HttpStoreOptions options = {});

}  // namespace zarrloom
