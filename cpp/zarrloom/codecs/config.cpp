#include "zarrloom/codecs/config.h"

#include <algorithm>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

[[noreturn]] void fail_type(std::string_view name, const char* wanted, const Json& found) {
  fail(ErrorCode::invalid_argument,
       "\"" + std::string(name) + "\" must be " + wanted + ", not " + write_json(found, 0));
}

CodecConfig read_codec(std::string_view list, const Json& item) {
  if (const std::string* name = item.as_string()) return {*name, Json::Object{}};
  const Json* name = item.find("name");
  if (name == nullptr || name->as_string() == nullptr) fail_type(list, "a list of codecs", item);
  for (const Json::Member& member : *item.as_object()) {
    if (member.first == "name" || member.first == "configuration") continue;
    if (member.first == "must_understand" && member.second.as_bool() != nullptr) continue;
    fail(ErrorCode::invalid_argument,
         "codec " + *name->as_string() + " has an unknown member \"" + member.first + "\"");
  }
  const Json* configuration = item.find("configuration");
  return {*name->as_string(), configuration != nullptr ? *configuration : Json(Json::Object{})};
}

}  // namespace

Json CodecConfig::to_json() const {
  Json::Object object{{"name", name}};
  if (!configuration.as_object()->empty() || name.starts_with("numcodecs.")) {
    object.emplace_back("configuration", configuration);
  }
  return object;
}

ConfigReader::ConfigReader(const Json& configuration, std::initializer_list<std::string_view> known)
    : configuration_(configuration) {
  if (configuration.is_null()) return;
  const Json::Object* object = configuration.as_object();
  if (object == nullptr) {
    fail(ErrorCode::invalid_argument,
         std::string("a configuration must be an object, not ") + configuration.type_name());
  }
  for (const Json::Member& member : *object) {
    if (std::find(known.begin(), known.end(), member.first) != known.end()) continue;
    fail(ErrorCode::invalid_argument, "there is no member \"" + member.first + "\"");
  }
}

const Json* ConfigReader::find(std::string_view name) const {
  const Json* value = configuration_.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<std::int64_t> ConfigReader::integer(std::string_view name, std::int64_t low,
                                                  std::int64_t high) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const std::int64_t* number = value->as_int();
  if (number == nullptr) fail_type(name, "an integer", *value);
  if (*number < low || *number > high) {
    fail(ErrorCode::invalid_argument, "\"" + std::string(name) + "\" must be between " +
                                          std::to_string(low) + " and " + std::to_string(high) +
                                          ", not " + std::to_string(*number));
  }
  return *number;
}

std::optional<bool> ConfigReader::boolean(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->as_bool() == nullptr) fail_type(name, "true or false", *value);
  return *value->as_bool();
}

std::optional<std::string> ConfigReader::text(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->as_string() == nullptr) fail_type(name, "a string", *value);
  return *value->as_string();
}

std::optional<std::vector<CodecConfig>> ConfigReader::codecs(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const Json::Array* list = value->as_array();
  if (list == nullptr) fail_type(name, "a list of codecs", *value);
  std::vector<CodecConfig> codecs;
  for (const Json& item : *list) codecs.push_back(read_codec(name, item));
  return codecs;
}

std::optional<Dims> ConfigReader::dims(std::string_view name) const {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  const Json::Array* list = value->as_array();
  if (list == nullptr) fail_type(name, "a list of integers", *value);
  Dims dims;
  for (const Json& item : *list) {
    const std::int64_t* extent = item.as_int();
    if (extent == nullptr || *extent < 1) fail_type(name, "a list of integers above 0", *value);
    dims.push_back(*extent);
  }
  return dims;
}

}  // namespace zarrloom
