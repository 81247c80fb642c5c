// `transpose`: the dimensions in another order (v3 codec "transpose"). Moves nothing.
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/config.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

class TransposeCodec final : public ArrayToArray {
 public:
  TransposeCodec(const ChunkSpec& spec, Dims order) : spec_(spec), order_(order) {
    for (std::size_t d = 0; d < order.size(); ++d) {
      spec_.shape[d] = spec.shape[static_cast<std::size_t>(order[d])];
    }
  }

 private:
  Json configuration() const override {
    Json::Array order;
    for (std::int64_t d : order_) order.emplace_back(d);
    return Json::Object{{"order", std::move(order)}};
  }
  ChunkSpec encoded_spec() const override { return spec_; }
  Dims encoded_dims(const Dims& decoded) const override {
    Dims encoded = decoded;
    for (std::size_t d = 0; d < order_.size(); ++d) {
      encoded[d] = decoded[static_cast<std::size_t>(order_[d])];
    }
    return encoded;
  }
  ArrayView encoded_view(const ArrayView& decoded) const override {
    return transposed(decoded, order_);
  }

  ChunkSpec spec_;  // of the encoded array
  Dims order_;
};

Dims named_order(const std::string& name, std::size_t rank) {
  Dims order;
  for (std::size_t d = 0; d < rank; ++d) {
    order.push_back(static_cast<std::int64_t>(name == "F" ? rank - 1 - d : d));
  }
  return order;
}

Dims listed_order(const Json::Array& list) {
  Dims order;
  for (const Json& item : list) {
    const std::int64_t* index = item.as_int();
    if (index == nullptr) fail(ErrorCode::invalid_argument, "\"order\" must hold integers");
    order.push_back(*index);
  }
  return order;
}

void check_permutation(const Dims& order, std::size_t rank) {
  std::uint64_t seen = 0;
  bool valid = order.size() == rank;
  for (std::int64_t d : order) {
    valid = valid && d >= 0 && d < static_cast<std::int64_t>(rank) && ((seen >> d) & 1) == 0;
    if (valid) seen |= std::uint64_t{1} << d;
  }
  if (valid) return;
  fail(ErrorCode::invalid_argument, "\"order\" " + to_string(order) + " is not a permutation of " +
                                        std::to_string(rank) + " dimensions");
}

}  // namespace

AnyCodec make_transpose_codec(const Json& configuration, const ChunkSpec& spec) {
  const ConfigReader config(configuration, {"order"});
  const Json* value = config.find("order");
  if (value == nullptr) fail(ErrorCode::invalid_argument, "\"order\" is missing");
  Dims order;
  if (const std::string* name = value->as_string(); name && (*name == "C" || *name == "F")) {
    order = named_order(*name, spec.shape.size());  // as zarr-python 3.0 betas wrote it
  } else if (const Json::Array* list = value->as_array()) {
    order = listed_order(*list);
  } else {
    fail(ErrorCode::invalid_argument, "\"order\" must be a list, not " + write_json(*value, 0));
  }
  check_permutation(order, spec.shape.size());
  return std::make_unique<TransposeCodec>(spec, order);
}

}  // namespace zarrloom
