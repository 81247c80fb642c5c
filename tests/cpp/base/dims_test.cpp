#include "zarrloom/base/dims.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/expect_error.h"

namespace zarrloom {
namespace {

constexpr std::int64_t kTwo32 = std::int64_t{1} << 32;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST(Dims, HoldsWhatItIsGiven) {
  Dims dims{3, 4};
  dims.push_back(5);
  EXPECT_EQ(dims, (Dims{3, 4, 5}));
  EXPECT_NE(dims, (Dims{3, 4}));
  EXPECT_NE(dims, (Dims{3, 4, 6}));
  const std::vector<std::int64_t> values{1, 2};
  EXPECT_EQ(Dims(std::span<const std::int64_t>(values)), (Dims{1, 2}));
  EXPECT_EQ(Dims::filled(2, 7), (Dims{7, 7}));
  Dims copy = dims;
  copy[0] = 9;
  EXPECT_EQ(dims[0], 3);
}

TEST(Dims, RefusesMoreThanTheLargestRank) {
  const std::vector<std::int64_t> many(kMaxRank + 1, 1);
  const std::span<const std::int64_t> values(many);
  EXPECT_EQ(Dims(values.first(kMaxRank)).size(), kMaxRank);
  expect_error(ErrorCode::invalid_argument, [&] { Dims dims(values); });
  expect_error(ErrorCode::invalid_argument, [] { Dims::filled(kMaxRank + 1, 1); });
  Dims full = Dims::filled(kMaxRank, 1);
  expect_error(ErrorCode::invalid_argument, [&] { full.push_back(1); });
  EXPECT_EQ(full.size(), kMaxRank);
}

TEST(Dims, ReadsAsAPythonTuple) {
  EXPECT_EQ(to_string(Dims{}), "()");
  EXPECT_EQ(to_string(Dims{3}), "(3,)");
  EXPECT_EQ(to_string(Dims{3, -4}), "(3, -4)");
}

TEST(Dims, CheckedProduct) {
  EXPECT_EQ(checked_product({}, "x"), 1);
  EXPECT_EQ(checked_product({3, 4, 5}, "x"), 60);
  EXPECT_EQ(checked_product({kMost}, "x"), kMost);
  EXPECT_EQ(checked_product({kTwo32, kTwo32 / 4, 1}, "x"), kTwo32 * (kTwo32 / 4));
  EXPECT_EQ(checked_product({kTwo32, kTwo32, kTwo32, 0}, "x"), 0);
}

TEST(Dims, CheckedProductNamesWhatIsTooLarge) {
  for (const Dims& dims : {Dims{kTwo32, kTwo32 / 2}, Dims{kTwo32, kTwo32},
                           Dims{kTwo32, kTwo32, kTwo32, kTwo32}, Dims{kMost, 2}}) {
    const std::string message =
        expect_error(ErrorCode::invalid_argument, [&] { checked_product(dims, "chunk shape"); });
    EXPECT_NE(message.find("chunk shape"), std::string::npos) << message;
    EXPECT_NE(message.find(to_string(dims)), std::string::npos) << message;
  }
}

TEST(Dims, WideProductPinsAtTheLargest) {
  using Wide = unsigned __int128;
  EXPECT_TRUE(wide_product({}) == 1);
  EXPECT_TRUE(wide_product({kTwo32, kTwo32}) == Wide{1} << 64);
  EXPECT_TRUE(wide_product({kTwo32, kTwo32, kTwo32, kTwo32 - 1}) ==
              (Wide{1} << 96) * static_cast<Wide>(kTwo32 - 1));
  EXPECT_TRUE(wide_product({kTwo32, kTwo32, kTwo32, kTwo32}) == ~Wide{0});
  EXPECT_TRUE(wide_product({kMost, kMost, kMost, kMost}) == ~Wide{0});
  EXPECT_TRUE(wide_product({kMost, kMost, kMost, 0}) == 0);
}

}  // namespace
}  // namespace zarrloom
