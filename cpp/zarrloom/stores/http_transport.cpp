#include "zarrloom/stores/http_transport.h"

#include <aws/auth/auth.h>
#include <aws/http/connection.h>
#include <aws/http/connection_manager.h>
#include <aws/http/http.h>
#include <aws/http/proxy.h>
#include <aws/http/request_response.h>
#include <aws/io/channel_bootstrap.h>
#include <aws/io/event_loop.h>
#include <aws/io/host_resolver.h>
#include <aws/io/socket.h>
#include <aws/io/stream.h>
#include <aws/io/tls_channel_handler.h>

#include <algorithm>
#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <utility>

#include "zarrloom/exec/fork_guard.h"
#include "zarrloom/exec/machine.h"
#include "zarrloom/exec/timer.h"

namespace zarrloom {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostConnections = 2048;  // to one origin
constexpr std::size_t kMostErrorText = std::size_t{64} << 10;
constexpr std::size_t kMostHeaderBytes = std::size_t{256} << 10;
constexpr std::chrono::milliseconds kSweep{50};         // how late a deadline may be noticed
constexpr std::chrono::milliseconds kKeepIdle{20'000};  // less than what servers do

aws_byte_cursor cursor_of(std::string_view text) {
  return aws_byte_cursor_from_array(text.data(), text.size());
}
std::string_view view_of(const aws_byte_cursor& cursor) {
  return {reinterpret_cast<const char*>(cursor.ptr), cursor.len};
}

bool equal_names(std::string_view a, std::string_view b) {
  const auto same = [](char x, char y) { return (x | 32) == (y | 32); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

// What another try would not change.
bool is_final(int error) {
  switch (error) {
    case AWS_IO_DNS_INVALID_NAME:
    case AWS_IO_DNS_NO_ADDRESS_FOR_HOST:
    case AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE:
    case AWS_IO_TLS_CTX_ERROR:
    case AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE:
    case AWS_IO_TLS_NO_ROOT_CERTIFICATE_FOUND:
    case AWS_IO_TLS_HOST_NAME_MISMATCH:
    case AWS_IO_TLS_ERROR_DEFAULT_TRUST_STORE_NOT_FOUND:
    case AWS_IO_TLS_INVALID_CERTIFICATE_CHAIN:
    case AWS_ERROR_HTTP_INVALID_HEADER_NAME:
    case AWS_ERROR_HTTP_INVALID_HEADER_VALUE:
    case AWS_ERROR_HTTP_INVALID_PATH:
      return true;
    default:
      return false;
  }
}

HttpAnswer ended_by(int error) {
  HttpAnswer answer;
  answer.status = is_final(error) ? HttpAnswer::Status::refused : HttpAnswer::Status::broken;
  answer.failure = {.code = ErrorCode::storage, .message = std::string(aws_error_debug_str(error))};
  return answer;
}

HttpAnswer stopped_by(ErrorCode code) {
  HttpAnswer answer;
  answer.status = HttpAnswer::Status::stopped;
  answer.failure = {
      .code = code,
      .message = code == ErrorCode::cancelled ? "cancelled" : "the time for it is over"};
  return answer;
}

struct ManagerKey {
  HttpOrigin origin;
  HttpConnectOptions options;
  friend auto operator<=>(const ManagerKey&, const ManagerKey&) = default;
};

// One request on its way. Lives until the library has called back for the last time.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<HttpReceiver> receiver, Deadline deadline, HttpCompletion done)
      : deadline_(deadline), receiver_(std::move(receiver)), done_(std::move(done)) {}

  void start(const HttpRequest& request, aws_http_connection_manager* manager,
             const CancelToken& cancel);
  // Answers soon; at once while there is no connection.
  void stop(ErrorCode why);
  bool is_late(Clock::time_point now) const { return now >= deadline_; }
  bool is_over() const { return over_.load(std::memory_order_acquire); }

 private:
  enum class State { connecting, running, over };

  static void on_connection(aws_http_connection* connection, int error, void* user);
  static int on_headers(aws_http_stream* stream, aws_http_header_block block,
                        const aws_http_header* headers, std::size_t count, void* user);
  static int on_head_done(aws_http_stream* stream, aws_http_header_block block, void* user);
  static int on_body(aws_http_stream* stream, const aws_byte_cursor* data, void* user);
  static void on_complete(aws_http_stream* stream, int error, void* user);

  bool run(aws_http_connection* connection);
  void complete(int error);
  void finish(HttpAnswer answer);
  template <class Work>
  int guarded(Work work);

  const Deadline deadline_;
  aws_http_connection_manager* manager_ = nullptr;
  aws_http_message* message_ = nullptr;
  aws_input_stream* body_ = nullptr;
  std::unique_ptr<OnCancel> on_cancel_;
  std::atomic<bool> over_{false};

  std::mutex mutex_;
  State state_ = State::connecting;            // guarded by mutex_
  aws_http_connection* connection_ = nullptr;  // guarded by mutex_
  std::optional<ErrorCode> stopped_;           // guarded by mutex_

  // Only on the event loop's thread, or before it knows of this.
  aws_http_stream* stream_ = nullptr;
  HttpReply reply_;
  std::size_t header_bytes_ = 0;
  std::optional<Failure> failure_;
  std::shared_ptr<HttpReceiver> receiver_;
  HttpCompletion done_;
};

// ---- What the process has once ----

class Network {
 public:
  Network() {
    allocator_ = aws_default_allocator();
    aws_auth_library_init(allocator_);  // and those below it
    const auto threads =
        static_cast<std::uint16_t>(std::clamp<std::size_t>(usable_cpus() / 2, 1, 4));
    loops_ = aws_event_loop_group_new_default(allocator_, threads, nullptr);
    if (!loops_) fail(ErrorCode::storage, "no event loop could be started");
    aws_host_resolver_default_options resolver{};
    resolver.el_group = loops_;
    resolver.max_entries = 64;
    resolver_ = aws_host_resolver_new_default(allocator_, &resolver);
    aws_client_bootstrap_options bootstrap{};
    bootstrap.event_loop_group = loops_;
    bootstrap.host_resolver = resolver_;
    bootstrap_ = aws_client_bootstrap_new(allocator_, &bootstrap);
  }

  aws_allocator* allocator() const { return allocator_; }
  aws_client_bootstrap* bootstrap() const { return bootstrap_; }

  aws_http_connection_manager* manager(const ManagerKey& key) {
    const std::lock_guard lock(mutex_);
    aws_http_connection_manager*& found = managers_[key];
    if (!found) found = make_manager(key);
    return found;
  }

  void watch(std::shared_ptr<Exchange> exchange) {
    const std::lock_guard lock(mutex_);
    watched_.push_back(std::move(exchange));
    if (!sweeping_) sweep_later();
  }

 private:
  // Under mutex_.
  aws_http_connection_manager* make_manager(const ManagerKey& key);
  aws_tls_ctx* tls_context(const std::string& ca_file);

  // Under mutex_.
  void sweep_later() {
    call_at(Clock::now() + kSweep, {}, [this] { sweep(); });
    sweeping_ = true;  // unless no thread could be made
  }

  void sweep() {
    std::vector<std::shared_ptr<Exchange>> late;
    {
      const std::lock_guard lock(mutex_);
      const auto now = Clock::now();
      watched_.remove_if([&](const std::shared_ptr<Exchange>& exchange) {
        if (exchange->is_over()) return true;
        if (!exchange->is_late(now)) return false;
        late.push_back(exchange);
        return true;
      });
      sweeping_ = false;
      if (!watched_.empty()) sweep_later();
    }
    for (const auto& exchange : late) exchange->stop(ErrorCode::deadline);
  }

  aws_allocator* allocator_ = nullptr;
  aws_event_loop_group* loops_ = nullptr;
  aws_host_resolver* resolver_ = nullptr;
  aws_client_bootstrap* bootstrap_ = nullptr;

  std::mutex mutex_;
  std::map<ManagerKey, aws_http_connection_manager*> managers_;  // guarded by mutex_
  std::map<std::string, aws_tls_ctx*> tls_;                      // guarded by mutex_
  std::list<std::shared_ptr<Exchange>> watched_;                 // guarded by mutex_
  bool sweeping_ = false;                                        // guarded by mutex_
};

aws_tls_ctx* Network::tls_context(const std::string& ca_file) {
  aws_tls_ctx*& found = tls_[ca_file];
  if (found) return found;
  aws_tls_ctx_options options;
  aws_tls_ctx_options_init_default_client(&options, allocator_);
  const bool trusted =
      ca_file.empty() || aws_tls_ctx_options_override_default_trust_store_from_path(
                             &options, nullptr, ca_file.c_str()) == AWS_OP_SUCCESS;
  if (trusted) found = aws_tls_client_ctx_new(allocator_, &options);
  aws_tls_ctx_options_clean_up(&options);
  if (!found) {
    fail(ErrorCode::invalid_argument,
         "no TLS with " + (ca_file.empty() ? "the system's certificates" : ca_file) + ": " +
             aws_error_debug_str(aws_last_error()));
  }
  return found;
}

aws_http_connection_manager* Network::make_manager(const ManagerKey& key) {
  aws_socket_options socket{};
  socket.type = AWS_SOCKET_STREAM;
  socket.domain =
      key.origin.host.find(':') != std::string::npos ? AWS_SOCKET_IPV6 : AWS_SOCKET_IPV4;
  socket.connect_timeout_ms = static_cast<std::uint32_t>(key.options.connect_timeout.count());
  socket.tcp_nodelay = AWS_SOCKET_TCP_NODELAY_ON;
  const auto idle = static_cast<std::uint64_t>(key.options.idle_timeout.count());
  aws_http_connection_monitoring_options monitoring{};
  monitoring.minimum_throughput_bytes_per_second = 1;
  monitoring.allowable_throughput_failure_interval_seconds =
      static_cast<std::uint32_t>(std::max<std::uint64_t>(idle / 1000, 1));
  proxy_env_var_settings proxy{};
  proxy.env_var_type = key.options.use_proxy ? AWS_HPEV_ENABLE : AWS_HPEV_DISABLE;

  aws_http_connection_manager_options options{};
  options.bootstrap = bootstrap_;
  options.initial_window_size = SIZE_MAX;
  options.socket_options = &socket;
  options.response_first_byte_timeout_ms = idle;
  options.monitoring_options = &monitoring;
  options.host = cursor_of(key.origin.host);
  options.port = key.origin.port;
  options.proxy_ev_settings = &proxy;
  options.max_connections = kMostConnections;
  options.max_connection_idle_in_milliseconds = static_cast<std::uint64_t>(kKeepIdle.count());
  aws_tls_connection_options tls{};
  if (key.origin.tls) {
    aws_tls_connection_options_init_from_ctx(&tls, tls_context(key.options.ca_file));
    aws_byte_cursor name = cursor_of(key.origin.host);
    aws_tls_connection_options_set_server_name(&tls, allocator_, &name);
    aws_tls_connection_options_set_alpn_list(&tls, allocator_, "http/1.1");
    options.tls_connection_options = &tls;
  }
  aws_http_connection_manager* manager = aws_http_connection_manager_new(allocator_, &options);
  if (key.origin.tls) aws_tls_connection_options_clean_up(&tls);
  if (!manager) fail(ErrorCode::storage, aws_error_debug_str(aws_last_error()));
  return manager;
}

// Never destroyed: threads of the library run until the process ends.
class NetworkOfProcess {
 public:
  Network& get() {
    const std::lock_guard lock(mutex_);
    if (!network_) network_ = new Network;
    return *network_;
  }

 private:
  std::mutex mutex_;
  Network* network_ = nullptr;  // guarded by mutex_; the parent's is leaked in the child of a fork
  const ForkGuard fork_guard_{{.before = [this] { mutex_.lock(); },
                               .in_parent = [this] { mutex_.unlock(); },
                               .in_child =
                                   [this] {
                                     network_ = nullptr;
                                     mutex_.unlock();
                                   }}};
};

Network& network() {
  static auto* of_process = new NetworkOfProcess;
  return of_process->get();
}

// ---- One request ----

aws_http_message* make_message(aws_allocator* allocator, const HttpRequest& request,
                               aws_input_stream* body) {
  aws_http_message* message = aws_http_message_new_request(allocator);
  std::string path = request.url.path;
  if (!request.url.query.empty()) path += "?" + request.url.query;
  aws_http_message_set_request_method(message, cursor_of(request.method));
  aws_http_message_set_request_path(message, cursor_of(path));
  const auto add = [&](std::string_view name, std::string_view value) {
    aws_http_header header{};
    header.name = cursor_of(name);
    header.value = cursor_of(value);
    aws_http_message_add_header(message, header);
  };
  bool has_host = false;
  for (const HttpHeader& header : request.headers) {
    has_host = has_host || equal_names(header.name, "host");
    add(header.name, header.value);
  }
  if (!has_host) add("Host", host_header(request.url.origin));
  const bool sends = !request.body.empty() || request.method == "PUT" || request.method == "POST";
  if (sends) add("Content-Length", std::to_string(request.body.size()));
  if (body) aws_http_message_set_body_stream(message, body);
  return message;
}

void Exchange::start(const HttpRequest& request, aws_http_connection_manager* manager,
                     const CancelToken& cancel) {
  aws_allocator* allocator = network().allocator();
  manager_ = manager;
  if (!request.body.empty()) {
    const aws_byte_cursor bytes =
        aws_byte_cursor_from_array(request.body.data(), request.body.size());
    body_ = aws_input_stream_new_from_cursor(allocator, &bytes);
  }
  message_ = make_message(allocator, request, body_);
  network().watch(shared_from_this());
  const auto self = shared_from_this();
  aws_http_connection_manager_acquire_connection(manager, &Exchange::on_connection,
                                                 new std::shared_ptr<Exchange>(self));
  if (!cancel.stop_token().stop_possible()) return;
  // May stop it at once. An answered one lets go of this in finish(), or never had it.
  auto on_cancel = std::make_unique<OnCancel>(cancel.stop_token(), [weak = weak_from_this()] {
    if (const auto exchange = weak.lock()) exchange->stop(ErrorCode::cancelled);
  });
  const std::lock_guard lock(mutex_);
  if (state_ != State::over) on_cancel_ = std::move(on_cancel);
}

void Exchange::stop(ErrorCode why) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::over || stopped_) return;
    stopped_ = why;
    if (state_ == State::running) {
      aws_http_connection_close(connection_);  // complete() follows
      return;
    }
    state_ = State::over;
  }
  finish(stopped_by(why));
}

void Exchange::on_connection(aws_http_connection* connection, int error, void* user) {
  const std::unique_ptr<std::shared_ptr<Exchange>> self(
      static_cast<std::shared_ptr<Exchange>*>(user));
  Exchange& exchange = **self;
  if (connection && exchange.run(connection)) return;
  const int why = error ? error : aws_last_error();
  bool answer = false;
  {
    const std::lock_guard lock(exchange.mutex_);
    answer = exchange.state_ != State::over;
    exchange.state_ = State::over;
  }
  if (connection) aws_http_connection_manager_release_connection(exchange.manager_, connection);
  if (answer) exchange.finish(ended_by(why));
}

// False: the connection is not used, or cannot be.
bool Exchange::run(aws_http_connection* connection) {
  const std::lock_guard lock(mutex_);
  if (state_ == State::over) return false;
  aws_http_make_request_options options{};
  options.self_size = sizeof options;
  options.request = message_;
  options.user_data = new std::shared_ptr<Exchange>(shared_from_this());
  options.on_response_headers = &Exchange::on_headers;
  options.on_response_header_block_done = &Exchange::on_head_done;
  options.on_response_body = &Exchange::on_body;
  options.on_complete = &Exchange::on_complete;
  stream_ = aws_http_connection_make_request(connection, &options);
  if (!stream_ || aws_http_stream_activate(stream_) != AWS_OP_SUCCESS) {
    const int error = aws_last_error();
    if (stream_) aws_http_stream_release(stream_);
    delete static_cast<std::shared_ptr<Exchange>*>(options.user_data);
    aws_raise_error(error);
    return false;
  }
  connection_ = connection;
  state_ = State::running;
  return true;
}

// What throws is kept, and ends the request.
template <class Work>
int Exchange::guarded(Work work) {
  try {
    work();
    return AWS_OP_SUCCESS;
  } catch (...) {
    failure_ = current_failure();
    return aws_raise_error(AWS_ERROR_HTTP_CALLBACK_FAILURE);
  }
}

int Exchange::on_headers(aws_http_stream*, aws_http_header_block block,
                         const aws_http_header* headers, std::size_t count, void* user) {
  if (block != AWS_HTTP_HEADER_BLOCK_MAIN) return AWS_OP_SUCCESS;
  Exchange& exchange = **static_cast<std::shared_ptr<Exchange>*>(user);
  return exchange.guarded([&] {
    for (std::size_t i = 0; i < count; ++i) {
      exchange.header_bytes_ += headers[i].name.len + headers[i].value.len;
      if (exchange.header_bytes_ > kMostHeaderBytes) {
        fail(ErrorCode::storage, "the server's headers have no end");
      }
      exchange.reply_.headers.push_back(
          {std::string(view_of(headers[i].name)), std::string(view_of(headers[i].value))});
    }
  });
}

int Exchange::on_head_done(aws_http_stream* stream, aws_http_header_block block, void* user) {
  if (block != AWS_HTTP_HEADER_BLOCK_MAIN) return AWS_OP_SUCCESS;
  Exchange& exchange = **static_cast<std::shared_ptr<Exchange>*>(user);
  HttpReply& reply = exchange.reply_;
  aws_http_stream_get_incoming_response_status(stream, &reply.status);
  if (reply.status < 200 || reply.status > 299) return AWS_OP_SUCCESS;
  return exchange.guarded([&] { exchange.receiver_->head(reply); });
}

int Exchange::on_body(aws_http_stream*, const aws_byte_cursor* data, void* user) {
  Exchange& exchange = **static_cast<std::shared_ptr<Exchange>*>(user);
  HttpReply& reply = exchange.reply_;
  return exchange.guarded([&] {
    if (reply.status >= 200 && reply.status <= 299) {
      return exchange.receiver_->body(as_byte_view(view_of(*data)));
    }
    const std::size_t room = kMostErrorText - std::min(kMostErrorText, reply.body.size());
    reply.body += view_of(*data).substr(0, room);
  });
}

void Exchange::on_complete(aws_http_stream*, int error, void* user) {
  const std::unique_ptr<std::shared_ptr<Exchange>> self(
      static_cast<std::shared_ptr<Exchange>*>(user));
  (*self)->complete(error);
}

void Exchange::complete(int error) {
  std::optional<ErrorCode> stopped;
  aws_http_connection* connection = nullptr;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::over;
    stopped = stopped_;
    connection = std::exchange(connection_, nullptr);
  }
  aws_http_stream_release(stream_);
  aws_http_connection_manager_release_connection(manager_, connection);
  HttpAnswer answer;
  if (failure_) {
    answer.status = HttpAnswer::Status::stopped;
    answer.failure = std::move(*failure_);
  } else if (!error) {
    answer.status = HttpAnswer::Status::complete;
  } else {
    answer = stopped ? stopped_by(*stopped) : ended_by(error);
  }
  answer.reply = std::move(reply_);
  finish(std::move(answer));
}

void Exchange::finish(HttpAnswer answer) {
  over_.store(true, std::memory_order_release);
  std::unique_ptr<OnCancel> on_cancel;
  {
    const std::lock_guard lock(mutex_);
    on_cancel = std::move(on_cancel_);
  }
  on_cancel.reset();  // not under the lock: it waits for a stop() that takes it
  if (message_) aws_http_message_release(std::exchange(message_, nullptr));
  if (body_) aws_input_stream_release(std::exchange(body_, nullptr));
  receiver_.reset();
  std::exchange(done_, nullptr)(std::move(answer));
}

}  // namespace

aws_client_bootstrap* network_bootstrap() { return network().bootstrap(); }

std::optional<std::string_view> HttpReply::header(std::string_view name) const {
  for (const HttpHeader& each : headers) {
    if (equal_names(each.name, name)) return each.value;
  }
  return std::nullopt;
}

void send_http(const HttpRequest& request, const HttpConnectOptions& options,
               std::shared_ptr<HttpReceiver> receiver, const CancelToken& cancel, Deadline deadline,
               HttpCompletion done) {
  aws_http_connection_manager* manager = network().manager({request.url.origin, options});
  const auto exchange = std::make_shared<Exchange>(std::move(receiver), deadline, std::move(done));
  exchange->start(request, manager, cancel);
}

// Not a part of Network: a timer looks after forks itself, and may not be made where one waits.
void call_at(Clock::time_point when, const CancelToken& sooner, std::function<void()> work) {
  static auto* const timer = new Timer;
  timer->call_at(when, sooner, std::move(work));
}

}  // namespace zarrloom
