#include "zarrloom/base/dtype.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/expect_error.h"

namespace zarrloom {
namespace {

struct Row {
  const char* name;
  const char* v2;  // little endian
  Kind kind;
  std::size_t item_size;
  std::size_t swap_size;
  const char* unit = "";
  std::int64_t scale = 1;
};

const std::vector<Row> kRows{
    {"bool", "|b1", Kind::boolean, 1, 1},
    {"int8", "|i1", Kind::signed_integer, 1, 1},
    {"int16", "<i2", Kind::signed_integer, 2, 2},
    {"int32", "<i4", Kind::signed_integer, 4, 4},
    {"int64", "<i8", Kind::signed_integer, 8, 8},
    {"uint8", "|u1", Kind::unsigned_integer, 1, 1},
    {"uint16", "<u2", Kind::unsigned_integer, 2, 2},
    {"uint32", "<u4", Kind::unsigned_integer, 4, 4},
    {"uint64", "<u8", Kind::unsigned_integer, 8, 8},
    {"float16", "<f2", Kind::floating, 2, 2},
    {"float32", "<f4", Kind::floating, 4, 4},
    {"float64", "<f8", Kind::floating, 8, 8},
    {"complex64", "<c8", Kind::complex, 8, 4},
    {"complex128", "<c16", Kind::complex, 16, 8},
    {"V1", "|V1", Kind::raw, 1, 1},
    {"V123", "|V123", Kind::raw, 123, 1},
    {"S4", "|S4", Kind::fixed_bytes, 4, 1},
    {"datetime64", "<M8", Kind::datetime, 8, 8},
    {"datetime64[ns]", "<M8[ns]", Kind::datetime, 8, 8, "ns"},
    {"datetime64[D]", "<M8[D]", Kind::datetime, 8, 8, "D"},
    {"datetime64[10us]", "<M8[10us]", Kind::datetime, 8, 8, "us", 10},
    {"U3", "<U3", Kind::unicode, 12, 4},
    {"timedelta64", "<m8", Kind::timedelta, 8, 8},
    {"timedelta64[25s]", "<m8[25s]", Kind::timedelta, 8, 8, "s", 25},
};

TEST(DataType, NamesInBothDirections) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    const DataType dtype = dtype_from_numpy_name(row.name);
    EXPECT_EQ(dtype, (DataType{row.kind, row.item_size, row.unit, row.scale, {}}));
    EXPECT_EQ(dtype.swap_size(), row.swap_size);
    EXPECT_EQ(dtype.numpy_name(), row.name);
  }
}

TEST(DataType, V2SpellingsInBothDirections) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.v2);
    const DataType dtype = dtype_from_numpy_name(row.name);
    EXPECT_EQ(dtype_to_v2(dtype, false), row.v2);
    const V2DataType little = dtype_from_v2(row.v2);
    EXPECT_EQ(little.dtype, dtype);
    EXPECT_FALSE(little.big_endian);

    std::string big_text = row.v2;
    if (row.swap_size > 1) big_text[0] = '>';
    EXPECT_EQ(dtype_to_v2(dtype, true), big_text);
    const V2DataType big = dtype_from_v2(big_text);
    EXPECT_EQ(big.dtype, dtype);
    EXPECT_EQ(big.big_endian, row.swap_size > 1);
  }
}

TEST(DataType, ABarCountsAsLittle) {
  EXPECT_EQ(dtype_from_v2("|i4").dtype, dtype_from_numpy_name("int32"));
  EXPECT_FALSE(dtype_from_v2("|i4").big_endian);
  EXPECT_EQ(dtype_from_v2("<u1").dtype, dtype_from_numpy_name("uint8"));
}

TEST(DataType, EveryUnitOfNumpy) {
  for (const char* unit : {"Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"}) {
    EXPECT_EQ(dtype_from_v2("<M8[" + std::string(unit) + "]").dtype.unit, unit);
  }
  EXPECT_EQ(dtype_from_numpy_name("datetime64[generic]").unit, "");
}

TEST(DataType, UnknownNamesSayWhatIsKnown) {
  for (const char* name : {"",
                           "int",
                           "int128",
                           "Int8",
                           "float128",
                           "object",
                           "str",
                           "V",
                           "V0",
                           "S0",
                           "V-1",
                           "V+1",
                           "S4 ",
                           "V99999999999999999999",
                           "datetime64[",
                           "datetime64[]",
                           "datetime64[xx]",
                           "datetime64[0s]",
                           "datetime64[10]",
                           "datetime64[-1s]",
                           "datetime64[9999999999s]",
                           "datetime64ns",
                           "datetime64[ns]]",
                           "<i4"}) {
    SCOPED_TRACE(name);
    const std::string message =
        expect_error(ErrorCode::unsupported, [&] { dtype_from_numpy_name(name); });
    EXPECT_NE(message.find("\"" + std::string(name) + "\""), std::string::npos) << message;
    for (const char* known :
         {"bool", "uint64", "complex128", "V<", "S<", "datetime64[", "timedelta64["}) {
      EXPECT_NE(message.find(known), std::string::npos) << message;
    }
  }
}

TEST(DataType, UnknownV2Spellings) {
  for (const char* text : {"", "<", "i4", "=i4", "<i3", "<i16", "<f16", "<c32", "|O", "<U", "<U0",
                           "|V", "|V0", "|S0", "<M4[ns]", "<M8[xx]", "<M8ns", "<i4 ", "int32"}) {
    SCOPED_TRACE(text);
    const std::string message = expect_error(ErrorCode::unsupported, [&] { dtype_from_v2(text); });
    EXPECT_NE(message.find("\"" + std::string(text) + "\""), std::string::npos) << message;
  }
}

TEST(DataType, StructuredTypesKeepOrderShapesAndPadding) {
  const char* text =
      R"([["a","<i2"],["","|V2"],["b",">f8",[2,3]],["c",[["x","|u1"],["y",">U2"]]]])";
  const DataType dtype = dtype_from_numpy_name(text);
  EXPECT_EQ(dtype.kind, Kind::structured);
  EXPECT_EQ(dtype.item_size, 2u + 2 + 48 + 1 + 8);
  EXPECT_EQ(dtype.swap_size(), 1u);
  EXPECT_TRUE(dtype.fields[2].big_endian);
  EXPECT_EQ(dtype.fields[2].size(), 48u);
  EXPECT_EQ(dtype.numpy_name(), text);
  EXPECT_EQ(dtype_from_v2_json(dtype_to_v2_json(dtype, false)).dtype, dtype);
}

TEST(DataType, StructuredTypesThatAreNone) {
  for (const char* text :
       {"[]", R"([["a"]])", R"([["a","<i2"],["a","<i2"]])", R"([["a","<i2",[0]]])",
        R"([[1,"<i2"]])", R"([["a","<i2",[2],3]])", R"([["a","<i2","x"]])"}) {
    SCOPED_TRACE(text);
    expect_error(ErrorCode::corrupt_metadata, [&] { dtype_from_v2_json(parse_json(text)); });
  }
  expect_error(ErrorCode::unsupported, [&] { dtype_from_v2_json(parse_json(R"([["a","<q9"]])")); });
}

}  // namespace
}  // namespace zarrloom
