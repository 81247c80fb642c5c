// kerchunk's JSON as a list of references.
#include <map>
#include <optional>
#include <utility>

#include "zarrloom/base/base64.h"
#include "zarrloom/base/json.h"
#include "zarrloom/stores/reference.h"

namespace zarrloom {
namespace {

using Templates = std::map<std::string, std::string, std::less<>>;

[[noreturn]] void fail_at(std::string_view key, const std::string& what) {
  fail(ErrorCode::corrupt_metadata, "reference \"" + std::string(key) + "\": " + what);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// What stands for "{{name}}".
const std::string& value_of(std::string_view name, const Templates& templates) {
  const auto found = templates.find(name);
  if (found != templates.end()) return found->second;
  if (name.find_first_of("(|.+ ") != std::string_view::npos) {
    fail(ErrorCode::unsupported, "the template \"{{" + std::string(name) +
                                     "}}\" is an expression; only \"{{name}}\" is known here");
  }
  fail(ErrorCode::corrupt_metadata, "there is no template \"" + std::string(name) + "\"");
}

std::string filled(std::string_view text, const Templates& templates) {
  std::string out;
  while (true) {
    const std::size_t open = text.find("{{");
    const std::size_t close = text.find("}}", open == std::string_view::npos ? open : open + 2);
    if (open == std::string_view::npos || close == std::string_view::npos) {
      return out.append(text);
    }
    out += text.substr(0, open);
    out += value_of(trimmed(text.substr(open + 2, close - open - 2)), templates);
    text.remove_prefix(close + 2);
  }
}

Templates parse_templates(const Json* json) {
  Templates templates;
  if (json == nullptr) return templates;
  if (json->as_object() == nullptr) {
    fail(ErrorCode::corrupt_metadata, "\"templates\" is no object");
  }
  for (const auto& [name, value] : *json->as_object()) {
    const std::string* const text = value.as_string();
    if (text == nullptr) {
      fail(ErrorCode::corrupt_metadata, "the template \"" + name + "\" is no string");
    }
    if (text->find("{{") != std::string::npos) {
      fail(ErrorCode::unsupported, "the template \"" + name +
                                       "\" holds another one, so it is a function; only plain "
                                       "strings are known here");
    }
    templates[name] = *text;
  }
  return templates;
}

std::string inline_bytes(std::string_view key, std::string_view text) {
  constexpr std::string_view kBase64 = "base64:";
  if (!text.starts_with(kBase64)) return std::string(text);
  const auto bytes = base64_decode(text.substr(kBase64.size()));
  if (!bytes) fail_at(key, "its base64 is not valid");
  return std::string(as_text(*bytes));
}

std::uint64_t count_at(std::string_view key, const Json& value) {
  const std::int64_t* const number = value.as_int();
  if (number == nullptr || *number < 0) fail_at(key, "offset and length are integers from 0 on");
  return static_cast<std::uint64_t>(*number);
}

Reference parse_range(const std::string& key, const Json::Array& parts,
                      const Templates& templates) {
  const bool formed = parts.size() == 1 || parts.size() == 3;
  if (!formed || parts[0].as_string() == nullptr || parts[0].as_string()->empty()) {
    fail_at(key, "is neither [url] nor [url, offset, length]");
  }
  Reference reference{.key = key, .url = filled(*parts[0].as_string(), templates), .bytes = {}};
  if (parts.size() == 3) {
    reference.range = {.offset = count_at(key, parts[1]), .length = count_at(key, parts[2])};
  }
  return reference;
}

Reference parse_reference(const std::string& key, const Json& value, const Templates& templates) {
  if (const Json::Array* const parts = value.as_array()) {
    return parse_range(key, *parts, templates);
  }
  Reference reference{.key = key, .url = {}, .bytes = {}};
  if (const std::string* const text = value.as_string()) {
    reference.bytes = inline_bytes(key, *text);
  } else if (value.as_object() != nullptr) {
    reference.bytes = write_json(value, 0);  // metadata that were not made a string
  } else {
    fail_at(key, std::string("is ") + value.type_name() + ", not a string or an array");
  }
  return reference;
}

// The object that holds the references: all of it in version 0.
const Json& references_of(const Json& document) {
  const Json* const version = document.find("version");
  const Json* const refs = document.find("refs");
  if (version == nullptr && refs == nullptr) return document;
  if (version != nullptr && *version != Json(1)) {
    fail(ErrorCode::unsupported, "references of a version that is not known; 0 and 1 are");
  }
  if (document.find("gen") != nullptr && *document.find("gen") != Json(Json::Array{})) {
    fail(ErrorCode::unsupported,
         "references with \"gen\": rules that make keys by evaluating expressions. Write them out "
         "(fsspec's ReferenceFileSystem does, with its method save_json)");
  }
  if (refs == nullptr) fail(ErrorCode::corrupt_metadata, "\"refs\" is missing");
  return *refs;
}

}  // namespace

std::vector<Reference> parse_references(std::string_view json) {
  const Json document = parse_json(json, {.allow_nan = true});
  const Json& refs = references_of(document);
  if (refs.as_object() == nullptr) {
    fail(ErrorCode::corrupt_metadata,
         "references are an object, not " + std::string(refs.type_name()));
  }
  const Templates templates =
      &refs == &document ? Templates() : parse_templates(document.find("templates"));
  std::vector<Reference> references;
  references.reserve(refs.as_object()->size());
  for (const auto& [key, value] : *refs.as_object()) {
    references.push_back(parse_reference(key, value, templates));
  }
  return references;
}

}  // namespace zarrloom
