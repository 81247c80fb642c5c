#include "zarrloom/codecs/config.h"

#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

TEST(ConfigReader, ReadsWhatIsThere) {
  const Json json = parse_json(R"({"level": 3, "checksum": true, "cname": "lz4", "none": null})");
  const ConfigReader config(json, {"level", "checksum", "cname", "none", "absent"});
  EXPECT_EQ(config.integer("level", 0, 9), 3);
  EXPECT_EQ(config.boolean("checksum"), true);
  EXPECT_EQ(config.text("cname"), "lz4");
  EXPECT_EQ(config.integer("none", 0, 9), std::nullopt);
  EXPECT_EQ(config.find("absent"), nullptr);
  EXPECT_EQ(ConfigReader(Json(), {}).find("absent"), nullptr);
}

TEST(ConfigReader, RefusesOtherTypesAndNamesTheMember) {
  const Json json = parse_json(R"({"level": 3.0, "checksum": 1, "cname": true, "high": 10})");
  const ConfigReader config(json, {"level", "checksum", "cname", "high"});
  const auto refused = [](const auto& get) {
    return expect_error(ErrorCode::invalid_argument, get);
  };
  expect_contains(refused([&] { config.integer("level", 0, 9); }), "level");
  expect_contains(refused([&] { config.integer("high", 0, 9); }), "between 0 and 9");
  expect_contains(refused([&] { config.boolean("checksum"); }), "checksum");
  expect_contains(refused([&] { config.text("cname"); }), "cname");
  expect_contains(refused([&] { ConfigReader(json, {"level"}); }), "checksum");
  refused([&] { ConfigReader(Json(3), {}); });
}

}  // namespace
}  // namespace zarrloom::testing
