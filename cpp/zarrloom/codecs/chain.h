// A codec chain, bound to its chunk: what turns a stored object into elements and back.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "zarrloom/codecs/codec.h"

namespace zarrloom {

// Buffers that one thread reuses from chunk to chunk. Not shared between threads.
struct Workspace {
  Bytes stored;   // free for the caller: the object as it was read
  Bytes decoded;  // free for the caller: a chunk as an array
  Bytes stage_a;  // the chain's own
  Bytes stage_b;  // the chain's own
  Bytes array_a;  // the chain's own, for transforms
  Bytes array_b;  // the chain's own, for transforms
};

class ArraySteps;  // codecs/array_steps.h

// This thread's own workspace. A buffer above 64 MiB should be given back by trim_workspace().
Workspace& thread_workspace();
void trim_workspace(Workspace& workspace);

class CodecChain {
 public:
  // Zero or more array->array codecs, one array->bytes, zero or more bytes->bytes, in this order
  // (v3 core specification, "Chunk encoding"). Throws invalid_argument or unsupported.
  CodecChain(const std::vector<CodecConfig>& codecs, ChunkSpec spec);
  ~CodecChain();
  CodecChain(CodecChain&&) noexcept;

  const ChunkSpec& spec() const { return spec_; }
  std::size_t decoded_size() const { return decoded_size_; }
  std::vector<CodecConfig> configs() const;  // complete, as they are stored
  // Which of them is the array->bytes codec.
  std::size_t serializer_index() const { return transformed_ + views_.size(); }

  // True if every stored object of this chain has the same size, max_stored_size().
  bool has_fixed_size() const;

  // The layout of stored objects that are shards whose inner chunks can be got at by byte ranges:
  // null if they are none, or if a codec follows that has to be undone as a whole.
  const ShardLayout* shard_layout() const;
  // An inner chunk of such a shard: its chain, for the array's own order of dimensions.
  CodecChain inner_chain() const;

  // A list with an entry for each dimension of the array, as the array->bytes codec sees it.
  Dims encoded_dims(const Dims& decoded) const;

  // True if the stored object is the chunk's memory: native order, C-ordered, not compressed.
  bool is_memory_image() const { return memory_image_; }

  // An object longer than this cannot be a chunk of this chain and need not be read.
  std::size_t max_stored_size() const { return max_stored_size_; }

  // Decodes the part of the chunk that starts at `start`, takes every step-th element and has
  // out.shape elements. Into `out` directly where part and layout allow. Throws corrupt_data with a
  // message that names the codec.
  void decode_part(ByteView stored, const Dims& start, const Dims& step, const ArrayView& out,
                   Workspace& workspace) const;
  // The whole chunk; out.shape is spec().shape.
  void decode(ByteView stored, const ArrayView& out, Workspace& workspace) const;

  // For a memory image that was read in place (only bool can hold wrong bytes).
  void check_memory_image(ByteView decoded) const;

  // chunk.shape is spec().shape. The result lies in `chunk` itself (memory image, contiguous) or in
  // the workspace's stages, and is valid until either changes.
  ByteView encode(const ConstArrayView& chunk, Workspace& workspace) const;

 private:
  void add(const std::string& name, AnyCodec codec, ChunkSpec& encoded);
  void set_max_stored_size();
  const std::string& serializer_name() const { return names_[serializer_index()]; }
  const std::string& compressor_name(std::size_t i) const;
  bool keeps_memory() const;
  std::size_t stage_limit(std::size_t i, ByteView encoded) const;
  Bytes decode_unknown(std::size_t i, ByteView encoded) const;
  void check_plausible(std::size_t i, ByteView encoded) const;
  void check_serialized_size(std::size_t size) const;
  void decode_transformed(ByteView stored, const Dims& start, const Dims& step,
                          const ArrayView& out, Workspace& workspace) const;
  std::optional<ByteView> undo_compressors(ByteView stored, const ArrayView* in_place, Bytes& held,
                                           Workspace& workspace) const;
  void decode_in_place(ByteView encoded, const ArrayView& view) const;
  ByteView decode_to_stage(ByteView encoded, Workspace& workspace) const;

  ChunkSpec spec_;
  std::vector<std::string> names_;     // of all codecs, in order
  std::unique_ptr<ArraySteps> steps_;  // all up to the last transform; null if there is none
  std::size_t transformed_ = 0;        // codecs in steps_
  ChunkSpec viewed_;                   // the array that views_ are given: spec_ without steps_
  std::vector<std::unique_ptr<ArrayToArray>> views_;
  std::unique_ptr<ArrayToBytes> serializer_;
  std::vector<std::unique_ptr<BytesToBytes>> compressors_;
  std::vector<std::size_t> stage_limits_;  // the most bytes that compressor i decodes to
  std::size_t decoded_size_ = 0;
  std::size_t max_stored_size_ = 0;
  bool memory_image_ = false;
};

}  // namespace zarrloom
