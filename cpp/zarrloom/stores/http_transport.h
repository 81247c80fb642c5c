// One HTTP request, once: no retries, no redirects. By the AWS Common Runtime, on the process's own
// event loop; the only header that http_transport.cpp, which knows that library, answers for.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/base/bytes.h"
#include "zarrloom/base/cancel.h"
#include "zarrloom/base/error.h"
#include "zarrloom/stores/http_url.h"

struct aws_client_bootstrap;

namespace zarrloom {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method = "GET";
  HttpUrl url;  // its user_info is not looked at
  std::vector<HttpHeader> headers;
  ByteView body;  // the sender's, until the request has been answered
};

struct HttpReply {
  int status = 0;
  std::vector<HttpHeader> headers;
  std::string body;  // of a status that is no 2xx, cut at 64 KiB

  // The first of that name, whatever its case; nullopt: none.
  std::optional<std::string_view> header(std::string_view name) const;
};

// Takes what comes with a status of 2xx, on the event loop's thread. What it throws ends the
// request, which is then answered with that failure.
class HttpReceiver {
 public:
  virtual ~HttpReceiver() = default;
  virtual void head(const HttpReply& reply) = 0;
  virtual void body(ByteView bytes) = 0;
};

// How a request ended.
struct HttpAnswer {
  enum class Status {
    complete,  // `reply` is whole
    broken,    // by the network; worth another try
    refused,   // by TLS or a name that does not exist: another try would give the same
    stopped,   // by the receiver, by cancelling or by the deadline
  };
  Status status = Status::broken;
  HttpReply reply;
  Failure failure;  // unless complete
};

struct HttpConnectOptions {
  std::string ca_file;  // trusted instead of the system's authorities; PEM
  std::chrono::milliseconds connect_timeout{10'000};
  // That long without a byte from the server, or below one byte a second, is an end.
  std::chrono::milliseconds idle_timeout{30'000};
  bool use_proxy = true;  // HTTP_PROXY, HTTPS_PROXY, NO_PROXY of the environment
  friend auto operator<=>(const HttpConnectOptions&, const HttpConnectOptions&) = default;
};

using HttpCompletion = std::function<void(HttpAnswer)>;

// Calls `done` once, on the event loop's thread or on this one; it must not throw and only hand on
// what it got. Until then the receiver's memory and the request's body are in use. After a fork the
// child has an event loop of its own; what was under way is the parent's.
void send_http(const HttpRequest& request, const HttpConnectOptions& options,
               std::shared_ptr<HttpReceiver> receiver, const CancelToken& cancel, Deadline deadline,
               HttpCompletion done);

// Work that waits for its time, on one thread of the process; see Timer.
void call_at(std::chrono::steady_clock::time_point when, const CancelToken& sooner,
             std::function<void()> work);

// The library's own handle of the process's network, for s3_signer.cpp. Not the parent's after a
// fork.
aws_client_bootstrap* network_bootstrap();

}  // namespace zarrloom
