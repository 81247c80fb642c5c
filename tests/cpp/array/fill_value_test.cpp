#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/expect_error.h"
#include "zarrloom/array/metadata.h"
#include "zarrloom/base/base64.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

DataType type(const char* name) { return dtype_from_numpy_name(name); }

template <typename T>
T bits_of(const FillValue& value) {
  T bits{};
  EXPECT_EQ(value.size(), sizeof bits);
  std::memcpy(&bits, value.data(), std::min(sizeof bits, value.size()));
  return bits;
}

template <typename T>
FillValue fill_of(T value) {
  FillValue fill(sizeof value);
  std::memcpy(fill.data(), &value, sizeof value);
  return fill;
}

FillValue bytes_of(std::string_view text) {
  const ByteView view = as_byte_view(text);
  return {view.begin(), view.end()};
}

FillValue v3(const char* json, const char* name) {
  return parse_v3_fill_value(parse_json(json), type(name));
}

FillValue v2(const char* json, const char* name) {
  return parse_v2_fill_value(parse_json(json, {.allow_nan = true}), type(name));
}

template <typename Call>
ErrorCode code_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;  // nothing was thrown
}

// What is written for the value that the text means.
std::string rewritten(const char* json, const char* name) {
  return write_json(write_v3_fill_value(v3(json, name), type(name)), 0);
}

TEST(FillValue, A5SpecialFloatsHaveTheirBits) {
  EXPECT_EQ(bits_of<std::uint32_t>(v3(R"("NaN")", "float32")), 0x7fc00000u);
  EXPECT_EQ(bits_of<std::uint64_t>(v3(R"("NaN")", "float64")), 0x7ff8000000000000u);
  EXPECT_EQ(bits_of<std::uint16_t>(v3(R"("NaN")", "float16")), 0x7e00);
  EXPECT_EQ(bits_of<std::uint32_t>(v3(R"("Infinity")", "float32")), 0x7f800000u);
  EXPECT_EQ(bits_of<std::uint16_t>(v3(R"("-Infinity")", "float16")), 0xfc00);
  EXPECT_EQ(bits_of<std::uint64_t>(v3("-0.0", "float64")), std::uint64_t{1} << 63);
  EXPECT_EQ(bits_of<std::uint16_t>(v3("-0.0", "float16")), 0x8000);
  EXPECT_EQ(bits_of<float>(v3("3", "float32")), 3.0f);
  EXPECT_EQ(bits_of<double>(v3("18446744073709551616", "float64")), 0x1p64);
}

TEST(FillValue, A5BitPatternsAreKeptAndRewritten) {
  for (const char* text : {R"("0x7fc00001")", R"("0x7fa00000")", R"("0xffc00000")"}) {
    EXPECT_EQ(rewritten(text, "float32"), text);
  }
  EXPECT_EQ(bits_of<std::uint32_t>(v3(R"("0x7fa00000")", "float32")), 0x7fa00000u);
  EXPECT_EQ(rewritten(R"("0xfff8000000000123")", "float64"), R"("0xfff8000000000123")");
  EXPECT_EQ(rewritten(R"("0x7e01")", "float16"), R"("0x7e01")");
  EXPECT_EQ(rewritten(R"(["0x7fc00001", -0.0])", "complex64"), R"(["0x7fc00001",-0.0])");
  // The canonical NaN and numbers have a shorter name.
  EXPECT_EQ(rewritten(R"("0x7FC00000")", "float32"), R"("NaN")");
  EXPECT_EQ(rewritten(R"("0x80000000")", "float32"), "-0.0");
  EXPECT_EQ(rewritten(R"("0xfc00")", "float16"), R"("-Infinity")");
}

TEST(FillValue, A5BitPatternsOfAnotherWidthAreRefused) {
  for (const char* text : {R"("0x7fc0")", R"("0x7fc000000")", R"("0x7fc0000g")", R"("7fc00000")",
                           R"("0x")", R"("nan")", R"("1.5")", R"("0x-fc0000")"}) {
    EXPECT_EQ(code_of([&] { v3(text, "float32"); }), ErrorCode::corrupt_metadata) << text;
  }
  EXPECT_EQ(code_of([] { v2(R"("0x7fc00001")", "float32"); }), ErrorCode::corrupt_metadata);
}

TEST(FillValue, A5ValuesOutOfRangeAreRefused) {
  const std::vector<std::pair<const char*, const char*>> wrong{{"300", "uint8"},
                                                               {"256", "uint8"},
                                                               {"-1", "uint8"},
                                                               {"128", "int8"},
                                                               {"-129", "int8"},
                                                               {"65536", "uint16"},
                                                               {"-1", "uint64"},
                                                               {"2147483648", "int32"},
                                                               {"18446744073709551616", "uint64"},
                                                               {"9223372036854775808", "int64"},
                                                               {"65520", "float16"},
                                                               {"1e39", "float32"},
                                                               {"1e400", "float64"},
                                                               {"1e400", "int8"}};
  for (const auto& [text, name] : wrong) {
    EXPECT_EQ(code_of([&] { v3(text, name); }), ErrorCode::corrupt_metadata) << text << name;
  }
  EXPECT_EQ(code_of([] { v2("18446744073709551616.0", "uint64"); }), ErrorCode::corrupt_metadata);
}

TEST(FillValue, IntegersAreExactUpTo64Bits) {
  EXPECT_EQ(bits_of<std::uint64_t>(v3("18446744073709551615", "uint64")),
            std::numeric_limits<std::uint64_t>::max());
  for (const auto& [text, name] :
       std::vector<std::pair<const char*, const char*>>{{"18446744073709551615", "uint64"},
                                                        {"9223372036854775807", "int64"},
                                                        {"-9223372036854775808", "int64"},
                                                        {"-128", "int8"},
                                                        {"-1", "int16"},
                                                        {"65535", "uint16"},
                                                        {"-2147483648", "int32"}}) {
    EXPECT_EQ(rewritten(text, name), text);
  }
}

TEST(FillValue, KindsAreNotMixed) {
  const std::vector<std::pair<const char*, const char*>> wrong{{"1.0", "int32"},
                                                               {"true", "int32"},
                                                               {R"("1")", "int32"},
                                                               {"1", "bool"},
                                                               {R"("NaT")", "int64"},
                                                               {"true", "float32"},
                                                               {"null", "float32"},
                                                               {"1.0", "complex64"},
                                                               {"[1]", "complex64"},
                                                               {"[1, 2, 3]", "complex128"},
                                                               {"[true, 1]", "complex64"},
                                                               {"1.5", "datetime64[ns]"},
                                                               {"7", "V2"},
                                                               {"[[1], 2]", "V2"}};
  for (const auto& [text, name] : wrong) {
    EXPECT_EQ(code_of([&] { v3(text, name); }), ErrorCode::corrupt_metadata) << text << name;
  }
}

TEST(FillValue, Float16RoundsToNearestEven) {
  const auto half = [](double value) {
    return bits_of<std::uint16_t>(parse_v3_fill_value(value, type("float16")));
  };
  EXPECT_EQ(half(1.0), 0x3c00);
  EXPECT_EQ(half(-1.5), 0xbe00);
  EXPECT_EQ(half(65504), 0x7bff);
  EXPECT_EQ(half(65519.99), 0x7bff);
  EXPECT_EQ(half(0x1p-24), 0x0001);
  EXPECT_EQ(half(0x1p-25), 0x0000);            // a tie, to even
  EXPECT_EQ(half(0x1.8p-24), 0x0002);          // a tie, to even
  EXPECT_EQ(half(1023.75 * 0x1p-24), 0x0400);  // the smallest normal number
  EXPECT_EQ(half(1 + 0x1p-11), 0x3c00);        // a tie
  EXPECT_EQ(half(1 + 3 * 0x1p-11), 0x3c02);    // a tie
  EXPECT_EQ(half(1.9999), 0x4000);             // carries into the exponent
  EXPECT_EQ(half(1e-300), 0x0000);
}

// Also proves that no two bit patterns are written alike.
TEST(FillValue, EveryFloat16ComesBack) {
  const DataType dtype = type("float16");
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const FillValue value = fill_of(static_cast<std::uint16_t>(bits));
    const std::string text = write_json(write_v3_fill_value(value, dtype));
    ASSERT_EQ(parse_v3_fill_value(parse_json(text), dtype), value) << text;
  }
}

TEST(FillValue, Float32IsWrittenExactly) {
  EXPECT_EQ(rewritten("0.1", "float32"), "0.10000000149011612");
  for (float value : {0.1f, 1e-45f, 3.4028235e38f, -1.17549435e-38f, 16777217.0f}) {
    const std::string text = write_json(write_v3_fill_value(fill_of(value), type("float32")));
    EXPECT_EQ(v3(text.c_str(), "float32"), fill_of(value));
  }
}

TEST(FillValue, BytesAreListsOrBase64) {
  EXPECT_EQ(v3("[0, 128, 255]", "V3"), bytes_of({"\x00\x80\xff", 3}));
  EXPECT_EQ(v3(R"("AID/")", "V3"), bytes_of({"\x00\x80\xff", 3}));
  EXPECT_EQ(rewritten("[0, 128, 255]", "V3"), "[0,128,255]");
  for (const char* text : {"[0, 128]", "[0, 1, 256]", "[0, 1, -1]", "[0, 1, 2, 3]", "[0, 1, 2.0]",
                           R"("AID")", R"("AID/AA==")", R"("A*D/")", "0"}) {
    EXPECT_EQ(code_of([&] { v3(text, "V3"); }), ErrorCode::corrupt_metadata) << text;
  }
  // zarr-python cuts NULs off.
  EXPECT_EQ(v3(R"("YWI=")", "S4"), bytes_of({"ab\0\0", 4}));
  EXPECT_EQ(rewritten(R"("YWIAAA==")", "S4"), R"("YWI=")");
  EXPECT_EQ(rewritten(R"("")", "S4"), R"("")");
}

TEST(FillValue, V2BytesAreBase64) {
  EXPECT_EQ(v2(R"("AQID")", "V3"), bytes_of("\1\2\3"));
  EXPECT_EQ(v2(R"("YWI=")", "S4"), bytes_of({"ab\0\0", 4}));
  EXPECT_EQ(v2(R"("")", "S2"), FillValue(2));
  EXPECT_EQ(v2("0", "S2"), FillValue(2));
  EXPECT_EQ(v2("null", "V2"), FillValue(2));
  EXPECT_EQ(code_of([] { v2(R"("YWJj")", "S2"); }), ErrorCode::corrupt_metadata);
  EXPECT_EQ(code_of([] { v2("[1, 2]", "V2"); }), ErrorCode::corrupt_metadata);
  EXPECT_EQ(write_v2_fill_value(bytes_of({"\1\0\0", 3}), type("V3")), Json("AQAA"));
  EXPECT_EQ(write_v2_fill_value(bytes_of({"a\0\0", 3}), type("S3")), Json("YQ=="));
}

TEST(FillValue, TimesAreIntegersOrNaT) {
  const FillValue nat = fill_of(std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(v3(R"("NaT")", "datetime64[ns]"), nat);
  EXPECT_EQ(v2(R"("NaT")", "timedelta64[s]"), nat);
  EXPECT_EQ(rewritten(R"("NaT")", "datetime64[ns]"), "-9223372036854775808");
  EXPECT_EQ(rewritten("-9223372036854775808", "timedelta64"), "-9223372036854775808");
  EXPECT_EQ(rewritten("12345", "datetime64[D]"), "12345");
}

TEST(FillValue, A4V2ReadsWhatOldWritersWrote) {
  EXPECT_EQ(bits_of<std::uint32_t>(v2("NaN", "float32")), 0x7fc00000u);
  EXPECT_EQ(bits_of<std::uint64_t>(v2("-Infinity", "float64")), 0xfff0000000000000u);
  EXPECT_EQ(v2("0.0", "int32"), FillValue(4));
  EXPECT_EQ(v2("-7.0", "int8"), fill_of(std::int8_t{-7}));
  EXPECT_EQ(code_of([] { v2("1.5", "int32"); }), ErrorCode::corrupt_metadata);
  EXPECT_EQ(code_of([] { v2("NaN", "int32"); }), ErrorCode::corrupt_metadata);
  EXPECT_EQ(v2("1", "bool"), fill_of(true));
  EXPECT_EQ(v2("false", "bool"), fill_of(false));
  EXPECT_EQ(code_of([] { v2("2", "bool"); }), ErrorCode::corrupt_metadata);
  EXPECT_EQ(v2("null", "float64"), FillValue(8));
}

TEST(FillValue, A4V2WritesNaNAsAString) {
  EXPECT_EQ(write_v2_fill_value(fill_of(0x7fc00000u), type("float32")), Json("NaN"));
  EXPECT_EQ(write_v2_fill_value(fill_of(0x7fc00001u), type("float32")), Json("NaN"));
  EXPECT_EQ(write_v2_fill_value(fill_of(0xff800000u), type("float32")), Json("-Infinity"));
}

TEST(FillValue, ThePartsOfComplexNumbersAreInOrder) {
  const FillValue value = v3(R"([1.5, "-Infinity"])", "complex128");
  double parts[2];
  ASSERT_EQ(value.size(), sizeof parts);
  std::memcpy(parts, value.data(), sizeof parts);
  EXPECT_EQ(parts[0], 1.5);
  EXPECT_EQ(parts[1], -std::numeric_limits<double>::infinity());
  EXPECT_EQ(rewritten(R"([1.5, "-Infinity"])", "complex128"), R"([1.5,"-Infinity"])");
}

TEST(FillValue, AValueOfAnotherSizeIsNotWritten) {
  EXPECT_EQ(code_of([] { write_v3_fill_value(FillValue(3), type("int32")); }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code_of([] { write_v2_fill_value({}, type("S4")); }), ErrorCode::invalid_argument);
}

TEST(Base64, KnownTextsAndBack) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfb", "//77"}};
  for (const auto& [plain, text] : rows) {
    EXPECT_EQ(base64_encode(as_byte_view(plain)), text);
    EXPECT_EQ(base64_decode(text), bytes_of(plain));
  }
  for (const char* text :
       {"Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9", "=m9v"}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

TEST(FillValue, OfStructuredTypesByFields) {
  const DataType dtype = dtype_from_numpy_name(R"([["a","<i2"],["b",[["c","|u1"],["d","<U2"]]]])");
  const Json value = parse_json(R"({"b": {"c": 7, "d": "é"}, "a": -2})");
  const FillValue fill = parse_v3_fill_value(value, dtype);
  ASSERT_EQ(fill.size(), 11u);
  EXPECT_EQ(fill[0], std::byte{0xfe});
  EXPECT_EQ(fill[2], std::byte{7});
  EXPECT_EQ(fill[3], std::byte{0xe9});
  EXPECT_EQ(parse_v3_fill_value(write_fields_fill_value(fill, dtype), dtype), fill);
  EXPECT_EQ(parse_v3_fill_value(write_v3_fill_value(fill, dtype), dtype), fill);
  for (const char* wrong : {R"({"a": 1})", R"({"a": 1, "b": {"c": 1, "d": ""}, "e": 2})",
                            R"({"a": 70000, "b": {"c": 1, "d": ""}})",
                            R"({"a": 1, "b": {"c": 1, "d": "xyz"}})", "[1]", "1"}) {
    SCOPED_TRACE(wrong);
    expect_error(ErrorCode::corrupt_metadata,
                 [&] { parse_v3_fill_value(parse_json(wrong), dtype); });
  }
}

}  // namespace
}  // namespace zarrloom
