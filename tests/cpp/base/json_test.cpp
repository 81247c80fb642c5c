#include "zarrloom/base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "base/expect_error.h"

namespace zarrloom {
namespace {

std::string round_trip(std::string_view text, JsonOptions options = {}) {
  return write_json(parse_json(text, options), 0);
}

std::string refused(std::string_view text, JsonOptions options = {}) {
  SCOPED_TRACE(text.substr(0, 80));
  return expect_error(ErrorCode::corrupt_metadata, [&] { parse_json(text, options); });
}

bool says(const std::string& message, std::string_view part) {
  return message.find(part) != std::string::npos;
}

TEST(Json, OneLineRoundTrips) {
  for (const char* text : {"null",
                           "true",
                           "false",
                           "0",
                           "-1",
                           "[]",
                           "{}",
                           "\"\"",
                           "[1,[2,[]],{}]",
                           R"({"b":1,"a":{"z":null,"y":[true,false]},"":"x"})",
                           "9223372036854775807",
                           "9223372036854775808",
                           "18446744073709551615",
                           "-9223372036854775808",
                           "0.0",
                           "-0.0",
                           "1.0",
                           "0.1",
                           "1e+300",
                           "5e-324",
                           "1.7976931348623157e+308"}) {
    EXPECT_EQ(round_trip(text), text);
  }
}

TEST(Json, KindsOfNumbers) {
  EXPECT_EQ(*parse_json("9223372036854775807").as_int(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(*parse_json("-9223372036854775808").as_int(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(*parse_json("9223372036854775808").as_uint(), std::uint64_t{1} << 63);
  EXPECT_EQ(*parse_json("18446744073709551615").as_uint(),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(parse_json("1.0").as_double());
  EXPECT_TRUE(parse_json("1e2").as_double());
  EXPECT_TRUE(std::signbit(*parse_json("-0.0").as_double()));
  EXPECT_EQ(*Json(std::uint64_t{7}).as_int(), 7);
  EXPECT_EQ(*Json(std::uint64_t{1} << 63).as_uint(), std::uint64_t{1} << 63);
}

TEST(Json, NumbersThatFitNothingKeepTheirDigits) {
  for (const char* text : {"18446744073709551616", "-9223372036854775809", "1e400", "-1e400",
                           "123456789012345678901234567890"}) {
    for (bool allow_nan : {false, true}) {
      const Json value = parse_json(text, {.allow_nan = allow_nan});
      ASSERT_TRUE(value.as_big()) << text;
      EXPECT_EQ(value.as_big()->digits, text);
      EXPECT_EQ(write_json(value), text);
      const std::string inside = "{\"a\":[" + std::string(text) + "]}";
      EXPECT_EQ(round_trip(inside, {.allow_nan = allow_nan}), inside);
    }
  }
}

TEST(Json, DoublesAreShortestAndExact) {
  for (double value : {0.1, 1.0 / 3, 2.5e-310, 1e16, 123456789.125, -4.9e-324, 3.0}) {
    const std::string text = write_json(value);
    const Json again = parse_json(text);
    ASSERT_TRUE(again.as_double()) << text;
    EXPECT_EQ(*again.as_double(), value) << text;
  }
  EXPECT_EQ(write_json(0.1), "0.1");
  EXPECT_EQ(write_json(3.0), "3.0");
}

TEST(Json, NanAndInfinityOnlyWhenAsked) {
  for (const char* text : {"NaN", "Infinity", "-Infinity"}) {
    EXPECT_TRUE(says(refused(text), "line 1, column")) << text;
    refused("[1, " + std::string(text) + "]");
    ASSERT_TRUE(parse_json(text, {.allow_nan = true}).as_double());
    EXPECT_EQ(round_trip(text, {.allow_nan = true}), text);
  }
  EXPECT_TRUE(std::isnan(*parse_json("NaN", {.allow_nan = true}).as_double()));
  EXPECT_EQ(*parse_json("-Infinity", {.allow_nan = true}).as_double(),
            -std::numeric_limits<double>::infinity());
}

TEST(Json, Indented) {
  const Json value = parse_json(R"({"a":[1,2],"b":{},"c":[]})");
  EXPECT_EQ(write_json(value), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": []\n}");
  EXPECT_EQ(parse_json(write_json(value, 4)), value);
}

TEST(Json, StringsOfAllCharactersComeBack) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "é中😀";
  EXPECT_EQ(*parse_json(write_json(all)).as_string(), all);
  const Json object = Json::Object{{all, 1}};
  EXPECT_EQ(parse_json(write_json(object)), object);
  EXPECT_EQ(write_json("é😀"), "\"é😀\"");
  EXPECT_EQ(write_json("a\"\\\n\x01"), R"("a\"\\\n\u0001")");
  EXPECT_EQ(*parse_json(R"("\u00e9\ud83d\ude00\/")").as_string(), "é😀/");
}

TEST(Json, ErrorsGiveLineAndColumn) {
  EXPECT_TRUE(says(refused(""), "line 1, column 1"));
  EXPECT_TRUE(says(refused("{\n  \"a\": tru\n}"), "line 2, column 8"));
  EXPECT_TRUE(says(refused("{} {}"), "line 1, column 4"));
  EXPECT_TRUE(says(refused("[1]\n]"), "line 2, column 1"));
  for (const char* text :
       {" ", "[1,]", "[1", "{\"a\":1,}", "{\"a\"}", "{a:1}", "'a'", "01", "+1", ".5", "1.",
        "// c\n1", "\"a", "\"\n\"", "nul", "[1]x", "\"\\x\"", "\"\\ud800\""}) {
    EXPECT_TRUE(says(refused(text), "line ")) << text;
  }
  EXPECT_TRUE(says(refused(std::string_view("1\0", 2)), "line 1, column 2"));
}

TEST(Json, DuplicateKeysAreRefusedByNameAndPlace) {
  EXPECT_TRUE(says(refused("{\"a\": 1, \"a\": 1}"), "line 1, column 10"));
  const std::string message = refused("{\"x\": [{\n  \"ab\": 1,\n \"\\u0061b\": 2}]}");
  EXPECT_TRUE(says(message, "line 3, column 2")) << message;
  EXPECT_TRUE(says(message, "\"ab\"")) << message;
  EXPECT_EQ(round_trip(R"({"a":{"a":1},"b":{"a":1}})"), R"({"a":{"a":1},"b":{"a":1}})");
}

TEST(Json, ByteOrderMarksAndBadUtf8AreRefused) {
  EXPECT_TRUE(says(refused("\xef\xbb\xbf{}"), "byte order mark"));
  EXPECT_TRUE(says(refused("\xef\xbb\xbf{}"), "line 1, column 1"));
  for (const char* text : {"\"\xff\"", "\"\xc3\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
                           "\"\xf4\x90\x80\x80\"", "{\"\xe9\": 1}"}) {
    EXPECT_TRUE(says(refused(text), "line 1, column")) << text;
  }
}

std::string nested(std::size_t depth, std::string_view open, std::string_view close,
                   std::string_view inside) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  text += inside;
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(Json, NestsToTheLimitAndNoDeeper) {
  constexpr auto limit = static_cast<std::size_t>(kJsonMaxDepth);
  for (const char* inside : {"", "1"}) {
    const std::string text = nested(limit, "[", "]", inside);
    EXPECT_EQ(round_trip(text), text);
    EXPECT_TRUE(says(refused(nested(limit + 1, "[", "]", inside)), "line 1, column 65"));
  }
  EXPECT_NO_THROW(parse_json(nested(limit, "{\"a\":", "}", "1")));
  EXPECT_TRUE(says(refused(nested(limit + 1, "{\"a\":", "}", "1")), "line 1"));
}

TEST(Json, BracketsInsideStringsDoNotNest) {
  const std::string text = "\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"";
  EXPECT_EQ(round_trip(text), text);
  EXPECT_NO_THROW(parse_json("[" + nested(100, "[],", "", "") + "1]"));
}

TEST(Json, DeepTextDoesNotOverflowTheStack) {
  refused(std::string(200000, '['));
  refused(nested(200000, "{\"a\":", "", ""));
  refused(nested(200000, "[", "]", ""));
}

TEST(Json, WritingDeeperThanCanBeReadIsRefused) {
  Json value;
  for (int i = 0; i < kJsonMaxDepth; ++i) value = Json(Json::Array{std::move(value)});
  EXPECT_NO_THROW(write_json(value));
  value = Json(Json::Object{{"a", std::move(value)}});
  expect_error(ErrorCode::invalid_argument, [&] { write_json(value); });
}

TEST(Json, Members) {
  Json value;
  EXPECT_EQ(value.find("a"), nullptr);
  value.set("b", 1);
  value.set("a", "x");
  value.set("b", 2);
  EXPECT_EQ(write_json(value, 0), R"({"b":2,"a":"x"})");
  ASSERT_NE(value.find("a"), nullptr);
  EXPECT_EQ(*value.find("a")->as_string(), "x");
  value.erase("b");
  value.erase("absent");
  EXPECT_EQ(write_json(value, 0), R"({"a":"x"})");
  EXPECT_EQ(Json(3).find("a"), nullptr);
}

TEST(Json, NamesOfTypes) {
  EXPECT_STREQ(Json().type_name(), "null");
  EXPECT_STREQ(Json(true).type_name(), "a boolean");
  EXPECT_STREQ(Json(1).type_name(), "an integer");
  EXPECT_STREQ(Json(std::numeric_limits<std::uint64_t>::max()).type_name(), "an integer");
  EXPECT_STREQ(Json(1.5).type_name(), "a number");
  EXPECT_STREQ(Json(BigNumber{"1e400"}).type_name(), "a number");
  EXPECT_STREQ(Json("x").type_name(), "a string");
  EXPECT_STREQ(Json(Json::Array{}).type_name(), "an array");
  EXPECT_STREQ(Json(Json::Object{}).type_name(), "an object");
}

}  // namespace
}  // namespace zarrloom
