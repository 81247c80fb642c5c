#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

std::unique_ptr<ArrayToArray> make_transpose(std::string_view configuration, const Dims& shape) {
  return std::get<std::unique_ptr<ArrayToArray>>(
      find_codec("transpose").make(parse_json(configuration), spec_of(shape, "int16")));
}

TEST(Transpose, EncodedDimensionIsTheDecodedOneThatOrderNames) {
  const auto codec = make_transpose(R"({"order": [1, 2, 0]})", {2, 3, 4});
  EXPECT_EQ(codec->encoded_spec().shape, (Dims{3, 4, 2}));
  EXPECT_EQ(codec->encoded_dims({20, 30, 40}), (Dims{30, 40, 20}));
  const ArrayView view = codec->encoded_view({nullptr, {2, 3, 4}, {24, 8, 2}, 2});
  EXPECT_EQ(view.shape, (Dims{3, 4, 2}));
  EXPECT_EQ(view.strides, (Dims{8, 2, 24}));
}

TEST(Transpose, StoresInThePermutedOrder) {
  const CodecChain chain({{"transpose", parse_json(R"({"order": [1, 0]})")}, {"bytes", Json()}},
                         spec_of({2, 3}, "uint8"));
  const std::string_view elements = "abcdef";
  Workspace workspace;
  EXPECT_EQ(as_text(chain.encode(c_view(as_byte_view(elements), {2, 3}, 1), workspace)), "adbecf");
}

TEST(Transpose, NamedOrdersBecomeLists) {
  EXPECT_EQ(make_transpose(R"({"order": "F"})", {2, 3, 4})->configuration(),
            parse_json(R"({"order": [2, 1, 0]})"));
  EXPECT_EQ(make_transpose(R"({"order": "C"})", {2, 3})->configuration(),
            parse_json(R"({"order": [0, 1]})"));
}

TEST(Transpose, A9OrderMustBeAPermutation) {
  for (const char* bad : {R"({"order": [1]})", R"({"order": [0, 0]})", R"({"order": [0, 2]})",
                          R"({"order": [-1, 0]})", R"({"order": [0, 1, 2]})", R"({"order": []})",
                          R"({"order": [0.0, 1]})", R"({"order": "A"})", R"({"order": 1})", "{}"}) {
    const auto make = [&] { make_transpose(bad, {2, 3}); };
    expect_contains(expect_error(ErrorCode::invalid_argument, make), "order");
  }
  expect_error(ErrorCode::invalid_argument, [] { make_transpose(R"({"order": [1]})", {5}); });
  std::string many = R"({"order": [0)";
  for (int i = 1; i < 40; ++i) many += ", " + std::to_string(i);
  expect_error(ErrorCode::invalid_argument, [&] { make_transpose(many + "]}", {5}); });
}

}  // namespace
}  // namespace zarrloom::testing
