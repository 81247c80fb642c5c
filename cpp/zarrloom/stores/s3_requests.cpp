#include "zarrloom/stores/s3_requests.h"

#include <cstdlib>
#include <utility>

namespace zarrloom {
namespace {

constexpr std::string_view kDefaultRegion = "us-east-1";

std::string from_environment(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value && *value) return value;
  }
  return {};
}

bool is_bucket_name(std::string_view name) {
  if (name.empty() || name.size() > 255) return false;
  for (const char c : name) {
    const bool known = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_';
    if (!known) return false;
  }
  return name != "." && name != "..";
}

HttpUrl endpoint_of(const S3StoreOptions& options) {
  if (options.endpoint_url.empty()) return {};
  HttpUrl url = parse_http_url(options.endpoint_url);
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

bool has_path_style(const S3Place& place, const S3StoreOptions& options) {
  if (options.path_style) return *options.path_style;
  // The certificate of "*.s3.region.amazonaws.com" is for no bucket with a dot.
  return !options.endpoint_url.empty() || place.bucket.find('.') != std::string::npos;
}

// Of the bucket itself, without a slash at its end.
HttpUrl bucket_url(const S3Place& place, const S3StoreOptions& options, const std::string& region) {
  HttpUrl url = endpoint_of(options);
  if (options.endpoint_url.empty()) {
    url.origin = {.tls = true, .host = "s3." + region + ".amazonaws.com", .port = 443};
  }
  if (has_path_style(place, options)) {
    url.path += "/" + place.bucket;
  } else {
    url.origin.host = place.bucket + "." + url.origin.host;
  }
  return url;
}

HttpClientOptions client_options(const S3StoreOptions& options) {
  HttpClientOptions client;
  client.connect = {.ca_file = options.ca_file,
                    .connect_timeout = options.connect_timeout,
                    .idle_timeout = options.idle_timeout,
                    .use_proxy = options.proxy_from_environment};
  client.retry.tries = options.tries;
  client.retry.timeout = options.timeout;
  client.concurrency = options.concurrency;
  client.follow_redirects = false;
  return client;
}

}  // namespace

S3Place parse_s3_url(std::string_view url) {
  constexpr std::string_view kScheme = "s3://";
  if (url.starts_with(kScheme)) url.remove_prefix(kScheme.size());
  const std::size_t slash = url.find('/');
  S3Place place{.bucket = std::string(url.substr(0, slash)), .prefix = {}};
  if (!is_bucket_name(place.bucket)) {
    fail(ErrorCode::invalid_argument, "not a URL of the form s3://bucket/prefix");
  }
  if (slash == std::string_view::npos) return place;
  place.prefix = url.substr(slash + 1);
  while (place.prefix.ends_with('/')) place.prefix.pop_back();
  if (!place.prefix.empty()) check_key(place.prefix);
  return place;
}

void complete_from_environment(S3StoreOptions& options) {
  if (options.endpoint_url.empty()) {
    options.endpoint_url = from_environment({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  }
  if (options.region.empty()) {
    options.region = from_environment({"AWS_REGION", "AWS_DEFAULT_REGION"});
  }
  if (options.access_key_id.empty() != options.secret_access_key.empty()) {
    fail(ErrorCode::invalid_argument,
         "access_key_id and secret_access_key belong together: give both or neither");
  }
  if (options.tries < 1) fail(ErrorCode::invalid_argument, "tries must be at least 1");
  if (options.concurrency < 1) fail(ErrorCode::invalid_argument, "concurrency must be at least 1");
}

// What a server's answers teach about it. Shared with the client's callbacks.
struct S3Requests::Region {
  explicit Region(const S3StoreOptions& options) : signer(options), name(options.region) {
    if (name.empty()) name = kDefaultRegion;
  }

  std::string current() {
    const std::lock_guard lock(mutex);
    return name;
  }

  // True: what was wrong is right now.
  bool amend(const HttpReply& reply) {
    const std::string code = xml_text(reply.body, "Code");
    if (code == "RequestTimeTooSkewed") return signer.set_clock(reply.header("date").value_or(""));
    if (code == "ExpiredToken" || code == "TokenRefreshRequired") return signer.renew();
    std::string named(reply.header("x-amz-bucket-region").value_or(""));
    if (named.empty() && code == "AuthorizationHeaderMalformed") {
      named = xml_text(reply.body, "Region");
    }
    // Others that were signed before may have learnt the same from their reply.
    const bool is_elsewhere = reply.status == 301 || reply.status == 307 || reply.status == 400;
    const std::lock_guard lock(mutex);
    if (named.empty()) return false;
    if (named == name) return is_elsewhere;
    name = std::move(named);
    return true;
  }

  const S3Signer signer;
  std::mutex mutex;
  std::string name;  // guarded by mutex
};

S3Requests::S3Requests(S3Place place, const S3StoreOptions& options)
    : place_(std::move(place)),
      options_(options),
      endpoint_(endpoint_of(options)),
      region_(std::make_shared<Region>(options)),
      client_([&] {
        HttpClientOptions client = client_options(options);
        client.amend = [region = region_](const HttpReply& reply) { return region->amend(reply); };
        client.sign = [region = region_, place = place_, options](HttpRequest request,
                                                                  HttpSigned done) {
          const std::string name = region->current();
          request.url.origin = bucket_url(place, options, name).origin;  // may be another by now
          if (options.anonymous) return done(std::move(request), std::nullopt);
          region->signer.sign(std::move(request), name, std::move(done));
        };
        return client;
      }()) {}

HttpRequest S3Requests::request(std::string_view method, const std::string& key,
                                std::string query) const {
  HttpRequest request;
  request.method = method;
  request.url = bucket_url(place_, options_, region_->current());
  request.url.path += "/" + percent_encode(key, true);
  request.url.query = std::move(query);
  request.headers.push_back({"Accept-Encoding", "identity"});
  request.headers.push_back({"User-Agent", "zarrloom"});
  if (options_.requester_pays) request.headers.push_back({"x-amz-request-payer", "requester"});
  return request;
}

HttpRequest S3Requests::object(std::string_view method, std::string_view key) const {
  return request(method, full_key(key), "");
}

HttpRequest S3Requests::list(const std::string& prefix, const std::string& delimiter,
                             const std::string& token) const {
  // In the order of their names, as the signature wants them.
  std::string query;
  if (!token.empty()) query += "continuation-token=" + percent_encode(token, false) + "&";
  if (!delimiter.empty()) query += "delimiter=" + percent_encode(delimiter, false) + "&";
  query += "encoding-type=url&list-type=2&prefix=" + percent_encode(prefix, false);
  return request("GET", "", std::move(query));
}

HttpRequest S3Requests::delete_many(const std::string& body) const {
  HttpRequest made = request("POST", "", "delete=");
  made.body = as_byte_view(body);
  made.headers.push_back({"Content-MD5", content_md5(made.body)});
  made.headers.push_back({"Content-Type", "application/xml"});
  return made;
}

std::string S3Requests::full_key(std::string_view key) const {
  return place_.prefix.empty() ? std::string(key) : place_.prefix + "/" + std::string(key);
}

std::string S3Requests::locate(std::string_view key) const {
  // Buckets of one name at two servers are two.
  std::string place = "s3://" + place_.bucket;
  if (!options_.endpoint_url.empty()) place += "@" + host_header(endpoint_.origin);
  if (!place_.prefix.empty()) place += "/" + place_.prefix;
  return key.empty() ? place : place + "/" + std::string(key);
}

}  // namespace zarrloom
