// New arrays. What is made is written out and parsed, so that a created array cannot differ from
// the same array opened again, and so that nothing is erased for one that could not be opened.
#include <algorithm>
#include <array>

#include "zarrloom/array/document.h"
#include "zarrloom/array/metadata.h"
#include "zarrloom/array/v2_codecs.h"
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/extensions.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/exec/runtime.h"

namespace zarrloom {
namespace {

constexpr std::string_view kNumcodecs = "numcodecs.";

CodecConfig default_compressor() {
  return {"zstd", Json::Object{{"level", 0}, {"checksum", false}}};
}

// What parsing calls corrupt is here a wrong argument.
template <typename Parse>
ArrayMetadata parse_own(const Parse& parse) {
  try {
    return parse();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt_metadata) throw;
    Failure failure = error.failure();
    failure.code = ErrorCode::invalid_argument;
    throw Error(std::move(failure));
  }
}

void check_options(const CreateOptions& options) {
  if (options.rectilinear && options.zarr_format == 2) {
    fail(ErrorCode::unsupported,
         "format 2 knows no chunk grid \"rectilinear\": its chunks have one shape");
  }
  if (options.shard_shape && options.zarr_format == 2) {
    fail(ErrorCode::invalid_argument, "format 2 has no shards");
  }
  if (options.zarr_format != 2 && options.zarr_format != 3) {
    fail(ErrorCode::invalid_argument,
         "zarr_format must be 2 or 3, not " + std::to_string(options.zarr_format));
  }
  if (options.order != 'C' && options.order != 'F') {
    fail(ErrorCode::invalid_argument, "order must be C or F, not " + std::string(1, options.order));
  }
  for (std::int64_t extent : options.shape) {
    if (extent >= 0) continue;
    fail(ErrorCode::invalid_argument, "shape " + to_string(options.shape) + " is negative");
  }
  if (options.attributes.as_object() == nullptr) {
    fail(ErrorCode::invalid_argument,
         std::string("attributes must be an object, not ") + options.attributes.type_name());
  }
  const bool is_bool = options.dtype.kind == Kind::boolean;
  if (is_bool && options.fill_value && options.fill_value->size() == 1 &&
      options.fill_value->front() > std::byte{1}) {
    fail(ErrorCode::invalid_argument, "the fill value of a bool array must be 0 or 1");
  }
}

bool makes_numbers(const CreateOptions& options) {
  return std::ranges::any_of(options.filters, [](const CodecConfig& filter) {
    return filter.name.ends_with("categorize");
  });
}

ArrayMetadata common_members(const CreateOptions& options) {
  ArrayMetadata metadata;
  metadata.zarr_format = options.zarr_format;
  metadata.shape = options.shape;
  metadata.dtype = options.dtype;
  metadata.chunk_shape = options.chunk_shape
                             ? *options.chunk_shape
                             : guess_chunk_shape(options.shape, options.dtype.item_size);
  if (options.rectilinear && !options.chunk_shape) {
    metadata.rectilinear = options.rectilinear;
    metadata.chunk_shape = options.rectilinear->largest();
  }
  metadata.fill_value = options.fill_value.value_or(zero_fill_value(options.dtype));
  metadata.attributes = options.attributes;
  metadata.extensions = options.extensions;
  return metadata;
}

// Elements of variable size are text or bytes in format 3, unless a filter makes numbers of them.
CodecConfig default_serializer(const CreateOptions& options) {
  if (!options.dtype.is_variable() || makes_numbers(options)) return {"bytes"};
  return {options.dtype.kind == Kind::text ? "vlen-utf8" : "vlen-bytes"};
}

CodecConfig serializer_of(const CreateOptions& options) {
  CodecConfig serializer = options.serializer.value_or(default_serializer(options));
  // Filters may make elements of another type; where order means nothing the codec drops it.
  const bool has_order = options.dtype.swap_size() > 1 || !options.filters.empty();
  if (serializer.name == "bytes" && has_order && !serializer.configuration.find("endian")) {
    serializer.configuration.set("endian", options.big_endian ? "big" : "little");
  }
  return serializer;
}

// ---- Format 3 ----

std::vector<CodecConfig> v3_codecs(const CreateOptions& options) {
  std::vector<CodecConfig> codecs = options.filters;
  if (options.order == 'F' && options.shape.size() > 1) {
    Json::Array order;
    for (std::size_t d = options.shape.size(); d-- > 0;) {
      order.emplace_back(static_cast<std::int64_t>(d));
    }
    codecs.push_back({"transpose", Json::Object{{"order", std::move(order)}}});
  }
  codecs.push_back(serializer_of(options));
  const auto compressors =
      options.compressors.value_or(std::vector<CodecConfig>{default_compressor()});
  codecs.insert(codecs.end(), compressors.begin(), compressors.end());
  return codecs;
}

Json codec_list(const std::vector<CodecConfig>& codecs) {
  Json::Array list;
  for (const CodecConfig& codec : codecs) {
    list.push_back(Json::Object{{"name", codec.name}, {"configuration", codec.configuration}});
  }
  return list;
}

// All codecs work on the chunks in the shard; index and place are the codec's defaults.
void put_into_shards(ArrayMetadata& metadata, const Dims& shard_shape) {
  Json::Array inner;
  for (const std::int64_t extent : metadata.chunk_shape) inner.emplace_back(extent);
  metadata.codecs = {{"sharding_indexed", Json::Object{{"chunk_shape", std::move(inner)},
                                                       {"codecs", codec_list(metadata.codecs)}}}};
  metadata.chunk_shape = shard_shape;
}

ArrayMetadata reparse_v3(const ArrayMetadata& metadata) {
  const std::string text = checked_json_text(write_v3_metadata(metadata), {});
  return parse_own([&] { return parse_v3_metadata(parse_json(text), metadata.extensions); });
}

ArrayMetadata make_v3(const CreateOptions& options) {
  ArrayMetadata metadata = common_members(options);
  metadata.key_encoding = options.key_encoding.value_or(ChunkKeyEncoding{});
  metadata.dimension_names = options.dimension_names;
  metadata.codecs = v3_codecs(options);
  if (options.shard_shape) put_into_shards(metadata, *options.shard_shape);
  if (options.rectilinear && options.chunk_shape) {
    put_into_shards(metadata, options.rectilinear->largest());
    metadata.rectilinear = options.rectilinear;
  }
  metadata = reparse_v3(metadata);
  // Other readers need not share our defaults: every member of a configuration is stored.
  metadata.codecs = bind_codecs(metadata).configs();
  return reparse_v3(metadata);
}

// ---- Format 2 ----

void check_v2_options(const CreateOptions& options) {
  if (options.dimension_names) {
    fail(ErrorCode::invalid_argument,
         "format 2 has no dimension_names; the attribute _ARRAY_DIMENSIONS serves xarray there");
  }
  if (options.serializer && options.serializer->name != "bytes" &&
      !options.serializer->name.starts_with("vlen-")) {
    fail(ErrorCode::invalid_argument,
         "format 2 has no serializer \"" + options.serializer->name + "\"");
  }
  if (options.compressors && options.compressors->size() > 1) {
    fail(ErrorCode::invalid_argument,
         "format 2 takes one compressor, not " + std::to_string(options.compressors->size()));
  }
  if (options.key_encoding && !options.key_encoding->v2_style) {
    fail(ErrorCode::invalid_argument, "format 2 has chunk keys of the v2 style only");
  }
}

bool v2_big_endian(const CreateOptions& options) {
  const Json* endian =
      options.serializer ? options.serializer->configuration.find("endian") : nullptr;
  if (endian == nullptr) return options.big_endian;
  if (*endian != Json("little") && *endian != Json("big")) {
    fail_member("endian", "\"little\" or \"big\"", *endian);
  }
  return *endian == Json("big");
}

Json numcodecs_shuffle(const Json& value) {
  static constexpr std::array<std::string_view, 3> kNames{"noshuffle", "shuffle", "bitshuffle"};
  const std::string* name = value.as_string();
  const auto found = name ? std::find(kNames.begin(), kNames.end(), *name) : kNames.end();
  return found == kNames.end() ? value : Json(static_cast<std::int64_t>(found - kNames.begin()));
}

// Of a codec that is named as either format names it.
std::string v2_id_of(std::string_view name, const Extensions* extensions) {
  std::string_view id = name;
  if (id.starts_with(kNumcodecs)) id.remove_prefix(kNumcodecs.size());
  const bool built_in =
      std::ranges::find(codec_table(), id, &CodecRow::v2_id) != codec_table().end();
  if (extensions != nullptr && !built_in && id == name) {
    const auto codec = extensions->find_codec(name);
    if (codec && !codec->v2_id.empty()) return codec->v2_id;
  }
  return look_up_v2_codec(id, extensions).v2_id;
}

// The object that numcodecs knows. Readers refuse members that it has not: the type size is not
// stored, and "checksum" came late, so that it is left out where it says nothing.
Json numcodecs_object(const CodecConfig& codec, const Extensions* extensions) {
  Json object = Json::Object{{"id", v2_id_of(codec.name, extensions)}};
  if (codec.configuration.as_object() == nullptr) {
    fail_member("the configuration of " + codec.name, "an object", codec.configuration);
  }
  for (const auto& [name, value] : *codec.configuration.as_object()) {
    if (name == "typesize" || (name == "checksum" && value == Json(false))) continue;
    object.set(name, name == "shuffle" ? numcodecs_shuffle(value) : value);
  }
  return object;
}

// Format 2 tells by a filter what objects are. nullopt where there are none, or it is given.
std::optional<Json> v2_object_codec(const CreateOptions& options) {
  const DataType& dtype = options.dtype;
  if (!dtype.is_variable() || makes_numbers(options)) return std::nullopt;
  for (const CodecConfig& filter : options.filters) {
    if (filter.name.find("vlen-") != std::string::npos) return std::nullopt;
  }
  if (dtype.kind == Kind::text) return Json::Object{{"id", "vlen-utf8"}};
  if (dtype.kind == Kind::blob) return Json::Object{{"id", "vlen-bytes"}};
  const Field& items = dtype.fields.front();
  return Json::Object{{"id", "vlen-array"}, {"dtype", dtype_to_v2(items.dtype, items.big_endian)}};
}

void set_v2_filters(const CreateOptions& options, ArrayMetadata& metadata) {
  Json::Array filters;
  for (const CodecConfig& filter : options.filters) {
    filters.push_back(numcodecs_object(filter, options.extensions.get()));
  }
  if (const auto object_codec = v2_object_codec(options)) filters.push_back(*object_codec);
  if (filters.empty()) return;
  metadata.v2.filters = std::move(filters);
  complete_v2_filters(metadata);
}

ArrayMetadata reparse_v2(const ArrayMetadata& metadata) {
  const JsonOptions lenient{.allow_nan = true};
  const std::string zarray = checked_json_text(write_v2_metadata(metadata), lenient);
  const std::string zattrs = checked_json_text(metadata.attributes, lenient);
  return parse_own([&] {
    return parse_v2_metadata(parse_json(zarray, lenient), parse_json(zattrs, lenient),
                             metadata.extensions);
  });
}

ArrayMetadata make_v2(const CreateOptions& options) {
  check_v2_options(options);
  ArrayMetadata metadata = common_members(options);
  metadata.key_encoding = options.key_encoding.value_or(ChunkKeyEncoding{true, '.'});
  metadata.v2.big_endian = v2_big_endian(options) && options.dtype.swap_size() > 1;
  if (metadata.v2.big_endian && options.dtype.kind == Kind::extension) {
    fail(ErrorCode::unsupported,
         "format 2 has no big-endian elements of type " + options.dtype.numpy_name());
  }
  metadata.v2.order = options.order;
  set_v2_filters(options, metadata);
  if (options.compressors && options.compressors->empty()) return reparse_v2(metadata);
  const CodecConfig compressor =
      options.compressors ? options.compressors->front() : default_compressor();
  metadata.v2.compressor = numcodecs_object(compressor, options.extensions.get());
  // Reading takes levels that nobody should write.
  const CustomCodec found =
      look_up_v2_codec(*metadata.v2.compressor.find("id")->as_string(), options.extensions.get());
  static_cast<void>(found.make(compressor.configuration,
                               {metadata.chunk_shape, metadata.dtype, metadata.fill_value,
                                options.extensions, Serialized::native}));
  metadata = reparse_v2(metadata);
  metadata.v2.compressor =
      numcodecs_object(bind_codecs(metadata).configs().back(), options.extensions.get());
  return reparse_v2(metadata);
}

}  // namespace

CreateOptions with_extensions(CreateOptions options, const Runtime& runtime) {
  if (!options.extensions) options.extensions = runtime.options().extensions;
  return options;
}

ArrayMetadata make_metadata(const CreateOptions& options) {
  check_options(options);
  return options.zarr_format == 3 ? make_v3(options) : make_v2(options);
}

Dims guess_chunk_shape(const Dims& shape, std::size_t item_size) {
  constexpr std::size_t kSmallest = std::size_t{1} << 20;
  constexpr std::size_t kLargest = std::size_t{64} << 20;
  Dims chunks = shape;
  for (std::int64_t& extent : chunks) extent = std::max<std::int64_t>(extent, 1);
  item_size = std::max<std::size_t>(item_size, 1);
  // Twice as large for each factor of ten: 64 MiB from a terabyte on.
  std::size_t target = kSmallest;
  for (auto size = wide_product(chunks) / (kSmallest / std::min(item_size, kSmallest));
       size >= 10 && target < kLargest; size /= 10) {
    target *= 2;
  }
  while (!chunks.empty() && wide_product(chunks) > std::max<std::size_t>(target / item_size, 1)) {
    std::int64_t& longest = *std::max_element(chunks.begin(), chunks.end());
    longest = longest / 2 + longest % 2;
  }
  return chunks;
}

}  // namespace zarrloom
