// Members of metadata documents, as both formats have them. Private to the array layer.
#pragma once

#include <string>
#include <string_view>

#include "zarrloom/array/metadata.h"
#include "zarrloom/base/error.h"

namespace zarrloom {

[[noreturn]] inline void fail_member(std::string_view name, std::string_view wanted,
                                     const Json& found) {
  // The value may be a whole document: its beginning is enough.
  std::string text = write_json(found, 0);
  if (text.size() > 200) text = text.substr(0, 200) + "...";
  fail(ErrorCode::corrupt_metadata,
       std::string(name) + " must be " + std::string(wanted) + ", not " + text);
}

inline const Json& required_member(const Json& object, std::string_view name) {
  const Json* value = object.find(name);
  if (value == nullptr) fail(ErrorCode::corrupt_metadata, std::string(name) + " is missing");
  return *value;
}

// A list of integers from 0 to 2^63 - 1.
inline Dims read_dims(const Json& value, std::string_view name) {
  const Json::Array* list = value.as_array();
  if (list == nullptr) fail_member(name, "a list of integers", value);
  if (list->size() > kMaxRank) {
    fail(ErrorCode::unsupported, std::string(name) + " has " + std::to_string(list->size()) +
                                     " dimensions; " + std::to_string(kMaxRank) + " are supported");
  }
  Dims dims;
  for (const Json& item : *list) {
    const std::int64_t* extent = item.as_int();
    if (extent == nullptr || *extent < 0) {
      fail_member(name, "a list of integers from 0 to 2^63 - 1", value);
    }
    dims.push_back(*extent);
  }
  return dims;
}

inline Json write_dims(const Dims& dims) {
  Json::Array list;
  for (std::int64_t extent : dims) list.emplace_back(extent);
  return list;
}

// A chunk of no elements could never be counted, except where there is nothing to count.
inline void check_chunk_shape(const Dims& shape, const Dims& chunk_shape, const char* name) {
  if (chunk_shape.size() != shape.size()) {
    fail(ErrorCode::corrupt_metadata, std::string(name) + " " + to_string(chunk_shape) + " has " +
                                          std::to_string(chunk_shape.size()) +
                                          " dimensions, but shape " + to_string(shape) + " has " +
                                          std::to_string(shape.size()));
  }
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (chunk_shape[d] > 0 || shape[d] == 0) continue;
    fail(ErrorCode::corrupt_metadata, std::string(name) + " " + to_string(chunk_shape) +
                                          " is 0 in dimension " + std::to_string(d));
  }
}

// Also the codecs of chunks of other shapes are tried. The chain is that of the largest.
inline CodecChain bind_codecs(const ArrayMetadata& metadata) {
  CodecChain chain(metadata.codecs, ChunkSpec{metadata.chunk_shape, metadata.dtype,
                                              metadata.fill_value, metadata.extensions});
  if (metadata.rectilinear) check_binds(metadata.codecs, chain.spec(), *metadata.rectilinear);
  return chain;
}

// The document's text. Throws invalid_argument for one that could not be read back (a NaN in format
// 3, text that is not UTF-8, nesting too deep), before it replaces anything.
inline std::string checked_json_text(const Json& document, JsonOptions options) {
  std::string text = write_json(document);
  try {
    parse_json(text, options);
  } catch (const Error& error) {
    fail(ErrorCode::invalid_argument,
         std::string("these values cannot be stored as JSON: ") + error.what());
  }
  return text;
}

// Members that a reader of format 3 does not know, and need not.
inline bool need_not_understand(const Json& value) {
  const Json* must = value.find("must_understand");
  return must != nullptr && must->as_bool() != nullptr && !*must->as_bool();
}

}  // namespace zarrloom
