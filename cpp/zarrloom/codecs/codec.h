// What a codec is. A codec is made for one kind of chunk (its ChunkSpec), checks its configuration
// then, and is used many times from many threads: all members are const. After that, decoding can
// only fail on bad data (Error{corrupt_data}); messages need not name the codec, the chain does.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "zarrloom/base/array_view.h"
#include "zarrloom/base/bytes.h"
#include "zarrloom/base/dtype.h"
#include "zarrloom/base/json.h"
#include "zarrloom/base/variable.h"

namespace zarrloom {

class Extensions;  // codecs/extensions.h

// One element's memory: that of a fixed type, or an item that is made for the purpose.
class FillElement {
 public:
  explicit FillElement(ByteView fixed) : fixed_(fixed) {}
  explicit FillElement(VarItem item) : item_(item), variable_(true) {}
  FillElement(const FillElement&) = delete;
  FillElement& operator=(const FillElement&) = delete;

  operator ByteView() const { return variable_ ? std::as_bytes(std::span(&item_, 1)) : fixed_; }

 private:
  ByteView fixed_;
  VarItem item_;
  bool variable_ = false;
};

// What a codec is given, by its place in the chain.
enum class Serialized {
  no,       // an array
  native,   // the elements, C-ordered
  swapped,  // the same in the other byte order
  other,
};

// The array that a codec is given to encode.
struct ChunkSpec {
  Dims shape;
  DataType dtype;
  std::vector<std::byte> fill_value;  // one element; of a variable type the bytes of one item
  std::shared_ptr<const Extensions> extensions = nullptr;  // for chains inside; may be null
  Serialized serialized = Serialized::no;

  // The fill value as an element in memory, valid as long as this is.
  FillElement fill_element() const;
  // True if all elements are the fill value.
  bool is_all_fill(const ConstArrayView& chunk) const;

  std::size_t decoded_size() const;  // bytes; throws invalid_argument beyond 2^63 - 1
};

// A codec as metadata names it (v3: "codecs", chunk encoding section of the core specification).
struct CodecConfig {
  std::string name;
  Json configuration = Json::Object{};

  // As metadata has it. An empty configuration is left out, but not for numcodecs' names: there
  // zarr-python insists on the member.
  Json to_json() const;

  friend bool operator==(const CodecConfig&, const CodecConfig&) = default;
};

// Array -> array by looking at the same elements in another way; nothing is moved.
class ArrayToArray {
 public:
  virtual ~ArrayToArray() = default;
  virtual Json configuration() const = 0;  // complete, as it is stored
  virtual ChunkSpec encoded_spec() const = 0;
  // A list with an entry for each dimension of the decoded array, as the encoded array has it.
  virtual Dims encoded_dims(const Dims& decoded) const = 0;
  virtual ArrayView encoded_view(const ArrayView& decoded) const = 0;
};

// Array -> array by computing other elements. Works on whole chunks, as contiguous memory: elements
// in native byte order, C-ordered, perhaps not aligned.
class ArrayTransform {
 public:
  virtual ~ArrayTransform() = default;
  virtual Json configuration() const = 0;  // complete, as it is stored
  virtual ChunkSpec encoded_spec() const = 0;
  // Both fill `out` exactly; the memory does not overlap. Encoding throws invalid_argument for
  // elements that cannot be stored, decoding corrupt_data.
  virtual void encode(ByteView decoded, MutableBytes out) const = 0;
  virtual void decode(ByteView encoded, MutableBytes out) const = 0;
};

struct ShardLayout;  // codecs/shard_layout.h

// Array -> bytes.
class ArrayToBytes {
 public:
  virtual ~ArrayToBytes() = default;
  virtual Json configuration() const = 0;
  // No encoded chunk is longer. Where elements have sizes of their own: what no chunk should
  // exceed; nothing is allocated by it.
  virtual std::size_t max_encoded_size() const = 0;
  // True if every encoded chunk has max_encoded_size() bytes.
  virtual bool has_fixed_size() const = 0;
  // True if the encoded bytes are the elements in native order, C-ordered: they can then be read
  // straight into an array, or written straight out of one.
  virtual bool is_memory_image() const = 0;
  // Makes `out` the encoded chunk.
  virtual void encode(const ConstArrayView& chunk, Bytes& out) const = 0;
  // Decodes the part of the chunk that starts at `start`, takes every step-th element and has
  // out.shape elements in each dimension. encoded.size() is right if it is fixed. The bytes of
  // items go to out.arena: nothing refers to `encoded` afterwards.
  virtual void decode_part(ByteView encoded, const Dims& start, const Dims& step,
                           const ArrayView& out) const = 0;
  // For a memory image that was read in place: what decode_part would have refused is refused.
  virtual void check_memory_image(ByteView decoded) const = 0;
  // How the encoded bytes are made up of inner chunks; null for a codec that has none.
  virtual const ShardLayout* shard_layout() const = 0;
};

// Bytes -> bytes.
class BytesToBytes {
 public:
  virtual ~BytesToBytes() = default;
  virtual Json configuration() const = 0;

  virtual std::size_t max_encoded_size(std::size_t decoded_size) const = 0;
  // True if that is what encoding always gives (a checksum).
  virtual bool has_fixed_size() const = 0;
  // Writes to the front of `out`, which has max_encoded_size() bytes; returns how many it wrote.
  virtual std::size_t encode(ByteView decoded, MutableBytes out) const = 0;

  // If decoding only takes bytes away at the ends (a checksum): the checked payload inside
  // `encoded`. nullopt for all other codecs.
  virtual std::optional<ByteView> peel(ByteView encoded) const = 0;
  // Fills `out` exactly. More or fewer decoded bytes, or anything left over, is corrupt_data. Sizes
  // inside the data are never believed, and no memory is allocated by them.
  virtual void decode(ByteView encoded, MutableBytes out) const = 0;
  // No valid data of this size decodes to more bytes: asked before memory is allocated for a chunk
  // that metadata declares to be huge. May look at the data, and must not throw.
  virtual std::uint64_t max_decoded_size(ByteView encoded) const = 0;
  // When the decoded size is not known (a second compressor in a chain): at most `limit` bytes,
  // else corrupt_data.
  virtual Bytes decode_unknown(ByteView encoded, std::size_t limit) const = 0;
};

using AnyCodec = std::variant<std::unique_ptr<ArrayToArray>, std::unique_ptr<ArrayTransform>,
                              std::unique_ptr<ArrayToBytes>, std::unique_ptr<BytesToBytes>>;

}  // namespace zarrloom
