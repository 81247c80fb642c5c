#include "zarrloom/array/v2_codecs.h"

#include <bit>

#include "zarrloom/array/document.h"
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/extensions.h"

namespace zarrloom {
namespace {

constexpr bool kNativeBig = std::endian::native == std::endian::big;

const std::string& codec_id(const Json& codec, const char* where) {
  const Json* id = codec.find("id");
  if (id == nullptr || id->as_string() == nullptr) {
    fail_member(where, "null or an object with an id", codec);
  }
  return *id->as_string();
}

CodecConfig transposed_order(std::size_t rank) {
  Json::Array order;
  for (std::size_t d = rank; d-- > 0;) order.emplace_back(static_cast<std::int64_t>(d));
  return {"transpose", Json::Object{{"order", std::move(order)}}};
}

// numcodecs takes levels outside the limits of format 3, and means these by them.
void limit_level(CodecConfig& codec) {
  const Json* level = codec.configuration.find("level");
  const std::int64_t* number = level == nullptr ? nullptr : level->as_int();
  if (number == nullptr) return;
  if (codec.name == "gzip" && *number == -1) codec.configuration.set("level", 6);
  if (codec.name == "zstd" && *number > 22) codec.configuration.set("level", 22);
}

CodecConfig v3_codec(const Json& object, const char* where, const Extensions* extensions) {
  const std::string& id = codec_id(object, where);
  CodecConfig codec{look_up_v2_codec(id, extensions).name, object};
  codec.configuration.erase("id");
  limit_level(codec);
  return codec;
}

std::string type_of(const CodecConfig& filter, const char* one, const char* other) {
  const Json* value = filter.configuration.find(one);
  if (value == nullptr) value = filter.configuration.find(other);
  return value == nullptr || value->as_string() == nullptr ? "" : *value->as_string();
}

bool has_order(const std::string& type) { return type.starts_with('<') || type.starts_with('>'); }

// Follows an array through the filters: what it holds, and in which byte order format 2 would have
// it there. In our memory the order is always the native one.
class FilterChain {
 public:
  FilterChain(const ArrayMetadata& metadata, std::vector<CodecConfig>& codecs)
      : codecs_(codecs),
        spec_{metadata.chunk_shape, metadata.dtype, metadata.fill_value, metadata.extensions},
        big_(metadata.v2.big_endian) {
    spec_.serialized = Serialized::native;  // for codecs that would take arrays in format 3
  }

  // Gives the filter's complete configuration.
  Json add(const CodecConfig& filter) {
    const AnyCodec codec = make(filter);
    if (const auto* transform = std::get_if<std::unique_ptr<ArrayTransform>>(&codec)) {
      check_array_filter(filter);
      const std::string encoded = type_of(filter, "astype", "encode_dtype");
      const std::string& type = encoded.empty() ? decoded_type(filter) : encoded;
      if (has_order(type)) big_ = type.starts_with('>');
      auto extensions = std::move(spec_.extensions);
      spec_ = (*transform)->encoded_spec();
      spec_.extensions = std::move(extensions);
      spec_.serialized = Serialized::native;
      codecs_.push_back(filter);
      return told(**transform);
    }
    if (const auto* serializer = std::get_if<std::unique_ptr<ArrayToBytes>>(&codec)) {
      if (is_bytes_ || filter.name.find("vlen-") == std::string::npos) fail_no_filter(filter);
      is_bytes_ = true;
      codecs_.push_back(filter);
      return (*serializer)->configuration();
    }
    if (const auto* compressor = std::get_if<std::unique_ptr<BytesToBytes>>(&codec)) {
      make_bytes();
      codecs_.push_back(filter);
      return told(**compressor);
    }
    fail_no_filter(filter);
  }

  void make_bytes() {
    if (is_bytes_) return;
    is_bytes_ = true;
    Json configuration = Json::Object{};
    if (spec_.dtype.swap_size() > 1) configuration.set("endian", big_ ? "big" : "little");
    codecs_.push_back({"bytes", std::move(configuration)});
  }

 private:
  [[noreturn]] static void fail_no_filter(const CodecConfig& filter) {
    fail(ErrorCode::unsupported, "\"" + filter.name + "\" is no filter of format 2 here");
  }

  AnyCodec make(const CodecConfig& filter) const {
    try {
      return look_up_codec(filter.name, spec_.extensions.get()).make(filter.configuration, spec_);
    } catch (const Error& error) {
      throw Error(with_context(error.failure(), "filter " + filter.name));
    }
  }

  static std::string decoded_type(const CodecConfig& filter) {
    return type_of(filter, "dtype", "decode_dtype");
  }

  // numcodecs takes the bytes that come as elements of the type that the filter names.
  void check_array_filter(const CodecConfig& filter) const {
    if (is_bytes_) {
      fail(ErrorCode::unsupported,
           "filter \"" + filter.name + "\" works on arrays, but comes behind one that makes bytes");
    }
    const std::string type = decoded_type(filter);
    if (type.empty() || spec_.dtype.swap_size() == 1) return;
    const std::size_t size = dtype_from_numpy_size(type);
    if (size == spec_.dtype.item_size && (type.starts_with('>') == big_ || !has_order(type)))
      return;
    if (size != spec_.dtype.item_size && type.starts_with('>') == big_ && big_ == kNativeBig)
      return;
    fail(ErrorCode::unsupported, "filter \"" + filter.name + "\" takes elements of type " + type +
                                     " in another byte order or size than they come in");
  }

  static std::size_t dtype_from_numpy_size(const std::string& type) {
    return has_order(type) || type.starts_with('|') ? dtype_from_v2(type).dtype.item_size
                                                    : dtype_from_numpy_name(type).item_size;
  }

  // The types that it tells are little-endian.
  template <typename Codec>
  Json told(const Codec& codec) const {
    Json configuration = codec.configuration();
    for (auto& [name, value] : *configuration.as_object()) {
      const std::string* text = value.as_string();
      if (big_ && text != nullptr && text->starts_with('<')) value = '>' + text->substr(1);
    }
    return configuration;
  }

  std::vector<CodecConfig>& codecs_;
  ChunkSpec spec_;
  bool big_;
  bool is_bytes_ = false;
};

}  // namespace

void chain_v2_codecs(ArrayMetadata& metadata) {
  const V2Members& v2 = metadata.v2;
  metadata.codecs.clear();
  // In one dimension both orders are the same.
  if (v2.order == 'F' && metadata.shape.size() > 1) {
    metadata.codecs.push_back(transposed_order(metadata.shape.size()));
  }
  FilterChain chain(metadata, metadata.codecs);
  if (const Json::Array* filters = v2.filters.as_array()) {
    for (const Json& filter : *filters)
      chain.add(v3_codec(filter, "each filter", metadata.extensions.get()));
  }
  chain.make_bytes();
  if (!v2.compressor.is_null())
    metadata.codecs.push_back(v3_codec(v2.compressor, "compressor", metadata.extensions.get()));
}

void complete_v2_filters(ArrayMetadata& metadata) {
  Json::Array* filters = metadata.v2.filters.as_array();
  if (filters == nullptr) return;
  std::vector<CodecConfig> unused;
  FilterChain chain(metadata, unused);
  for (Json& filter : *filters) {
    const Json complete = chain.add(v3_codec(filter, "each filter", metadata.extensions.get()));
    for (const auto& [name, value] : *complete.as_object()) {
      if (filter.find(name) == nullptr) filter.set(name, value);
    }
  }
}

}  // namespace zarrloom
