#include "zarrloom/stores/s3.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "zarrloom/stores/http_read.h"
#include "zarrloom/stores/listing.h"
#include "zarrloom/stores/s3_requests.h"

namespace zarrloom {
namespace {

constexpr std::size_t kDeletedAtOnce = 1000;

// Of one write, to tell it from what another one stored.
std::string random_id() {
  std::random_device device;
  std::string id;
  for (int i = 0; i < 4; ++i) {
    std::array<char, 9> word{};
    std::snprintf(word.data(), word.size(), "%08x", static_cast<unsigned>(device()));
    id += word.data();
  }
  return id;
}

// An answer that fits into memory: lists, errors, nothing.
class SmallOperation final : public HttpOperation {
 public:
  explicit SmallOperation(HttpRequest request) : request_(std::move(request)) {}
  HttpRequest request() override { return request_; }
  void head(const HttpReply&) override { body_.clear(); }
  void body(ByteView bytes) override { body_ += as_text(bytes); }
  const std::string& text() const { return body_; }

 private:
  const HttpRequest request_;
  std::string body_;
};

bool is_success(const HttpReply& reply) { return reply.status >= 200 && reply.status <= 299; }

// The store's own word that there is no such key: not that of a proxy, nor of a missing bucket. A
// reply to HEAD has no body to say so.
bool is_missing_key(const HttpReply& reply) {
  if (reply.status != 404) return false;
  if (!reply.body.empty()) return xml_text(reply.body, "Code") == "NoSuchKey";
  return reply.header("x-amz-request-id") || reply.header("x-guploader-uploadid");
}

class S3Store final : public Store {
 public:
  S3Store(S3Place place, const S3StoreOptions& options)
      : options_(options), requests_(std::make_shared<S3Requests>(std::move(place), options)) {}

 private:
  void do_read(const ReadRequest& request, ReadCompletion done) const override {
    HttpReadOptions how;
    how.on_refusal = [this](const HttpReply& reply, int tries) {
      ReadResult result;
      if (means_missing(reply)) return result;
      result.status = ReadResult::Status::failed;
      result.failure = failure_of_reply(reply, tries);
      return result;
    };
    read_by_http(requests_->client(), requests_->object("GET", request.key), request,
                 std::move(how), std::move(done));
  }

  void do_write(std::string_view key, ByteView bytes, WriteCondition condition) const override {
    HttpRequest request = requests_->object("PUT", key);
    request.body = bytes;
    std::string id;
    if (!options_.server_side_encryption.empty()) {
      request.headers.push_back({"x-amz-server-side-encryption", options_.server_side_encryption});
    }
    if (!options_.kms_key_id.empty()) {
      request.headers.push_back(
          {"x-amz-server-side-encryption-aws-kms-key-id", options_.kms_key_id});
    }
    if (condition == WriteCondition::if_absent) {
      id = random_id();
      request.headers.push_back({"If-None-Match", "*"});
      request.headers.push_back({"x-amz-meta-zarrloom-write", id});
    }
    const HttpOutcome outcome = send(std::move(request));
    if (is_success(outcome.reply)) return;
    const int status = outcome.reply.status;
    if (condition == WriteCondition::if_absent && (status == 412 || status == 409)) {
      // The reply to an earlier try may have been lost, and the object is ours.
      if (outcome.tries > 1 && written_by(key, id)) return;
      fail(ErrorCode::conflict, "is there already");
    }
    throw Error(failure_of_reply(outcome.reply, outcome.tries));
  }

  bool written_by(std::string_view key, const std::string& id) const {
    const HttpOutcome outcome = send(requests_->object("HEAD", key));
    if (!is_success(outcome.reply) && !is_missing_key(outcome.reply)) {
      throw Error(failure_of_reply(outcome.reply, outcome.tries));
    }
    return is_success(outcome.reply) &&
           outcome.reply.header("x-amz-meta-zarrloom-write").value_or("") == id;
  }

  void do_erase(std::string_view key) const override {
    const HttpOutcome outcome = send(requests_->object("DELETE", key));
    if (is_success(outcome.reply) || is_missing_key(outcome.reply)) return;
    throw Error(failure_of_reply(outcome.reply, outcome.tries));
  }

  void do_erase_prefix(std::string_view prefix) const override {
    const std::string start = requests_->full_key(below(prefix));
    std::set<std::string> seen;
    std::string token;
    do {
      S3Listing page = list_page(start, "", token);
      token = page.next;
      if (!token.empty() && !seen.insert(token).second) {
        fail(ErrorCode::storage, "the server's list does not end");
      }
      for (std::size_t at = 0; at < page.keys.size(); at += kDeletedAtOnce) {
        const std::size_t end = std::min(page.keys.size(), at + kDeletedAtOnce);
        erase_keys({page.keys.begin() + static_cast<std::ptrdiff_t>(at),
                    page.keys.begin() + static_cast<std::ptrdiff_t>(end)});
      }
    } while (!token.empty());
  }

  void erase_keys(const std::vector<std::string>& keys) const {
    std::string body = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    for (const std::string& key : keys) {
      body += "<Object><Key>" + xml_escape(key) + "</Key></Object>";
    }
    body += "<Quiet>true</Quiet></Delete>";
    const auto operation = std::make_shared<SmallOperation>(requests_->delete_many(body));
    const HttpOutcome outcome = requests_->client().send_and_wait(operation);
    if (!outcome.replied) throw Error(outcome.failure);
    if (!is_success(outcome.reply)) throw Error(failure_of_reply(outcome.reply, outcome.tries));
    if (operation->text().find("DeleteResult") == std::string::npos) {
      fail(ErrorCode::storage, "the server does not say what it erased");
    }
    for (const std::string_view error : xml_elements(operation->text(), "Error")) {
      fail(xml_text(error, "Code") == "AccessDenied" ? ErrorCode::permission_denied
                                                     : ErrorCode::storage,
           xml_text(error, "Key") + " was not erased: " + xml_text(error, "Code") + " " +
               xml_text(error, "Message"));
    }
  }

  std::vector<ListEntry> do_list(std::string_view prefix, ListDepth depth) const override {
    const std::string start = requests_->full_key(below(prefix));
    std::set<ListEntry> entries;
    std::set<std::string> seen;
    std::string token;
    do {
      S3Listing page = list_page(start, depth == ListDepth::one ? "/" : "", token);
      for (const std::string& key : page.keys) add_entry(start, key, false, entries);
      for (std::string& each : page.prefixes) {
        if (each.ends_with('/')) each.pop_back();
        add_entry(start, each, true, entries);
      }
      token = page.next;
      if (!token.empty() && !seen.insert(token).second) {
        fail(ErrorCode::storage, "the server's list of keys goes round in circles");
      }
    } while (!token.empty());
    return {entries.begin(), entries.end()};
  }

  // Other programs may have made what is no key, such as "a/" as a folder.
  static void add_entry(const std::string& start, const std::string& key, bool is_prefix,
                        std::set<ListEntry>& entries) {
    if (!key.starts_with(start)) return;
    std::string name = key.substr(start.size());
    try {
      check_key(name);
    } catch (const Error&) {
      return;
    }
    entries.insert({std::move(name), is_prefix});
  }

  S3Listing list_page(const std::string& start, const std::string& delimiter,
                      const std::string& token) const {
    const auto operation =
        std::make_shared<SmallOperation>(requests_->list(start, delimiter, token));
    const HttpOutcome outcome = requests_->client().send_and_wait(operation);
    if (!outcome.replied) throw Error(outcome.failure);
    if (!is_success(outcome.reply)) throw Error(failure_of_reply(outcome.reply, outcome.tries));
    return parse_s3_listing(operation->text());
  }

  // By a read of its first byte: a HEAD would not tell a missing bucket from a missing key.
  bool do_exists(std::string_view key) const override {
    HttpRequest request = requests_->object("GET", key);
    request.headers.push_back({"Range", "bytes=0-0"});
    const HttpOutcome outcome = send(std::move(request));
    if (is_success(outcome.reply) || outcome.reply.status == 416) return true;
    if (means_missing(outcome.reply)) return false;
    throw Error(failure_of_reply(outcome.reply, outcome.tries));
  }

  std::string do_locate(std::string_view key) const override { return requests_->locate(key); }

  StoreCapabilities do_capabilities() const override {
    return {.answers_inline = false, .kind = IoKind::s3};
  }

  bool means_missing(const HttpReply& reply) const {
    return is_missing_key(reply) || (reply.status == 403 && options_.forbidden_is_missing);
  }

  HttpOutcome send(HttpRequest request) const {
    HttpOutcome outcome =
        requests_->client().send_and_wait(std::make_shared<SmallOperation>(std::move(request)));
    if (!outcome.replied) throw Error(std::move(outcome.failure));
    return outcome;
  }

  const S3StoreOptions options_;
  const std::shared_ptr<S3Requests> requests_;
};

}  // namespace

bool has_s3_store() { return true; }

std::shared_ptr<Store> make_s3_store(std::string_view url, S3StoreOptions options) {
  complete_from_environment(options);
  return std::make_shared<S3Store>(parse_s3_url(url), options);
}

}  // namespace zarrloom
