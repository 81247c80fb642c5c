// Reading an object, or a range of it, by GET: as Store::read says, over the tries of an
// HttpClient.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "zarrloom/stores/http_client.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {

struct HttpReadOptions {
  // A server that ignores ranges sends the whole object; one above this is an error then.
  std::uint64_t whole_object_limit = std::uint64_t{256} << 20;
  // What a reply that is no success means: missing, or a failure.
  std::function<ReadResult(const HttpReply& reply, int tries)> on_refusal;
};

// `request` is a GET without Range and If-Match. Calls `done` once.
void read_by_http(const HttpClient& client, HttpRequest request, const ReadRequest& asked,
                  HttpReadOptions options, ReadCompletion done);

// What the headers of a HEAD or GET tell; nullopt: nothing of it.
std::optional<std::uint64_t> content_length(const HttpReply& reply);
// The ETag, unless it is a weak one, which no condition accepts; else empty.
ObjectVersion version_of(const HttpReply& reply);

}  // namespace zarrloom
