#include "zarrloom/stores/http.h"

#include <utility>

#include "zarrloom/base/base64.h"
#include "zarrloom/stores/http_client.h"
#include "zarrloom/stores/http_read.h"

namespace zarrloom {
namespace {

void check_header(const std::string& name, const std::string& value) {
  const auto is_line = [](const std::string& text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos;
  };
  if (name.empty() || !is_line(name) || !is_line(value)) {
    fail(ErrorCode::invalid_argument, "a header is empty or has more than one line");
  }
}

std::vector<HttpHeader> own_headers(const HttpUrl& url, const HttpStoreOptions& options) {
  std::vector<HttpHeader> headers;
  for (const auto& [name, value] : options.headers) {
    check_header(name, value);
    headers.push_back({name, value});
  }
  std::string credentials = url.user_info;
  if (!options.user.empty()) credentials = options.user + ":" + options.password;
  if (!options.token.empty()) {
    check_header("Authorization", options.token);
    headers.push_back({"Authorization", "Bearer " + options.token});
  } else if (!credentials.empty()) {
    headers.push_back({"Authorization", "Basic " + base64_encode(as_byte_view(credentials))});
  }
  return headers;
}

HttpClientOptions client_options(const HttpUrl& url, const HttpStoreOptions& options) {
  if (options.tries < 1) fail(ErrorCode::invalid_argument, "tries must be at least 1");
  if (options.concurrency < 1) fail(ErrorCode::invalid_argument, "concurrency must be at least 1");
  HttpClientOptions client;
  client.connect = {.ca_file = options.ca_file,
                    .connect_timeout = options.connect_timeout,
                    .idle_timeout = options.idle_timeout,
                    .use_proxy = options.proxy_from_environment};
  client.retry.tries = options.tries;
  client.retry.timeout = options.timeout;
  client.concurrency = options.concurrency;
  client.headers = own_headers(url, options);
  return client;
}

HttpUrl base_of(std::string_view text) {
  HttpUrl url = parse_http_url(text);
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

class HttpStore final : public Store {
 public:
  HttpStore(const HttpUrl& url, const HttpStoreOptions& options)
      : url_(url), options_(options), client_(client_options(url, options)) {}

 private:
  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    HttpReadOptions how;
    how.whole_object_limit = options_.whole_object_limit;
    how.on_refusal = [forbidden_is_missing = options_.forbidden_is_missing](const HttpReply& reply,
                                                                            int tries) {
      ReadResult result;
      if (is_absence(reply.status, forbidden_is_missing)) return result;
      result.status = ReadResult::Status::failed;
      result.failure = failure_of_reply(reply, tries);
      return result;
    };
    read_by_http(client_, request_for(request.key), request, std::move(how), std::move(done));
  }

  bool do_exists(std::string_view key) const override {
    // By a read of no bytes, which is a HEAD.
    return read_object(*this, key, {.length = 0}).has_value();
  }

  std::string do_locate(std::string_view key) const override {
    const std::string place = origin_text(url_.origin) + url_.path;
    return key.empty() ? place : place + "/" + std::string(key);
  }

  StoreCapabilities do_capabilities() const override {
    return {.writable = false,
            .listable = false,
            .answers_inline = false,
            .conditional_write = false,
            .kind = IoKind::http};
  }

  // Store asks capabilities() first.
  void do_write(std::string_view, ByteView, WriteCondition) const override { refuse(); }
  void do_erase(std::string_view) const override { refuse(); }
  void do_erase_prefix(std::string_view) const override { refuse(); }
  std::vector<ListEntry> do_list(std::string_view, ListDepth) const override { refuse(); }
  [[noreturn]] static void refuse() {
    fail(ErrorCode::unsupported, "a store of a web server can only be read");
  }

  static bool is_absence(int status, bool forbidden_is_missing) {
    return status == 404 || status == 410 || (status == 403 && forbidden_is_missing);
  }

  HttpRequest request_for(std::string_view key) const {
    HttpRequest request;
    request.url = url_;
    request.url.path += "/" + percent_encode(key, true);
    request.headers.push_back({"Accept-Encoding", "identity"});
    request.headers.push_back({"User-Agent", "zarrloom"});
    return request;
  }

  const HttpUrl url_;
  const HttpStoreOptions options_;
  const HttpClient client_;
};

}  // namespace

bool has_http_store() { return true; }

std::shared_ptr<Store> make_http_store(std::string_view url, HttpStoreOptions options) {
  return std::make_shared<HttpStore>(base_of(url), options);
}

}  // namespace zarrloom
