#include "zarrloom/codecs/config.h"

#include <algorithm>

#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

[[noreturn]] void fail_type(std::string_view name, const char* wanted, const Json& found) {
  fail(ErrorCode::invalid_argument,
       "\"" + std::string(name) + "\" must be " + wanted + ", not " + write_json(found, 0));
}

}  // namespace

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

}  // namespace zarrloom
