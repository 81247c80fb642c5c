// Codecs and data types that a program brings along, from arrays opened with them.
#include "zarrloom/codecs/extensions.h"

#include <gtest/gtest.h>

#include "codecs/codec_test_tools.h"
#include "fakes/arrays.h"
#include "zarrloom/array/array.h"
#include "zarrloom/array/convert.h"

namespace zarrloom {
namespace {

using testing::expect_contains;
using testing::expect_error;

// Turns all bits over.
class Invert final : public BytesToBytes {
 private:
  Json configuration() const override { return Json::Object{{"mask", 255}}; }
  std::size_t max_encoded_size(std::size_t size) const override { return size; }
  bool has_fixed_size() const override { return true; }
  std::optional<ByteView> peel(ByteView) const override { return std::nullopt; }
  std::uint64_t max_decoded_size(ByteView encoded) const override { return encoded.size(); }
  std::size_t encode(ByteView decoded, MutableBytes out) const override {
    std::transform(decoded.begin(), decoded.end(), out.begin(), [](std::byte b) { return ~b; });
    return decoded.size();
  }
  void decode(ByteView encoded, MutableBytes out) const override {
    if (encoded.size() != out.size()) fail(ErrorCode::corrupt_data, "another size");
    encode(encoded, out);
  }
  Bytes decode_unknown(ByteView encoded, std::size_t limit) const override {
    if (encoded.size() > limit) fail(ErrorCode::corrupt_data, "too long");
    Bytes out(encoded.size());
    encode(encoded, out.span());
    return out;
  }
};

CustomCodec invert(std::string name = "test.invert", std::string v2_id = "test_invert") {
  return {std::move(name), std::move(v2_id),
          [](const Json& configuration, const ChunkSpec& spec) -> AnyCodec {
            if (configuration.find("bad") != nullptr) {
              fail(ErrorCode::invalid_argument, "\"bad\" is bad");
            }
            EXPECT_NE(spec.extensions, nullptr);
            EXPECT_NE(spec.serialized, Serialized::no);
            return std::make_unique<Invert>();
          }};
}

ExtensionType pair_type() {
  ExtensionType type;
  type.name = "test.pair";
  type.item_size = 3;
  type.parse_fill = [](const Json& value, int) {
    return std::vector<std::byte>(3, static_cast<std::byte>(*value.as_int()));
  };
  type.write_fill = [](ByteView element, int) -> Json {
    return std::to_integer<std::int64_t>(element[0]);
  };
  return type;
}

OpenOptions with(std::shared_ptr<const Extensions> extensions, RuntimeOptions runtime = {}) {
  runtime.extensions = std::move(extensions);
  OpenOptions options;
  options.runtime = std::make_shared<Runtime>(runtime);
  return options;
}

TEST(Extensions, ACodecWorksInBothFormatsAndInShards) {
  const Dims shape{7, 9};
  for (const fakes::Workers& workers : fakes::all_workers()) {
    const OpenOptions options = with(make_extensions({invert()}), workers.options);
    for (const int format : {2, 3, 33}) {
      CreateOptions create = fakes::int32_array(shape, {2, 3});
      create.zarr_format = format == 2 ? 2 : 3;
      if (format == 33) create.shard_shape = Dims{4, 6};
      create.compressors = {{CodecConfig{format == 2 ? "test_invert" : "test.invert"}}};
      const auto store = make_memory_store();
      fakes::write_all(Array::create(store, "", create, false, options), fakes::counting(shape));
      const Array array = Array::open(store, "", options);
      EXPECT_EQ(fakes::read_all(array), fakes::counting(shape)) << workers.name << format;
      const std::string message =
          expect_error(ErrorCode::unsupported, [&] { Array::open(store, ""); });
      expect_contains(message, "invert\" is not known");
    }
  }
}

TEST(Extensions, StoredBytesAreTheCodecs) {
  const auto store = make_memory_store();
  CreateOptions create = fakes::int32_array({2}, {2});
  create.zarr_format = 2;
  create.compressors = {{CodecConfig{"test_invert"}}};
  const OpenOptions options = with(make_extensions({invert()}));
  const Array array = Array::create(store, "", create, false, options);
  fakes::write_all(array, {-2, -1});
  const std::optional<Bytes> stored = read_object(*store, "0");
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(std::string(as_text(stored->view())), std::string("\1\0\0\0\0\0\0\0", 8));
  // The complete configuration is stored, and format 3 has it under its other name.
  expect_contains(write_json(write_v2_metadata(array.metadata()), 0), "\"mask\":255");
  const ArrayMetadata converted = convert_metadata(array.metadata(), 3, true);
  EXPECT_EQ(converted.codecs.back().name, "test.invert");
  EXPECT_EQ(convert_metadata(converted, 2, true).v2.compressor, array.metadata().v2.compressor);
}

TEST(Extensions, ErrorsNameTheCodec) {
  CreateOptions create = fakes::int32_array({2}, {2});
  create.compressors = {{CodecConfig{"test.invert", Json::Object{{"bad", 1}}}}};
  const OpenOptions options = with(make_extensions({invert()}));
  expect_contains(
      expect_error(ErrorCode::invalid_argument,
                   [&] { Array::create(make_memory_store(), "", create, false, options); }),
      "codec test.invert: \"bad\" is bad");
}

TEST(Extensions, NamesAreNewAndUnique) {
  const auto refuse = [](std::vector<CustomCodec> codecs, std::vector<ExtensionType> types = {}) {
    expect_error(ErrorCode::invalid_argument,
                 [&] { make_extensions(std::move(codecs), std::move(types)); });
  };
  refuse({invert(""), invert()});
  refuse({invert("zstd", "")});
  refuse({invert("test.a", "zlib")});
  refuse({invert(), invert()});
  refuse({invert("test.a"), invert("test.b")});
  refuse({{"test.none", "", {}}});
  refuse({}, {pair_type(), pair_type()});
  ExtensionType known = pair_type();
  known.name = "int4";
  refuse({}, {known});
}

TEST(Extensions, WhatRunsCodeStaysRefused) {
  const auto extensions = make_extensions({invert("numcodecs.pickle", "pickle")});
  for (const char* name : {"numcodecs.pickle", "pickle"}) {
    expect_contains(
        expect_error(ErrorCode::unsupported, [&] { look_up_v2_codec(name, extensions.get()); }),
        "executes code");
  }
  // Those that are refused for want of a library may be brought along.
  const auto zfpy = make_extensions({invert("numcodecs.zfpy", "zfpy")});
  EXPECT_EQ(look_up_v2_codec("zfpy", zfpy.get()).name, "numcodecs.zfpy");
}

TEST(Extensions, ADataTypeHasItsOwnFillValue) {
  const OpenOptions options = with(make_extensions({}, {pair_type()}));
  for (const int format : {2, 3}) {
    CreateOptions create = fakes::int32_array({5}, {2});
    create.zarr_format = format;
    create.dtype = look_up_dtype("test.pair", options.runtime->options().extensions.get());
    create.fill_value = FillValue(3, std::byte{7});
    const auto store = make_memory_store();
    Array::create(store, "", create, false, options);
    const Array array = Array::open(store, "", options);
    EXPECT_EQ(array.dtype().numpy_name(), "test.pair");
    EXPECT_EQ(array.metadata().fill_value, *create.fill_value);
    std::vector<std::byte> out(15);
    array.read(Selection::all({5}), c_view(MutableBytes(out), {5}, 3));
    EXPECT_EQ(out, std::vector<std::byte>(15, std::byte{7}));
    expect_error(ErrorCode::unsupported, [&] { Array::open(store, ""); });
  }
}

}  // namespace
}  // namespace zarrloom
