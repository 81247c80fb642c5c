// How the requests of an S3 store look: addresses, headers, signatures.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "zarrloom/stores/http_client.h"
#include "zarrloom/stores/s3.h"
#include "zarrloom/stores/s3_signer.h"
#include "zarrloom/stores/s3_xml.h"

namespace zarrloom {

struct S3Place {
  std::string bucket;
  std::string prefix;  // without slashes around it; often empty
};

// Throws invalid_argument.
S3Place parse_s3_url(std::string_view url);

// Fills in endpoint and region. Throws invalid_argument for options that make no sense together.
void complete_from_environment(S3StoreOptions& options);

class S3Requests {
 public:
  S3Requests(S3Place place, const S3StoreOptions& options);

  const HttpClient& client() const { return client_; }

  // Of a key of the store.
  HttpRequest object(std::string_view method, std::string_view key) const;
  // Prefix and keys here are the bucket's.
  HttpRequest list(const std::string& prefix, const std::string& delimiter,
                   const std::string& token) const;
  // `body` must live until the request is answered.
  HttpRequest delete_many(const std::string& body) const;

  // The bucket's key of what begins with `key` in the store.
  std::string full_key(std::string_view key) const;
  std::string locate(std::string_view key) const;

 private:
  struct Region;

  HttpRequest request(std::string_view method, const std::string& key, std::string query) const;

  const S3Place place_;
  const S3StoreOptions options_;
  const HttpUrl endpoint_;  // where one is given
  const std::shared_ptr<Region> region_;
  const HttpClient client_;
};

}  // namespace zarrloom
