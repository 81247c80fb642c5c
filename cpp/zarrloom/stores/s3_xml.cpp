#include "zarrloom/stores/s3_xml.h"

#include <array>
#include <charconv>
#include <utility>

#include "zarrloom/base/error.h"
#include "zarrloom/stores/http_url.h"

namespace zarrloom {
namespace {

using Entity = std::pair<std::string_view, char>;
constexpr std::array kEntities{Entity{"&lt;", '<'}, Entity{"&gt;", '>'}, Entity{"&amp;", '&'},
                               Entity{"&quot;", '"'}, Entity{"&apos;", '\''}};

// "&#xA;" and the like, of one byte only: what is above comes as UTF-8, not as an entity.
std::optional<char> numbered_entity(std::string_view entity) {
  const bool is_hex = entity.size() > 2 && (entity[2] | 32) == 'x';
  const std::string_view digits = entity.substr(is_hex ? 3 : 2);
  unsigned value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  if (error != std::errc() || *end != ';' || value > 0x7f) return std::nullopt;
  return static_cast<char>(value);
}

std::optional<char> entity_value(std::string_view entity) {
  for (const auto& [text, value] : kEntities) {
    if (text == entity) return value;
  }
  return entity.starts_with("&#") ? numbered_entity(entity) : std::nullopt;
}

std::string unescape(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = text[0] == '&' ? text.find(';') : std::string_view::npos;
    const auto value =
        end == std::string_view::npos ? std::nullopt : entity_value(text.substr(0, end + 1));
    result += value.value_or(text[0]);
    text.remove_prefix(value ? end + 1 : 1);
  }
  return result;
}

// Where "<name>" or "<name ...>" begins, from `from` on.
std::size_t find_open(std::string_view xml, std::string_view name, std::size_t from) {
  const std::string mark = "<" + std::string(name);
  while ((from = xml.find(mark, from)) != std::string_view::npos) {
    const std::size_t after = from + mark.size();
    if (after < xml.size() && (xml[after] == '>' || xml[after] == ' ' || xml[after] == '/')) break;
    from = after;
  }
  return from;
}

}  // namespace

std::vector<std::string_view> xml_elements(std::string_view xml, std::string_view name) {
  std::vector<std::string_view> found;
  const std::string close = "</" + std::string(name) + ">";
  std::size_t at = 0;
  while ((at = find_open(xml, name, at)) != std::string_view::npos) {
    const std::size_t begin = xml.find('>', at);
    if (begin == std::string_view::npos) break;
    at = begin + 1;
    if (xml[begin - 1] == '/') {
      found.push_back({});
      continue;
    }
    const std::size_t end = xml.find(close, at);
    if (end == std::string_view::npos) break;
    found.push_back(xml.substr(at, end - at));
    at = end + close.size();
  }
  return found;
}

std::string xml_text(std::string_view xml, std::string_view name) {
  const auto found = xml_elements(xml, name);
  return found.empty() ? std::string() : unescape(found.front());
}

std::string xml_escape(std::string_view text) {
  std::string result;
  for (const char c : text) {
    std::string_view written(&c, 1);
    for (const auto& [entity, value] : kEntities) {
      if (value == c) written = entity;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {  // parsers would make something else of it
      result += "&#" + std::to_string(byte) + ";";
    } else {
      result += written;
    }
  }
  return result;
}

S3Listing parse_s3_listing(std::string_view xml) {
  const auto results = xml_elements(xml, "ListBucketResult");
  if (results.size() != 1) fail(ErrorCode::storage, "the server's answer is no list of keys");
  const std::string_view result = results.front();
  const bool is_coded = xml_text(result, "EncodingType") == "url";
  const auto decoded = [&](const std::string& text) {
    if (!is_coded) return text;
    std::string spaced = text;  // servers write a blank as "+", as forms do, and "+" as "%2B"
    for (char& c : spaced) {
      if (c == '+') c = ' ';
    }
    return percent_decode(spaced);
  };
  S3Listing listing;
  for (const std::string_view each : xml_elements(result, "Contents")) {
    listing.keys.push_back(decoded(xml_text(each, "Key")));
  }
  for (const std::string_view each : xml_elements(result, "CommonPrefixes")) {
    listing.prefixes.push_back(decoded(xml_text(each, "Prefix")));
  }
  if (xml_text(result, "IsTruncated") == "true") {
    listing.next = xml_text(result, "NextContinuationToken");
    if (listing.next.empty()) fail(ErrorCode::storage, "a list of keys is cut without a token");
  }
  return listing;
}

}  // namespace zarrloom
