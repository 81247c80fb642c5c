#include "zarrloom/base/extension_type.h"

#include <gtest/gtest.h>

#include "base/expect_error.h"
#include "zarrloom/base/dtype.h"
#include "zarrloom/base/error.h"

namespace zarrloom {
namespace {

TEST(ExtensionType, NamesAreTheSameInBothFormats) {
  for (const std::string_view name : extension_type_names()) {
    const DataType dtype = dtype_from_numpy_name(name);
    EXPECT_EQ(dtype.kind, Kind::extension);
    EXPECT_EQ(dtype.numpy_name(), name);
    EXPECT_EQ(dtype_to_v2(dtype, false), name);
    EXPECT_EQ(dtype_from_v2(name).dtype, dtype);
    EXPECT_EQ(dtype.swap_size(), name == "bfloat16" ? 2u : 1u);
    EXPECT_EQ(dtype.item_size, name == "bfloat16" ? 2u : 1u);
  }
  EXPECT_FALSE(dtype_from_numpy_name("int4") == dtype_from_numpy_name("uint4"));
  EXPECT_EQ(find_extension_type("float9"), nullptr);
}

// Every bit pattern, written and parsed; NaNs with their payload in format 3.
TEST(ExtensionType, FillValuesKeepTheirBits) {
  for (const std::string_view name : extension_type_names()) {
    const auto type = find_extension_type(name);
    const int bits = type->packed_bits > 0 ? type->packed_bits : 8;
    for (std::uint32_t pattern = 0; pattern < 1u << bits; ++pattern) {
      std::vector<std::byte> element{static_cast<std::byte>(pattern)};
      if (type->item_size == 2) element.push_back(static_cast<std::byte>(pattern >> 8));
      const Json json = type->write_fill(element, 3);
      EXPECT_EQ(type->parse_fill(json, 3), element) << name << " " << write_json(json, 0);
    }
  }
}

TEST(ExtensionType, NumbersAreRoundedToTheNearestTiesToEven) {
  const auto bits = [](const char* name, double value) {
    return std::to_integer<int>(find_extension_type(name)->parse_fill(value, 3)[0]);
  };
  EXPECT_EQ(bits("float8_e4m3fn", 1.0625), 0x38);   // half way to 1.125
  EXPECT_EQ(bits("float8_e4m3fn", 1.1875), 0x3a);   // half way from 1.125 to 1.25
  EXPECT_EQ(bits("float8_e4m3fn", 1.99), 0x40);     // carries into the exponent
  EXPECT_EQ(bits("float8_e4m3fn", 0x1p-10), 0x00);  // half of the least
  EXPECT_EQ(bits("float8_e4m3fn", 463), 0x7e);
  EXPECT_EQ(bits("float8_e4m3fnuz", -0.0), 0x00);  // has no -0
  EXPECT_EQ(bits("float8_e8m0fnu", 3.1), 0x81);
  EXPECT_EQ(bits("float4_e2m1fn", -6), 0xf);
}

TEST(ExtensionType, ContradictionsAreRefused) {
  ExtensionType type = *find_extension_type("int4");
  const auto refuse = [](const ExtensionType& wrong) {
    try {
      extension_dtype(std::make_shared<const ExtensionType>(wrong));
    } catch (const Error& error) {
      return error.code() == ErrorCode::invalid_argument;
    }
    return false;
  };
  EXPECT_FALSE(refuse(type));
  ExtensionType nameless = type, odd = type, wide = type, mute = type;
  nameless.name = "";
  odd.item_size = 3;
  wide.packed_bits = 9;
  mute.write_fill = nullptr;
  for (const ExtensionType& wrong : {nameless, odd, wide, mute}) EXPECT_TRUE(refuse(wrong));
}

}  // namespace
}  // namespace zarrloom
