// Buckets of Amazon S3 and of everything that speaks its protocol.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "zarrloom/stores/store.h"

namespace zarrloom {

struct S3StoreOptions {
  // "http://host:port"; empty: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL of the environment, else
  // Amazon's.
  std::string endpoint_url = {};
  // Empty: AWS_REGION or AWS_DEFAULT_REGION, else us-east-1 until the server names another.
  std::string region = {};
  // Empty: found as all programs of AWS do (environment, profile, SSO, process, web identity,
  // containers, instance metadata).
  std::string access_key_id = {};
  std::string secret_access_key = {};
  std::string session_token = {};
  std::string profile = {};             // of the configuration files
  bool anonymous = false;               // requests are not signed
  std::optional<bool> path_style = {};  // host/bucket/key. Default: where an endpoint is given
  bool requester_pays = false;
  std::string server_side_encryption = {};  // of what is written: "AES256", "aws:kms"
  std::string kms_key_id = {};
  bool forbidden_is_missing = false;  // who may not list gets 403 for what is not there
  std::string ca_file = {};           // PEM; trusted instead of the system's authorities
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds idle_timeout{30'000};  // without a byte from the server
  std::chrono::milliseconds timeout{120'000};      // of an operation with all its tries
  int tries = 8;
  std::size_t concurrency = 512;  // requests in flight, at most
  bool proxy_from_environment = true;
};

// Where s3:// is built in; see ZARRLOOM_S3 of CMake.
bool has_s3_store();

// "s3://bucket[/prefix]". Versions are ETags. A condition on a write is the server's to keep; a
// write that was tried again and meets its own earlier try is recognised. Throws invalid_argument,
// and unsupported where it is not built in.
std::shared_ptr<Store> make_s3_store(std::string_view url, S3StoreOptions options = {});

}  // namespace zarrloom
