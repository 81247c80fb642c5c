// numcodecs' `categorize`: of each text its number in a list of labels, from 1 on; 0 for a text
// that is not in the list, which is read as an empty one.
#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "zarrloom/base/error.h"
#include "zarrloom/base/utf8.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/codecs/transform.h"

namespace zarrloom {
namespace {

std::string label_bytes(std::string_view label, const DataType& dtype) {
  if (dtype.kind == Kind::text) return std::string(label);
  std::string utf32;
  while (!label.empty()) {
    const char32_t code = next_code_point(label);
    utf32.append(reinterpret_cast<const char*>(&code), sizeof code);
  }
  utf32.resize(dtype.item_size);  // as numpy cuts and pads
  return utf32;
}

// Elements of fixed size are their own bytes.
ByteView element_bytes(const std::byte* at, const DataType& dtype) {
  if (dtype.is_variable()) return VarItem::load(at).bytes();
  return {at, dtype.item_size};
}

class CategorizeCodec final : public ArrayTransform {
 public:
  CategorizeCodec(const ChunkSpec& spec, const std::vector<std::string>& labels, DataType number,
                  Json configuration)
      : dtype_(spec.dtype),
        number_size_(number.item_size),
        configuration_(std::move(configuration)) {
    encoded_ = ChunkSpec{spec.shape, std::move(number), {}};
    labels_.push_back(label_bytes("", dtype_));
    for (const std::string& label : labels) labels_.push_back(label_bytes(label, dtype_));
    // The last of equal labels counts, as in numcodecs.
    for (std::size_t i = 1; i < labels_.size(); ++i) numbers_[labels_[i]] = i;
    encoded_.fill_value.resize(number_size_);
    const ByteView fill = spec.fill_value;
    if (!spec.dtype.is_variable() && fill.size() != spec.dtype.item_size) return;
    store(encoded_.fill_value.data(), number_of(fill));
  }

 private:
  Json configuration() const override { return configuration_; }
  ChunkSpec encoded_spec() const override { return encoded_; }

  void encode(ByteView decoded, MutableBytes out) const override {
    const std::size_t count = out.size() / number_size_;
    for (std::size_t i = 0; i < count; ++i) {
      const ByteView text = element_bytes(decoded.data() + i * dtype_.item_size, dtype_);
      store(out.data() + i * number_size_, number_of(text));
    }
  }

  void decode(ByteView encoded, MutableBytes out) const override {
    const std::size_t count = encoded.size() / number_size_;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t number = load(encoded.data() + i * number_size_);
      const std::string& label = labels_[number < labels_.size() ? number : 0];
      std::byte* const to = out.data() + i * dtype_.item_size;
      if (dtype_.is_variable()) {
        VarItem::of(as_byte_view(label)).store(to);  // lives as long as the codec
      } else {
        std::memcpy(to, label.data(), dtype_.item_size);
      }
    }
  }

  std::size_t number_of(ByteView text) const {
    const auto found = numbers_.find(as_text(text));
    return found == numbers_.end() ? 0 : found->second;
  }

  // Numbers are unsigned and in native order.
  void store(std::byte* to, std::uint64_t number) const {
    if (number_size_ == 1) store_as<std::uint8_t>(to, number);
    if (number_size_ == 2) store_as<std::uint16_t>(to, number);
    if (number_size_ == 4) store_as<std::uint32_t>(to, number);
    if (number_size_ == 8) store_as<std::uint64_t>(to, number);
  }
  std::uint64_t load(const std::byte* from) const {
    if (number_size_ == 1) return load_as<std::uint8_t>(from);
    if (number_size_ == 2) return load_as<std::uint16_t>(from);
    if (number_size_ == 4) return load_as<std::uint32_t>(from);
    return load_as<std::uint64_t>(from);
  }
  template <typename T>
  static void store_as(std::byte* to, std::uint64_t number) {
    const auto value = static_cast<T>(number);
    std::memcpy(to, &value, sizeof value);
  }
  template <typename T>
  static std::uint64_t load_as(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }

  const DataType dtype_;
  const std::size_t number_size_;
  const Json configuration_;
  ChunkSpec encoded_;
  std::vector<std::string> labels_;                            // by number; the first is empty
  std::unordered_map<std::string_view, std::size_t> numbers_;  // of what lies in labels_
};

std::vector<std::string> read_labels(const ConfigReader& config) {
  const Json* value = config.find("labels");
  const Json::Array* list = value == nullptr ? nullptr : value->as_array();
  if (list == nullptr) fail(ErrorCode::invalid_argument, "\"labels\" must be a list of strings");
  std::vector<std::string> labels;
  for (const Json& label : *list) {
    if (label.as_string() == nullptr) {
      fail(ErrorCode::invalid_argument, "\"labels\" must be strings, not " + write_json(label, 0));
    }
    labels.push_back(*label.as_string());
  }
  return labels;
}

}  // namespace

AnyCodec make_categorize_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"labels", "dtype", "astype"});
  if (spec.dtype.kind != Kind::text && spec.dtype.kind != Kind::unicode) {
    fail(ErrorCode::unsupported, "categorizes text, not " + spec.dtype.numpy_name());
  }
  const std::vector<std::string> labels = read_labels(config);
  DataType number = read_type(config, "astype").value_or(DataType{});
  if (number.kind != Kind::unsigned_integer && number.kind != Kind::signed_integer) {
    fail(ErrorCode::unsupported, "\"astype\" must be a type of integers");
  }
  const std::size_t bits = 8 * number.item_size - (number.kind == Kind::signed_integer ? 1 : 0);
  if (bits < 64 && labels.size() >> bits != 0) {
    fail(ErrorCode::invalid_argument,
         std::to_string(labels.size()) + " labels cannot be told by " + number.numpy_name());
  }
  Json::Array told(labels.begin(), labels.end());
  const std::string astype = type_text(number);
  return std::make_unique<CategorizeCodec>(
      spec, labels, std::move(number),
      Json::Object{{"labels", std::move(told)},
                   {"dtype", config.text("dtype").value_or(dtype_to_v2(spec.dtype, false))},
                   {"astype", astype}});
}

}  // namespace zarrloom
