// URLs of http:// and https:// as RFC 3986 has them, as far as stores need it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zarrloom {

// Whom a connection is made to, and credentials are meant for.
struct HttpOrigin {
  bool tls = false;
  std::string host;  // lower case; an IPv6 address without its brackets
  std::uint16_t port = 80;
  friend auto operator<=>(const HttpOrigin&, const HttpOrigin&) = default;
};

// "https://host:8443"; the port only where it is not the scheme's own.
std::string origin_text(const HttpOrigin& origin);

// What belongs into the header Host.
std::string host_header(const HttpOrigin& origin);

struct HttpUrl {
  HttpOrigin origin;
  std::string user_info;  // "user:password", decoded; often empty
  std::string path;       // percent-encoded, begins with "/"
  std::string query;      // without "?"
};

// Throws invalid_argument, without the credentials that the text may hold.
HttpUrl parse_http_url(std::string_view text);

// Where the header Location leads from `base`. Throws storage for what is no http(s) URL.
HttpUrl resolve_location(const HttpUrl& base, std::string_view location);

// All but letters, digits, "-._~" and, if `keep_slash`, "/" as "%XX".
std::string percent_encode(std::string_view text, bool keep_slash);

std::string percent_decode(std::string_view text);

}  // namespace zarrloom
