#include "zarrloom/stores/s3_signer.h"

#include <aws/auth/credentials.h>
#include <aws/auth/signable.h>
#include <aws/auth/signing.h>
#include <aws/auth/signing_config.h>
#include <aws/auth/signing_result.h>
#include <aws/cal/hash.h>
#include <aws/common/date_time.h>
#include <aws/common/string.h>
#include <aws/http/request_response.h>
#include <aws/io/stream.h>

#include <array>
#include <atomic>
#include <cmath>
#include <ctime>
#include <mutex>
#include <utility>

#include "zarrloom/base/base64.h"
#include "zarrloom/exec/fork_guard.h"

namespace zarrloom {
namespace {

// Servers refuse signatures that are 15 minutes off.
constexpr double kLeastSkew = 60;

aws_byte_cursor cursor_of(std::string_view text) {
  return aws_byte_cursor_from_array(text.data(), text.size());
}

aws_credentials_provider* make_provider(const S3StoreOptions& options,
                                        aws_client_bootstrap* bootstrap) {
  aws_allocator* allocator = aws_default_allocator();
  aws_credentials_provider* provider = nullptr;
  if (!options.access_key_id.empty()) {
    aws_credentials_provider_static_options fixed{};
    fixed.access_key_id = cursor_of(options.access_key_id);
    fixed.secret_access_key = cursor_of(options.secret_access_key);
    fixed.session_token = cursor_of(options.session_token);
    provider = aws_credentials_provider_new_static(allocator, &fixed);
  } else if (!options.profile.empty()) {
    aws_credentials_provider_profile_options profile{};
    profile.profile_name_override = cursor_of(options.profile);
    profile.bootstrap = bootstrap;
    provider = aws_credentials_provider_new_profile(allocator, &profile);
  } else {
    aws_credentials_provider_chain_default_options chain{};
    chain.bootstrap = bootstrap;
    provider = aws_credentials_provider_new_chain_default(allocator, &chain);
  }
  if (provider) return provider;
  fail(ErrorCode::permission_denied,
       std::string("no credentials: ") + aws_error_debug_str(aws_last_error()));
}

// A signature that is being made.
struct Signing {
  HttpRequest request;
  HttpSigned done;
  aws_http_message* message = nullptr;
  aws_input_stream* body = nullptr;
  aws_signable* signable = nullptr;
  aws_credentials_provider* provider = nullptr;

  ~Signing() {
    if (signable) aws_signable_destroy(signable);
    if (message) aws_http_message_release(message);
    if (body) aws_input_stream_release(body);
    if (provider) aws_credentials_provider_release(provider);
  }

  void prepare() {
    aws_allocator* allocator = aws_default_allocator();
    message = aws_http_message_new_request(allocator);
    std::string path = request.url.path;
    if (!request.url.query.empty()) path += "?" + request.url.query;
    aws_http_message_set_request_method(message, cursor_of(request.method));
    aws_http_message_set_request_path(message, cursor_of(path));
    request.headers.push_back({"Host", host_header(request.url.origin)});
    for (const HttpHeader& header : request.headers) {
      aws_http_header one{};
      one.name = cursor_of(header.name);
      one.value = cursor_of(header.value);
      aws_http_message_add_header(message, one);
    }
    if (!request.body.empty()) {
      const aws_byte_cursor bytes =
          aws_byte_cursor_from_array(request.body.data(), request.body.size());
      body = aws_input_stream_new_from_cursor(allocator, &bytes);
      aws_http_message_set_body_stream(message, body);
    }
    signable = aws_signable_new_http_request(allocator, message);
  }

  void take(const aws_signing_result* result) {
    aws_array_list* headers = nullptr;
    aws_signing_result_get_property_list(result, g_aws_http_headers_property_list_name, &headers);
    const std::size_t count = headers ? aws_array_list_length(headers) : 0;
    for (std::size_t i = 0; i < count; ++i) {
      aws_signing_result_property property{};
      aws_array_list_get_at(headers, &property, i);
      request.headers.push_back(
          {aws_string_c_str(property.name), aws_string_c_str(property.value)});
    }
  }

  static void on_signed(aws_signing_result* result, int error, void* user) {
    const std::unique_ptr<Signing> self(static_cast<Signing*>(user));
    if (error) return self->fail_by(error);
    self->take(result);
    self->done(std::move(self->request), std::nullopt);
  }

  void fail_by(int error) {
    const Failure failure{
        .code = ErrorCode::permission_denied,
        .message = std::string("no credentials, or no signature: ") + aws_error_debug_str(error)};
    done({}, failure);
  }
};

}  // namespace

class S3Signer::State {
 public:
  explicit State(const S3StoreOptions& given) : options(given) {}
  ~State() {
    if (provider_ && generation_ == fork_generation()) aws_credentials_provider_release(provider_);
  }

  // A reference of the caller's.
  aws_credentials_provider* provider() {
    aws_client_bootstrap* bootstrap = network_bootstrap();  // it has a lock that a fork takes, too
    const std::lock_guard lock(mutex_);
    // The parent's has threads that the child of a fork has not; it is leaked there.
    if (!provider_ || generation_ != fork_generation()) {
      provider_ = make_provider(options, bootstrap);
      generation_ = fork_generation();
    }
    aws_credentials_provider_acquire(provider_);
    return provider_;
  }

  void drop_provider() {
    const std::lock_guard lock(mutex_);
    if (provider_ && generation_ == fork_generation()) aws_credentials_provider_release(provider_);
    provider_ = nullptr;
  }

  const S3StoreOptions options;
  std::atomic<double> skew{0};  // seconds to be added to this machine's time

 private:
  std::mutex mutex_;
  aws_credentials_provider* provider_ = nullptr;  // guarded by mutex_
  std::uint64_t generation_ = 0;                  // guarded by mutex_
  // A child that is forked while another thread is at it must find the lock free.
  const ForkGuard fork_guard_{{.before = [this] { mutex_.lock(); },
                               .in_parent = [this] { mutex_.unlock(); },
                               .in_child = [this] { mutex_.unlock(); }}};
};

S3Signer::S3Signer(const S3StoreOptions& options) : state_(std::make_shared<State>(options)) {}
S3Signer::~S3Signer() = default;

void S3Signer::sign(HttpRequest request, const std::string& region, HttpSigned done) const {
  auto signing = std::make_unique<Signing>();
  const bool tls = request.url.origin.tls;
  signing->request = std::move(request);
  signing->done = std::move(done);
  signing->provider = state_->provider();
  signing->prepare();
  aws_signing_config_aws config{};
  config.config_type = AWS_SIGNING_CONFIG_AWS;
  config.algorithm = AWS_SIGNING_ALGORITHM_V4;
  config.signature_type = AWS_ST_HTTP_REQUEST_HEADERS;
  config.region = cursor_of(region);
  config.service = cursor_of("s3");
  aws_date_time_init_epoch_secs(
      &config.date, std::floor(static_cast<double>(std::time(nullptr)) + state_->skew.load()));
  config.signed_body_header = AWS_SBHT_X_AMZ_CONTENT_SHA256;
  // TLS guards the payload already; hashing it would cost more than the rest of a write.
  if (tls) config.signed_body_value = g_aws_signed_body_value_unsigned_payload;
  config.credentials_provider = signing->provider;
  Signing* const raw = signing.release();  // on_signed() takes it
  const auto* base = reinterpret_cast<const aws_signing_config_base*>(&config);
  if (aws_sign_request_aws(aws_default_allocator(), raw->signable, base, &Signing::on_signed,
                           raw) != AWS_OP_SUCCESS) {
    signing.reset(raw);
    signing->fail_by(aws_last_error());
  }
}

bool S3Signer::set_clock(std::string_view date) const {
  aws_date_time servers{};
  const aws_byte_cursor text = cursor_of(date);
  if (aws_date_time_init_from_str_cursor(&servers, &text, AWS_DATE_FORMAT_RFC822) !=
      AWS_OP_SUCCESS) {
    return false;
  }
  const double skew =
      aws_date_time_as_epoch_secs(&servers) - static_cast<double>(std::time(nullptr));
  // If it is known by now, the try was signed before it was.
  if (std::abs(skew - state_->skew.load()) >= kLeastSkew) state_->skew = skew;
  return true;
}

bool S3Signer::renew() const {
  if (!state_->options.access_key_id.empty()) return false;
  state_->drop_provider();
  return true;
}

std::string content_md5(ByteView bytes) {
  std::array<std::byte, AWS_MD5_LEN> digest{};
  const aws_byte_cursor input = aws_byte_cursor_from_array(bytes.data(), bytes.size());
  aws_byte_buf output = aws_byte_buf_from_empty_array(digest.data(), digest.size());
  if (aws_md5_compute(aws_default_allocator(), &input, &output, 0) != AWS_OP_SUCCESS) {
    fail(ErrorCode::storage, "libcrypto computes no MD5");
  }
  return base64_encode(digest);
}

}  // namespace zarrloom
