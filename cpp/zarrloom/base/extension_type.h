// Data types that the core knows by name and moves as bytes: it has no arithmetic for them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/base/bytes.h"
#include "zarrloom/base/json.h"

namespace zarrloom {

struct DataType;

// Those that are built in are registered in zarr-extensions ("data-types"): bfloat16, float8_*,
// float6_*, float4_e2m1fn, int4, uint4, int2, uint2. Users make their own, codecs/extensions.h.
struct ExtensionType {
  std::string name;                     // in metadata: data_type of format 3, dtype of format 2
  Json configuration = Json::Object{};  // in format 3
  std::size_t item_size = 1;  // bytes, in memory and as the codec `bytes` stores an element
  std::size_t swap_size = 1;  // bytes that change places with the byte order: 1 where none do
  int packed_bits = 0;        // that the codec `packbits` stores, from the lowest; 0: it refuses
  int mantissa_bits = 0;      // for the codec `bitround`, from the lowest; 0: it refuses

  // The fill value between JSON and one element in native byte order. Parsing throws
  // corrupt_metadata. A NaN is kept bit by bit in format 3.
  std::function<std::vector<std::byte>(const Json& value, int zarr_format)> parse_fill = {};
  std::function<Json(ByteView element, int zarr_format)> write_fill = {};
};

// Null if no built-in type has this name.
std::shared_ptr<const ExtensionType> find_extension_type(std::string_view name);
std::vector<std::string_view> extension_type_names();

// Throws invalid_argument for a type whose members contradict each other.
DataType extension_dtype(std::shared_ptr<const ExtensionType> type);

}  // namespace zarrloom
