#include "zarrloom/codecs/extensions.h"

#include <algorithm>

#include "zarrloom/base/dtype.h"
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/registry.h"

namespace zarrloom {
namespace {

void check_new(std::string_view what, const std::string& name, bool taken) {
  if (!name.empty() && !taken) return;
  fail(ErrorCode::invalid_argument, std::string(what) + " \"" + name + "\" " +
                                        (name.empty() ? "has no name" : "is known already"));
}

bool is_built_in(std::string_view name, std::string_view CodecRow::* member) {
  return std::ranges::any_of(
      codec_table(), [&](const CodecRow& row) { return !name.empty() && row.*member == name; });
}

class ExtensionList final : public Extensions {
 public:
  ExtensionList(std::vector<CustomCodec> codecs, std::vector<ExtensionType> types) {
    for (CustomCodec& codec : codecs) {
      check_new("codec", codec.name,
                is_built_in(codec.name, &CodecRow::name) || ExtensionList::find_codec(codec.name));
      if (!codec.v2_id.empty()) {
        check_new("codec", codec.v2_id,
                  is_built_in(codec.v2_id, &CodecRow::v2_id) ||
                      ExtensionList::find_v2_codec(codec.v2_id));
      }
      if (!codec.make)
        fail(ErrorCode::invalid_argument, "codec \"" + codec.name + "\" has no make");
      codecs_.push_back(std::make_shared<const CustomCodec>(std::move(codec)));
    }
    for (ExtensionType& type : types) {
      auto shared = std::make_shared<const ExtensionType>(std::move(type));
      extension_dtype(shared);  // checks its members
      check_new("data type", shared->name,
                is_numpy_name(shared->name) || ExtensionList::find_data_type(shared->name, {}));
      types_.push_back(std::move(shared));
    }
  }

 private:
  static bool is_numpy_name(std::string_view name) {
    try {
      dtype_from_numpy_name(name);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  std::shared_ptr<const CustomCodec> find_codec(std::string_view name) const override {
    for (const auto& codec : codecs_) {
      if (codec->name == name) return codec;
    }
    return nullptr;
  }
  std::shared_ptr<const CustomCodec> find_v2_codec(std::string_view id) const override {
    for (const auto& codec : codecs_) {
      if (!id.empty() && codec->v2_id == id) return codec;
    }
    return nullptr;
  }
  std::shared_ptr<const ExtensionType> find_data_type(std::string_view name,
                                                      const Json&) const override {
    for (const auto& type : types_) {
      if (type->name == name) return type;
    }
    return nullptr;
  }

  std::vector<std::shared_ptr<const CustomCodec>> codecs_;
  std::vector<std::shared_ptr<const ExtensionType>> types_;
};

CustomCodec of_row(const CodecRow& row) {
  return {std::string(row.name), std::string(row.v2_id), row.make};
}

}  // namespace

std::shared_ptr<const Extensions> make_extensions(std::vector<CustomCodec> codecs,
                                                  std::vector<ExtensionType> types) {
  return std::make_shared<const ExtensionList>(std::move(codecs), std::move(types));
}

CustomCodec look_up_codec(std::string_view name, const Extensions* extensions) {
  if (extensions != nullptr && !is_built_in(name, &CodecRow::name) && !is_refused_for_good(name)) {
    if (const auto codec = extensions->find_codec(name)) return *codec;
  }
  return of_row(find_codec(name));
}

CustomCodec look_up_v2_codec(std::string_view id, const Extensions* extensions) {
  if (extensions != nullptr && !is_built_in(id, &CodecRow::v2_id) && !is_refused_for_good(id)) {
    if (const auto codec = extensions->find_v2_codec(id)) return *codec;
  }
  return of_row(find_v2_codec(id));
}

DataType look_up_dtype(std::string_view name, const Extensions* extensions) {
  if (extensions != nullptr && find_extension_type(name) == nullptr) {
    if (auto type = extensions->find_data_type(name, Json::Object{})) {
      return extension_dtype(std::move(type));
    }
  }
  return dtype_from_numpy_name(name);
}

}  // namespace zarrloom
