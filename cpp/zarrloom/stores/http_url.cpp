#include "zarrloom/stores/http_url.h"

#include <charconv>
#include <optional>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::uint16_t default_port(bool tls) { return tls ? 443 : 80; }

// The scheme taken off; nullopt for another one.
std::optional<bool> take_scheme(std::string_view& text) {
  const std::string start = lower(text.substr(0, kHttps.size()));
  const bool tls = start == kHttps;
  if (!tls && !start.starts_with(kHttp)) return std::nullopt;
  text.remove_prefix(tls ? kHttps.size() : kHttp.size());
  return tls;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// False: no host, or no number as the port.
bool parse_authority(std::string_view authority, HttpUrl& url) {
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    url.user_info = percent_decode(authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    url.origin.host = lower(authority.substr(1, end - 1));
    port = authority.substr(end + 1);
    if (!port.empty() && port[0] != ':') return false;
  } else {
    const std::size_t colon = authority.find(':');
    url.origin.host = lower(authority.substr(0, colon));
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  url.origin.port = default_port(url.origin.tls);
  if (port.size() > 1) {
    const auto number = parse_port(port.substr(1));
    if (!number) return false;
    url.origin.port = *number;
  }
  return !url.origin.host.empty();
}

// A blank or a control character would end the request's line.
std::string without_blanks(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) {
      result += percent_encode(std::string_view(&c, 1), false);
    } else {
      result += c;
    }
  }
  return result;
}

void set_path(HttpUrl& url, std::string_view rest) {
  rest = rest.substr(0, rest.find('#'));
  const std::size_t mark = rest.find('?');
  url.path = without_blanks(rest.substr(0, mark));
  url.query = mark == std::string_view::npos ? "" : without_blanks(rest.substr(mark + 1));
  if (url.path.empty()) url.path = "/";
}

std::optional<HttpUrl> parse(std::string_view text) {
  const auto tls = take_scheme(text);
  if (!tls) return std::nullopt;
  HttpUrl url;
  url.origin.tls = *tls;
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  if (!parse_authority(text.substr(0, end), url)) return std::nullopt;
  set_path(url, text.substr(end));
  return url;
}

}  // namespace

std::string host_header(const HttpOrigin& origin) {
  const bool is_v6 = origin.host.find(':') != std::string::npos;
  std::string text = is_v6 ? "[" + origin.host + "]" : origin.host;
  if (origin.port != default_port(origin.tls)) text += ":" + std::to_string(origin.port);
  return text;
}

std::string origin_text(const HttpOrigin& origin) {
  return std::string(origin.tls ? kHttps : kHttp) + host_header(origin);
}

HttpUrl parse_http_url(std::string_view text) {
  if (auto url = parse(text)) return *std::move(url);
  fail(ErrorCode::invalid_argument,
       "not a URL of the form http://host[:port]/path or https://host[:port]/path");
}

HttpUrl resolve_location(const HttpUrl& base, std::string_view location) {
  if (auto url = parse(location)) return *std::move(url);
  HttpUrl url = base;
  if (location.starts_with("//")) {
    const std::string whole =
        std::string(base.origin.tls ? "https:" : "http:") + std::string(location);
    if (auto found = parse(whole)) return *std::move(found);
  } else if (location.starts_with('/')) {
    set_path(url, location);
    return url;
  } else if (location.find("://") == std::string_view::npos) {
    set_path(url, url.path.substr(0, url.path.rfind('/') + 1) + std::string(location));
    return url;
  }
  fail(ErrorCode::storage, "the server redirects to what is no http:// or https:// URL");
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);
    if (plain) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return result;
}

std::string percent_decode(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const bool coded = text[i] == '%' && text.size() - i > 2;
    const char* digits = text.data() + i + 1;
    if (coded && std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      result += static_cast<char>(value);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace zarrloom
