// The array codecs that are registered for format 3 in their own right.
#include <cmath>
#include <limits>

#include "codecs/codec_test_tools.h"
#include "zarrloom/codecs/chain.h"

namespace zarrloom::testing {
namespace {

CodecConfig codec(std::string_view name, std::string_view configuration = "{}") {
  return {std::string(name), parse_json(configuration)};
}

CodecChain chain_of(CodecConfig first, std::string_view dtype, std::int64_t count) {
  std::vector<CodecConfig> codecs{std::move(first)};
  if (codecs[0].name != "packbits") {
    codecs.push_back(codec("bytes", R"({"endian": "little"})"));
  }
  return CodecChain(codecs, spec_of({count}, dtype));
}

template <typename T>
Bytes stored_by(const CodecChain& chain, const std::vector<T>& values) {
  Workspace workspace;
  const ByteView bytes{reinterpret_cast<const std::byte*>(values.data()),
                       values.size() * sizeof(T)};
  return Bytes::copy_of(chain.encode(c_view(bytes, chain.spec().shape, sizeof(T)), workspace));
}

template <typename T>
std::vector<T> loaded_by(const CodecChain& chain, ByteView stored) {
  std::vector<T> values(static_cast<std::size_t>(chain.spec().shape[0]));
  const MutableBytes bytes{reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(T)};
  Workspace workspace;
  chain.decode(stored, c_view(bytes, chain.spec().shape, sizeof(T)), workspace);
  return values;
}

template <typename T>
std::vector<T> elements_of(const Bytes& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::copy_n(bytes.data(), bytes.size(), reinterpret_cast<std::byte*>(values.data()));
  return values;
}

void expect_bytes(const Bytes& bytes, std::initializer_list<int> wanted) {
  EXPECT_TRUE(std::ranges::equal(bytes.view(), bytes_of(wanted).view()));
}

TEST(Packbits, LowestBitsFirst) {
  const std::vector<std::uint8_t> bits{1, 0, 1, 1, 0, 0, 0, 1, 1};
  const CodecChain plain = chain_of(codec("packbits"), "bool", 9);
  expect_bytes(stored_by(plain, bits), {0b10001101, 1});
  const CodecChain first =
      chain_of(codec("packbits", R"({"padding_encoding": "first_byte"})"), "bool", 9);
  expect_bytes(stored_by(first, bits), {7, 0b10001101, 1});
  const CodecChain last =
      chain_of(codec("packbits", R"({"padding_encoding": "last_byte"})"), "bool", 9);
  expect_bytes(stored_by(last, bits), {0b10001101, 1, 7});
  EXPECT_EQ(loaded_by<std::uint8_t>(last, bytes_of({0b10001101, 1, 7}).view()), bits);
  expect_error(ErrorCode::corrupt_data,
               [&] { loaded_by<std::uint8_t>(last, bytes_of({0b10001101, 1, 6}).view()); });
}

TEST(Packbits, SomeBitsOfNumbers) {
  const CodecChain nibbles =
      chain_of(codec("packbits", R"({"first_bit": 0, "last_bit": 3})"), "int8", 3);
  const std::vector<std::int8_t> values{7, -8, -1};
  expect_bytes(stored_by(nibbles, values), {0x87, 0x0f});
  EXPECT_EQ(loaded_by<std::int8_t>(nibbles, bytes_of({0x87, 0x0f}).view()), values);
  const CodecChain upper =
      chain_of(codec("packbits", R"({"first_bit": 4, "last_bit": 15})"), "uint16", 2);
  expect_bytes(stored_by(upper, std::vector<std::uint16_t>{0x123f, 0xabcd}), {0x23, 0xc1, 0xab});
  EXPECT_EQ(loaded_by<std::uint16_t>(upper, bytes_of({0x23, 0xc1, 0xab}).view()),
            (std::vector<std::uint16_t>{0x1230, 0xabc0}));
  for (const char* bad : {R"({"first_bit": 8})", R"({"first_bit": 3, "last_bit": 2})",
                          R"({"last_bit": 8})", R"({"padding_encoding": "middle"})"}) {
    expect_error(ErrorCode::invalid_argument, [&] { chain_of(codec("packbits", bad), "int8", 1); });
  }
  expect_error(ErrorCode::unsupported, [] { chain_of(codec("packbits"), "S4", 1); });
}

TEST(ScaleOffset, ComputesInTheTypeOfTheElements) {
  const CodecChain floats =
      chain_of(codec("scale_offset", R"({"offset": 5, "scale": 0.5})"), "float32", 2);
  const Bytes stored = stored_by(floats, std::vector<float>{7.0f, 5.0f});
  EXPECT_EQ(elements_of<float>(stored), (std::vector<float>{1.0f, 0.0f}));
  EXPECT_EQ(loaded_by<float>(floats, stored.view()), (std::vector<float>{7.0f, 5.0f}));
  const CodecChain integers =
      chain_of(codec("scale_offset", R"({"offset": 10, "scale": 3})"), "int16", 3);
  const Bytes whole = stored_by(integers, std::vector<std::int16_t>{9, 10, 12});
  EXPECT_EQ(elements_of<std::int16_t>(whole), (std::vector<std::int16_t>{-3, 0, 6}));
  // -4 // 3 is -2 in Python.
  EXPECT_EQ(loaded_by<std::int16_t>(integers, bytes_of({0xfc, 0xff, 0, 0, 5, 0}).view()),
            (std::vector<std::int16_t>{8, 10, 11}));
  for (const char* bad : {R"({"scale": 0})", R"({"scale": 1.5})", R"({"offset": 40000})"}) {
    expect_error(ErrorCode::invalid_argument,
                 [&] { chain_of(codec("scale_offset", bad), "int16", 1); });
  }
  expect_error(ErrorCode::unsupported, [] { chain_of(codec("scale_offset"), "bool", 1); });
}

TEST(ScaleOffset, TheFillValueIsEncodedToo) {
  ChunkSpec spec = spec_of({2}, "uint8");
  spec.fill_value[0] = std::byte{7};
  const auto made =
      find_codec("scale_offset").make(parse_json(R"({"offset": 5, "scale": 3})"), spec);
  const auto& transform = std::get<std::unique_ptr<ArrayTransform>>(made);
  EXPECT_EQ(transform->encoded_spec().fill_value[0], std::byte{6});
}

std::vector<std::int8_t> cast_to_int8(const char* more, const std::vector<double>& values) {
  const std::string configuration = std::string(R"({"data_type": "int8")") + more + "}";
  const CodecChain chain = chain_of(codec("cast_value", configuration), "float64",
                                    static_cast<std::int64_t>(values.size()));
  return elements_of<std::int8_t>(stored_by(chain, values));
}

TEST(CastValue, Rounding) {
  using Values = std::vector<std::int8_t>;
  const std::vector<double> given{2.5, -2.5, 1.2, -1.2, 127.4};
  EXPECT_EQ(cast_to_int8("", given), (Values{2, -2, 1, -1, 127}));
  EXPECT_EQ(cast_to_int8(R"(, "rounding": "towards-zero")", given), (Values{2, -2, 1, -1, 127}));
  EXPECT_EQ(cast_to_int8(R"(, "rounding": "nearest-away")", given), (Values{3, -3, 1, -1, 127}));
  EXPECT_EQ(cast_to_int8(R"(, "rounding": "towards-negative")", given),
            (Values{2, -3, 1, -2, 127}));
  const std::vector<double> smaller{2.5, -2.5, 1.2, -1.2};
  EXPECT_EQ(cast_to_int8(R"(, "rounding": "towards-positive")", smaller), (Values{3, -2, 2, -1}));
}

TEST(CastValue, OutOfRange) {
  using Values = std::vector<std::int8_t>;
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(cast_to_int8(R"(, "out_of_range": "clamp")", {128, -129, infinity, -infinity, 5}),
            (Values{127, -128, 127, -128, 5}));
  EXPECT_EQ(cast_to_int8(R"(, "out_of_range": "wrap")", {128, -129, 256, 1e6}),
            (Values{-128, 127, 0, 64}));
  const double nan = std::nan("");
  for (double wrong : {128.0, -128.6, infinity, nan}) {
    expect_error(ErrorCode::invalid_argument, [&] { cast_to_int8("", {wrong}); });
  }
  for (const char* mode : {R"(, "out_of_range": "clamp")", R"(, "out_of_range": "wrap")"}) {
    expect_error(ErrorCode::invalid_argument, [&] { cast_to_int8(mode, {nan}); });
  }
  expect_error(ErrorCode::invalid_argument,
               [&] { cast_to_int8(R"(, "out_of_range": "wrap")", {infinity}); });
}

TEST(CastValue, ScalarMapComesFirst) {
  const CodecChain chain =
      chain_of(codec("cast_value", R"({"data_type": "uint8", "out_of_range": "clamp", "scalar_map":
            {"encode": [["NaN", 255], [-1, 254]], "decode": [[255, "NaN"]]}})"),
               "float32", 3);
  const Bytes stored = stored_by(chain, std::vector<float>{std::nanf(""), -1.0f, -2.0f});
  expect_bytes(stored, {255, 254, 0});
  const std::vector<float> loaded = loaded_by<float>(chain, stored.view());
  EXPECT_TRUE(std::isnan(loaded[0]));
  EXPECT_EQ(loaded[1], 254.0f);
  for (const char* bad :
       {R"({"data_type": "uint8", "scalar_map": {"encode": [["NaN", 256]]}})",
        R"({"data_type": "uint8", "scalar_map": {"encode": [1]}})",
        R"({"data_type": "uint8", "scalar_map": {"forth": []}})", R"({"data_type": 8})", "{}",
        R"({"data_type": "float64", "out_of_range": "wrap"})",
        R"({"data_type": "uint8", "rounding": "up"})"}) {
    expect_error(ErrorCode::invalid_argument,
                 [&] { chain_of(codec("cast_value", bad), "float32", 1); });
  }
  expect_error(ErrorCode::unsupported,
               [] { chain_of(codec("cast_value", R"({"data_type": "bool"})"), "int8", 1); });
}

// What is stored may be what no writer can have meant.
TEST(CastValue, StoredValuesThatTheArrayCannotHoldAreCorrupt) {
  const CodecChain chain = chain_of(codec("cast_value", R"({"data_type": "int16"})"), "uint8", 1);
  expect_error(ErrorCode::corrupt_data,
               [&] { loaded_by<std::uint8_t>(chain, bytes_of({0xff, 0xff}).view()); });
}

}  // namespace
}  // namespace zarrloom::testing
