#include "zarrloom/stores/http_client.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <random>
#include <utility>

#include "zarrloom/exec/fork_guard.h"
#include "zarrloom/exec/gate.h"
#include "zarrloom/stores/s3_xml.h"

namespace zarrloom {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kMostRedirects = 5;
constexpr int kMostAmendments = 3;
constexpr double kSuccessEarns = 0.1;  // of a retry

bool is_worth_a_retry(int status) {
  switch (status) {
    case 408:
    case 425:
    case 429:
    case 499:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

bool says_too_much(int status) { return status == 429 || status == 503; }

bool is_redirect(const HttpReply& reply) {
  const int status = reply.status;
  return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
         reply.header("location");
}

std::uint64_t random_bits() {
  // Not a thread's: the child of a fork would draw the same.
  static thread_local std::pair<std::uint64_t, std::mt19937_64> source{~std::uint64_t{0}, {}};
  if (source.first != fork_generation()) {
    source = {fork_generation(), std::mt19937_64(std::random_device{}())};
  }
  return source.second();
}

milliseconds random_below(milliseconds most) {
  return milliseconds(random_bits() % static_cast<std::uint64_t>(most.count() + 1));
}

// Seconds; a date is not looked at, the back-off serves then.
milliseconds asked_wait(const HttpReply& reply) {
  const auto text = reply.header("retry-after");
  std::uint32_t seconds = 0;
  if (!text) return milliseconds(0);
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  return error == std::errc() ? milliseconds(std::int64_t{1000} * seconds) : milliseconds(0);
}

// Retries ahead of successes.
class RetryBudget {
 public:
  explicit RetryBudget(double most) : most_(most), left_(most) {}
  bool take() {
    const std::lock_guard lock(mutex_);
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }
  void earn() {
    const std::lock_guard lock(mutex_);
    left_ = std::min(most_, left_ + kSuccessEarns);
  }

 private:
  std::mutex mutex_;
  const double most_;
  double left_;  // guarded by mutex_
};

// Additive increase, multiplicative decrease.
class Concurrency {
 public:
  explicit Concurrency(std::size_t most) : most_(most), gate_(most) {}

  Gate& gate() { return gate_; }

  void succeeded() {
    if (gate_.places() >= most_) return;
    std::size_t places = 0;
    {
      const std::lock_guard lock(mutex_);
      if (++successes_ < gate_.places()) return;
      successes_ = 0;
      places = std::min(most_, gate_.places() + 1);
    }
    gate_.set_places(places);
  }

  // Once for all that were refused together.
  void was_too_much() {
    std::size_t places = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto now = Clock::now();
      if (now < next_decrease_) return;
      next_decrease_ = now + milliseconds(100);
      successes_ = 0;
      places = std::max<std::size_t>(1, std::min(gate_.places(), gate_.in_use() + 1) / 2);
    }
    gate_.set_places(places);
  }

 private:
  const std::size_t most_;
  Gate gate_;
  std::mutex mutex_;
  std::size_t successes_ = 0;        // guarded by mutex_
  Clock::time_point next_decrease_;  // guarded by mutex_
};

// Locks of which are not those of the parent of a fork.
struct Shared {
  explicit Shared(const HttpClientOptions& options)
      : budget(options.retry.budget), concurrency(options.concurrency) {}
  const std::uint64_t generation = fork_generation();
  RetryBudget budget;
  Concurrency concurrency;
};

}  // namespace

class HttpClient::State {
 public:
  explicit State(HttpClientOptions given) : options(std::move(given)) {
    shared_ = new Shared(options);
  }
  ~State() {
    Shared* shared = shared_;
    if (shared->generation == fork_generation()) delete shared;
  }

  Shared& shared() {
    Shared* known = shared_.load(std::memory_order_acquire);
    if (known->generation == fork_generation()) return *known;
    auto fresh = std::make_unique<Shared>(options);
    if (shared_.compare_exchange_strong(known, fresh.get())) return *fresh.release();
    return *known;
  }

  const HttpClientOptions options;

 private:
  std::atomic<Shared*> shared_;  // replaced in the child of a fork, the old one is leaked there
};

namespace {

template <class ClientState>
class Try : public std::enable_shared_from_this<Try<ClientState>> {
 public:
  Try(std::shared_ptr<ClientState> state, std::shared_ptr<HttpOperation> operation,
      CancelToken cancel, Deadline deadline, HttpDone done)
      : state_(std::move(state)),
        operation_(std::move(operation)),
        cancel_(std::move(cancel)),
        done_(std::move(done)) {
    deadline_ = std::min(deadline, Clock::now() + state_->options.retry.timeout);
  }

  void begin() {
    if (cancel_.cancelled()) return give_up({.code = ErrorCode::cancelled, .message = "cancelled"});
    if (has_passed(deadline_)) return too_late();
    const auto post = [](std::function<void()> work) { work(); };
    state_->shared().concurrency.gate().enter_later(
        cancel_, post, [self = this->shared_from_this()](std::shared_ptr<Gate::Pass> pass) {
          self->pass_ = std::move(pass);
          self->guarded([&] { self->ask(); });
        });
  }

 private:
  template <class Work>
  void guarded(Work work) {
    try {
      work();
    } catch (...) {
      give_up(current_failure());
    }
  }

  void ask() {
    ++tries_;
    HttpRequest request = operation_->request();
    if (!is_redirected_) origin_ = request.url.origin;
    if (is_redirected_) request.url = redirected_;
    if (request.url.origin != origin_) return ask(std::move(request));  // no secrets to others
    const auto& headers = state_->options.headers;
    request.headers.insert(request.headers.end(), headers.begin(), headers.end());
    if (!state_->options.sign) return ask(std::move(request));
    state_->options.sign(
        std::move(request),
        [self = this->shared_from_this()](HttpRequest ready, std::optional<Failure> failure) {
          if (failure) return self->give_up(std::move(*failure));
          self->guarded([&] { self->ask(std::move(ready)); });
        });
  }

  void ask(HttpRequest request) {
    const HttpUrl url = request.url;
    send_http(request, state_->options.connect, operation_, cancel_, deadline_,
              [self = this->shared_from_this(), url](HttpAnswer answer) {
                self->pass_.reset();
                self->guarded([&] { self->judge(std::move(answer), url); });
              });
  }

  void judge(HttpAnswer answer, const HttpUrl& url) {
    using Status = HttpAnswer::Status;
    switch (answer.status) {
      case Status::complete:
        return judge_reply(std::move(answer.reply), url);
      case Status::broken:
        return retry(milliseconds(0), std::move(answer.failure), nullptr);
      case Status::refused:
      case Status::stopped:
        if (answer.failure.code == ErrorCode::deadline) return too_late();
        return give_up(std::move(answer.failure));
    }
  }

  void judge_reply(HttpReply reply, const HttpUrl& url) {
    Shared& shared = state_->shared();
    if (reply.status > 299 && amended_ < kMostAmendments && state_->options.amend &&
        state_->options.amend(reply)) {
      ++amended_;
      return begin();
    }
    if (state_->options.follow_redirects && is_redirect(reply)) {
      return follow(url, *reply.header("location"));
    }
    if (is_worth_a_retry(reply.status)) {
      if (says_too_much(reply.status)) shared.concurrency.was_too_much();
      const milliseconds wait = asked_wait(reply);
      return retry(wait, failure_of_reply(reply, 0), &reply);
    }
    shared.concurrency.succeeded();
    if (reply.status >= 200 && reply.status <= 299 && !operation_->is_done()) {
      return retry(milliseconds(0),
                   {.code = ErrorCode::storage, .message = "the body ended too early"}, nullptr);
    }
    shared.budget.earn();
    finish({.replied = true, .reply = std::move(reply), .failure = {}, .tries = tries_});
  }

  void follow(const HttpUrl& url, std::string_view location) {
    if (++redirects_ > kMostRedirects) {
      fail(ErrorCode::storage, "more than " + std::to_string(kMostRedirects) + " redirects");
    }
    HttpUrl next = resolve_location(url, location);
    if (url.origin.tls && !next.origin.tls) {
      fail(ErrorCode::storage,
           "the server redirects from https to " + origin_text(next.origin) + ", which is refused");
    }
    redirected_ = std::move(next);
    is_redirected_ = true;
    --tries_;
    begin();
  }

  // `reply` is what the caller gets if there is no other try; nullptr: it gets the failure.
  void retry(milliseconds asked, Failure why, HttpReply* reply) {
    const RetryOptions& options = state_->options.retry;
    last_ = why;
    if (tries_ >= options.tries || !state_->shared().budget.take()) {
      if (reply) {
        return finish(
            {.replied = true, .reply = std::move(*reply), .failure = {}, .tries = tries_});
      }
      return give_up(std::move(why));
    }
    redirects_ = 0;
    is_redirected_ = false;  // what a redirect led to may be what fails
    const int doublings = std::min(tries_ - 1, 20);
    const milliseconds most = std::min(options.longest, options.first * (1 << doublings));
    const milliseconds wait = std::max(random_below(most), std::min(asked, options.longest));
    if (deadline_ != kNoDeadline && Clock::now() + wait >= deadline_) return too_late();
    call_at(Clock::now() + wait, cancel_,
            [self = this->shared_from_this()] { self->guarded([&] { self->begin(); }); });
  }

  void too_late() {
    std::string message = "the time for it is over";
    if (!last_.message.empty()) message += "; the last try: " + last_.message;
    give_up({.code = ErrorCode::deadline, .message = std::move(message)});
  }

  void give_up(Failure failure) {
    if (tries_ > 1) failure.message += " (" + std::to_string(tries_) + " tries)";
    finish({.replied = false, .reply = {}, .failure = std::move(failure), .tries = tries_});
  }

  void finish(HttpOutcome outcome) {
    pass_.reset();
    operation_.reset();
    if (done_) std::exchange(done_, nullptr)(std::move(outcome));
  }

  const std::shared_ptr<ClientState> state_;
  std::shared_ptr<HttpOperation> operation_;
  const CancelToken cancel_;
  Deadline deadline_;
  HttpDone done_;
  std::shared_ptr<Gate::Pass> pass_;
  HttpOrigin origin_;
  HttpUrl redirected_;
  bool is_redirected_ = false;
  int redirects_ = 0;
  int amended_ = 0;
  int tries_ = 0;
  Failure last_;
};

}  // namespace

HttpClient::HttpClient(HttpClientOptions options)
    : state_(std::make_shared<State>(std::move(options))) {}

HttpClient::~HttpClient() = default;

void HttpClient::send(std::shared_ptr<HttpOperation> operation, const CancelToken& cancel,
                      Deadline deadline, HttpDone done) const {
  std::make_shared<Try<State>>(state_, std::move(operation), cancel, deadline, std::move(done))
      ->begin();
}

HttpOutcome HttpClient::send_and_wait(std::shared_ptr<HttpOperation> operation) const {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<HttpOutcome> outcome;  // guarded by mutex
  send(std::move(operation), {}, kNoDeadline, [&](HttpOutcome answer) {
    const std::lock_guard lock(mutex);
    outcome = std::move(answer);
    answered.notify_one();  // under the lock: the waiter owns all of this and may leave
  });
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return outcome.has_value(); });
  return *std::move(outcome);
}

std::size_t HttpClient::concurrency() const { return state_->shared().concurrency.gate().places(); }

Failure failure_of_reply(const HttpReply& reply, int tries) {
  const bool denied = reply.status == 401 || reply.status == 403;
  std::string message = "the server answers " + std::to_string(reply.status);
  // As object storages tell it.
  const std::string code = xml_text(reply.body, "Code");
  const std::string detail = xml_text(reply.body, "Message");
  if (!code.empty()) message += " " + code;
  if (!detail.empty()) message += " (" + detail + ")";
  if (const auto id = reply.header("x-amz-request-id")) message += ", request " + std::string(*id);
  if (tries > 1) message += ", after " + std::to_string(tries) + " tries";
  return {.code = denied ? ErrorCode::permission_denied : ErrorCode::storage,
          .message = std::move(message)};
}

}  // namespace zarrloom
