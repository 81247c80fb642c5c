#include "zarrloom/stores/http_read.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

#include "zarrloom/stores/answer.h"

namespace zarrloom {
namespace {

constexpr int kMostReplacements = 3;
constexpr std::uint64_t kToEnd = std::numeric_limits<std::uint64_t>::max();
// Servers count in signed numbers; no object is that long.
constexpr std::uint64_t kLongestOffset = std::uint64_t{1} << 62;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t size = 0;
};

// Of the form "bytes 3-6/10".
std::optional<ContentRange> content_range(const HttpReply& reply) {
  std::string_view text = reply.header("content-range").value_or("");
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  const std::size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) {
    return std::nullopt;
  }
  const auto first = number(text.substr(0, dash));
  const auto last = number(text.substr(dash + 1, slash - dash - 1));
  const auto size = number(text.substr(slash + 1));
  if (!first || !last || !size || *last < *first || *last >= *size) return std::nullopt;
  return ContentRange{*first, *last, *size};
}

bool is_whole(const ByteRange& range) {
  return !range.from_end && range.offset == 0 && range.length == kToEnd;
}

// HTTP has no range of no bytes, and servers differ in what they do with absurd ones.
bool can_be_asked(const ByteRange& range) {
  if (range.length == 0 || range.offset > kLongestOffset) return false;
  return range.length == kToEnd || range.length < kLongestOffset;
}

std::string range_header(const ByteRange& range) {
  if (range.from_end) return "bytes=-" + std::to_string(range.length);
  const std::string first = "bytes=" + std::to_string(range.offset) + "-";
  if (range.length == kToEnd) return first;
  return first + std::to_string(range.offset + range.length - 1);
}

ReadResult failed(Failure failure) {
  ReadResult result;
  result.status = ReadResult::Status::failed;
  result.failure = std::move(failure);
  return result;
}

// A read that is kept until it is answered.
struct Asked {
  explicit Asked(const ReadRequest& given)
      : request(given), key(given.key), if_version(given.if_version) {
    request.key = key;
    request.if_version = if_version;
  }
  ReadRequest request;
  const std::string key;
  const ObjectVersion if_version;
};

class ReadOperation final : public HttpOperation {
 public:
  ReadOperation(HttpRequest base, std::shared_ptr<Asked> asked, const HttpReadOptions& options)
      : base_(std::move(base)),
        asked_(std::move(asked)),
        whole_object_limit_(options.whole_object_limit) {}

  HttpRequest request() override {
    HttpRequest request = base_;
    resumes_ = received_ > 0 && received_ < slice_.length && !etag_.empty();
    if (!resumes_) received_ = 0;
    const ReadRequest& asked = asked_->request;
    if (resumes_) {
      request.headers.push_back(
          {"Range", range_header({slice_.offset + received_, slice_.length - received_})});
      request.headers.push_back({"If-Match", etag_});
    } else {
      if (!is_whole(asked.range)) request.headers.push_back({"Range", range_header(asked.range)});
      if (!asked.if_version.empty()) {
        request.headers.push_back({"If-Match", std::string(asked.if_version)});
      }
    }
    return request;
  }

  void head(const HttpReply& reply) override {
    const std::string_view encoding = reply.header("content-encoding").value_or("identity");
    if (encoding != "identity" && !encoding.empty()) {
      fail(ErrorCode::storage, "the server sends it encoded, as " + std::string(encoding) +
                                   ", which is not what is stored");
    }
    if (resumes_ && reply.status == 206) return go_on(reply);
    resumes_ = false;
    received_ = 0;
    skip_ = 0;
    unknown_length_ = false;
    whole_.clear();
    result_ = {};
    slice_ = {};  // with the memory, which was perhaps the result's
    memory_ = {};
    changed_ = false;
    etag_ = version_of(reply);
    if (reply.status == 206) {
      begin_part(reply);
    } else {
      begin_whole(reply);
    }
  }

  void body(ByteView bytes) override {
    if (unknown_length_) return collect(bytes);
    const std::size_t skipped = std::min<std::uint64_t>(skip_, bytes.size());
    skip_ -= skipped;
    bytes = bytes.subspan(skipped);
    const std::size_t wanted = std::min(bytes.size(), slice_.length - received_);
    if (wanted == 0) return;  // the rest of a whole object
    std::memcpy(memory_.data() + received_, bytes.data(), wanted);
    received_ += wanted;
  }

  bool is_done() override {
    if (changed_) return true;
    if (unknown_length_) {
      if (!begin(whole_.size())) return true;
      if (slice_.length > 0)
        std::memcpy(memory_.data(), whole_.data() + slice_.offset, slice_.length);
      received_ = slice_.length;
      whole_.clear();
    }
    return received_ == slice_.length;
  }

  // True: the object was replaced between two tries, and reading starts anew.
  bool start_anew() {
    if (!resumes_ || ++replaced_ > kMostReplacements) return false;
    received_ = 0;
    etag_.clear();
    return true;
  }

  ReadResult take_result() { return std::move(result_); }
  bool changed() const { return changed_; }

 private:
  // Memory for the answer out of an object of `size` bytes. False: it has another version.
  bool begin(std::uint64_t size) {
    const ReadRequest& asked = asked_->request;
    if (!describe(asked, size, etag_, result_)) {
      changed_ = true;
      return false;
    }
    slice_ = slice_of(asked, size);
    memory_ = memory_for(asked, slice_.length, result_);
    return true;
  }

  void begin_part(const HttpReply& reply) {
    const auto range = content_range(reply);
    if (!range) fail(ErrorCode::storage, "the server sends a range without saying which");
    if (!begin(range->size)) return;
    check_range(reply, *range, slice_.offset, slice_.length);
  }

  void go_on(const HttpReply& reply) {
    const auto range = content_range(reply);
    if (!range) fail(ErrorCode::storage, "the server sends a range without saying which");
    // Not every server heeds If-Match.
    if (version_of(reply) != etag_ || range->size != result_.object_size) {
      fail(ErrorCode::storage, "the object was replaced while it was read");
    }
    check_range(reply, *range, slice_.offset + received_, slice_.length - received_);
  }

  static void check_range(const HttpReply& reply, const ContentRange& range, std::uint64_t offset,
                          std::uint64_t length) {
    const std::uint64_t sent = range.last - range.first + 1;
    if (range.first != offset || sent != length || content_length(reply).value_or(sent) != sent) {
      fail(ErrorCode::storage,
           "the server sends other bytes than it was asked for: " + std::to_string(sent) + " at " +
               std::to_string(range.first) + " instead of " + std::to_string(length) + " at " +
               std::to_string(offset));
    }
  }

  void begin_whole(const HttpReply& reply) {
    const auto size = content_length(reply);
    const bool is_part = !is_whole(asked_->request.range);
    if (is_part && size.value_or(0) > whole_object_limit_) {
      fail(ErrorCode::storage,
           "the server ignores ranges, and the object has " + std::to_string(*size) + " bytes");
    }
    if (size) {
      if (begin(*size)) skip_ = slice_.offset;
      return;
    }
    // A body that ends with the connection cannot be told from one that is cut.
    const std::string_view coding = reply.header("transfer-encoding").value_or("");
    if (coding.find("chunked") == std::string_view::npos) {
      fail(ErrorCode::storage, "the server does not say how long it is");
    }
    unknown_length_ = true;
    most_ = is_part ? whole_object_limit_ : asked_->request.limit;
  }

  void collect(ByteView bytes) {
    if (bytes.size() > most_ - whole_.size()) {
      fail(ErrorCode::corrupt_data,
           "holds more bytes than the " + std::to_string(most_) + " that can belong");
    }
    whole_ += as_text(bytes);
  }

  const HttpRequest base_;
  const std::shared_ptr<Asked> asked_;
  const std::uint64_t whole_object_limit_;
  ReadResult result_;
  Slice slice_;
  MutableBytes memory_;
  std::size_t received_ = 0;  // of the slice
  std::uint64_t skip_ = 0;    // bytes in front of it, which the server sends, too
  ObjectVersion etag_;
  bool resumes_ = false;
  int replaced_ = 0;  // how often the object was, while it was being read
  bool changed_ = false;
  bool unknown_length_ = false;
  std::uint64_t most_ = 0;
  std::string whole_;
};

class HeadOperation final : public HttpOperation {
 public:
  explicit HeadOperation(HttpRequest base) : base_(std::move(base)) { base_.method = "HEAD"; }
  HttpRequest request() override { return base_; }
  void head(const HttpReply&) override {}
  void body(ByteView) override {}

 private:
  HttpRequest base_;
};

// One read with what follows from it. Kept alive by what it waits for.
class Reading : public std::enable_shared_from_this<Reading> {
 public:
  Reading(const HttpClient& client, HttpRequest base, const ReadRequest& asked,
          HttpReadOptions options, ReadCompletion done)
      : client_(client),
        base_(std::move(base)),
        asked_(std::make_shared<Asked>(asked)),
        options_(std::move(options)),
        done_(std::move(done)) {}

  void start() {
    if (!can_be_asked(asked_->request.range)) return ask_size();
    const auto operation = std::make_shared<ReadOperation>(base_, asked_, options_);
    read(operation);
  }

 private:
  void read(const std::shared_ptr<ReadOperation>& operation) {
    const ReadRequest& asked = asked_->request;
    client_.send(operation, asked.cancel, asked.deadline,
                 [self = shared_from_this(), operation](HttpOutcome outcome) {
                   self->guarded([&] { self->judge(operation, std::move(outcome)); });
                 });
  }

  void judge(const std::shared_ptr<ReadOperation>& operation, HttpOutcome outcome) {
    if (!outcome.replied) return done_(failed(std::move(outcome.failure)));
    const int status = outcome.reply.status;
    if (status == 200 || status == 206) return done_(operation->take_result());
    if (status == 412 && operation->start_anew()) return read(operation);
    if (status == 416) return ask_size();
    refused(outcome);
  }

  void refused(const HttpOutcome& outcome) {
    if (outcome.reply.status == 412 && !asked_->if_version.empty()) {
      ReadResult result;
      result.status = ReadResult::Status::changed;
      return done_(std::move(result));
    }
    done_(options_.on_refusal(outcome.reply, outcome.tries));
  }

  void ask_size() {
    const ReadRequest& asked = asked_->request;
    client_.send(std::make_shared<HeadOperation>(base_), asked.cancel, asked.deadline,
                 [self = shared_from_this()](HttpOutcome outcome) {
                   self->guarded([&] { self->judge_size(std::move(outcome)); });
                 });
  }

  // Of a range that is empty, or not inside the object.
  void judge_size(HttpOutcome outcome) {
    if (!outcome.replied) return done_(failed(std::move(outcome.failure)));
    if (outcome.reply.status < 200 || outcome.reply.status > 299) return refused(outcome);
    const auto size = content_length(outcome.reply);
    if (!size) fail(ErrorCode::storage, "the server does not tell the size of the object");
    ReadResult result;
    if (describe(asked_->request, *size, version_of(outcome.reply), result)) {
      const Slice slice = slice_of(asked_->request, *size);
      if (slice.length > 0) {
        fail(ErrorCode::storage, "the server refuses a range that is inside the object");
      }
      memory_for(asked_->request, 0, result);
    }
    done_(std::move(result));
  }

  template <class Work>
  void guarded(Work work) {
    try {
      work();
    } catch (...) {
      done_(failed(current_failure()));
    }
  }

  const HttpClient client_;
  const HttpRequest base_;
  const std::shared_ptr<Asked> asked_;
  const HttpReadOptions options_;
  const ReadCompletion done_;
};

}  // namespace

std::optional<std::uint64_t> content_length(const HttpReply& reply) {
  const auto text = reply.header("content-length");
  return text ? number(*text) : std::nullopt;
}

ObjectVersion version_of(const HttpReply& reply) {
  const std::string_view etag = reply.header("etag").value_or("");
  return etag.starts_with("W/") ? ObjectVersion() : ObjectVersion(etag);
}

void read_by_http(const HttpClient& client, HttpRequest request, const ReadRequest& asked,
                  HttpReadOptions options, ReadCompletion done) {
  std::make_shared<Reading>(client, std::move(request), asked, std::move(options), std::move(done))
      ->start();
}

}  // namespace zarrloom
