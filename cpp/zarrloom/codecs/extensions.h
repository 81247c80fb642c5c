// Codecs and data types that a program brings along. They are handed to the runtime
// (RuntimeOptions::extensions); arrays that are opened or made with it know them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/base/extension_type.h"
#include "zarrloom/codecs/codec.h"

namespace zarrloom {

struct CustomCodec {
  std::string name;   // in format 3
  std::string v2_id;  // in format 2, "" if it does not exist there
  // Called when an array is opened; what it returns is called from many threads at once. Throws
  // invalid_argument for a bad configuration (the v3 configuration, or the members of a v2 object
  // other than "id"), unsupported for a chunk that the codec cannot take.
  std::function<AnyCodec(const Json& configuration, const ChunkSpec& spec)> make;
};

// Asked by name for what is not built in; built-in codecs and types win. Called from many threads
// at once.
class Extensions {
 public:
  virtual ~Extensions() = default;
  // Null: not known. What is found lives as long as this.
  virtual std::shared_ptr<const CustomCodec> find_codec(std::string_view name) const = 0;
  virtual std::shared_ptr<const CustomCodec> find_v2_codec(std::string_view id) const = 0;
  // Of format 3 with its configuration; of format 2 with an empty one. The type's own configuration
  // should be what it was given.
  virtual std::shared_ptr<const ExtensionType> find_data_type(std::string_view name,
                                                              const Json& configuration) const = 0;
};

// A fixed list. Throws invalid_argument for a name that is empty, given twice, or built in.
std::shared_ptr<const Extensions> make_extensions(std::vector<CustomCodec> codecs,
                                                  std::vector<ExtensionType> types = {});

// A built-in codec, or one of the extensions, which may be null. Throws unsupported, naming the
// codec and listing what is built in; and for codecs that are refused for good, whoever knows them.
CustomCodec look_up_codec(std::string_view name, const Extensions* extensions);
CustomCodec look_up_v2_codec(std::string_view id, const Extensions* extensions);

// By numpy's name or the name of an extension. Throws unsupported.
DataType look_up_dtype(std::string_view name, const Extensions* extensions);

}  // namespace zarrloom
