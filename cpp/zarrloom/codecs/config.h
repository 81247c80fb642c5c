// Reading a codec's configuration. Private to the codecs.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "zarrloom/codecs/codec.h"

namespace zarrloom {

// The members of a configuration. Each getter throws invalid_argument for a value of another type
// or outside its limits; a member that is absent (or null) gives nullopt.
class ConfigReader {
 public:
  // Throws invalid_argument if the configuration is no object, or for a member not in `known`.
  ConfigReader(const Json& configuration, std::initializer_list<std::string_view> known);

  std::optional<std::int64_t> integer(std::string_view name, std::int64_t low,
                                      std::int64_t high) const;
  std::optional<bool> boolean(std::string_view name) const;
  std::optional<std::string> text(std::string_view name) const;
  const Json* find(std::string_view name) const;  // null if absent or null
  // A list of codecs: each a name, or an object with a name and perhaps a configuration.
  std::optional<std::vector<CodecConfig>> codecs(std::string_view name) const;
  std::optional<Dims> dims(std::string_view name) const;  // a list of integers above 0

 private:
  const Json& configuration_;
};

}  // namespace zarrloom
