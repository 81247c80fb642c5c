// Requests with all that makes them arrive: retries, redirects, and a concurrency that gives way to
// a server that says it is too much.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "zarrloom/stores/http_transport.h"

namespace zarrloom {

struct RetryOptions {
  int tries = 8;  // of one operation, the first included
  // Before the nth retry: a random time between 0 and first * 2^(n-1), at most `longest`. What the
  // server asks for by Retry-After counts, up to `longest`.
  std::chrono::milliseconds first{50};
  std::chrono::milliseconds longest{20'000};
  // Retries that the client may have ahead of its successes, so that a server that is down is not
  // asked eight times by each of a thousand reads.
  double budget = 200;
  // Of an operation with all its tries, where the caller sets no earlier deadline.
  std::chrono::milliseconds timeout{120'000};
};

// What one operation wants, asked anew for each try.
class HttpOperation : public HttpReceiver {
 public:
  // The next try's request. May throw.
  virtual HttpRequest request() = 0;
  // After a 2xx came whole. False: something is missing, try again. May throw.
  virtual bool is_done() { return true; }
};

// How the tries of an operation ended: with a whole reply, of whatever status, or with a failure.
struct HttpOutcome {
  bool replied = false;
  HttpReply reply;
  Failure failure;  // unless replied
  int tries = 0;
};

using HttpDone = std::function<void(HttpOutcome)>;
// Makes a request right for its sender; calls back once, on any thread, perhaps at once.
using HttpSigned = std::function<void(HttpRequest, std::optional<Failure>)>;
using HttpSign = std::function<void(HttpRequest, HttpSigned)>;

struct HttpClientOptions {
  HttpConnectOptions connect = {};
  RetryOptions retry = {};
  std::size_t concurrency = 512;  // requests in flight at most
  HttpSign sign = {};             // of requests to the operation's own origin only
  // Headers for that origin only: they may be secrets.
  std::vector<HttpHeader> headers = {};
  bool follow_redirects = true;
  // Asked about a reply that is no success, up to three times of an operation. True: something is
  // right now that was wrong, and the same is to be tried again at once.
  std::function<bool(const HttpReply&)> amend = {};
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();

  // Calls `done` once, from any thread. The client may be gone by then.
  void send(std::shared_ptr<HttpOperation> operation, const CancelToken& cancel, Deadline deadline,
            HttpDone done) const;

  // Waits for it.
  HttpOutcome send_and_wait(std::shared_ptr<HttpOperation> operation) const;

  // Requests that may be in flight by now, see HttpClientOptions::concurrency.
  std::size_t concurrency() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

// Of a reply that is no success: "503 Slow Down", with what the server says about it, and the
// number of tries. 401 and 403 are permission_denied, else storage.
Failure failure_of_reply(const HttpReply& reply, int tries);

}  // namespace zarrloom
