#include <blosc.h>

#include "codecs/codec_test_tools.h"
#include "conformance/guarded_bytes.h"

namespace zarrloom::testing {
namespace {

constexpr std::size_t kSize = 5000;

Bytes a_frame() {
  return encoded_by(*make_compressor("blosc", R"({"cname": "lz4", "shuffle": "shuffle"})", "int32"),
                    as_byte_view(repeated("blosc frame ", kSize)));
}

void set_number(Bytes& frame, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    frame.data()[at + i] = static_cast<std::byte>(value >> (8 * i));
}

std::string refusal(ByteView frame, std::size_t size = kSize) {
  GuardedBytes in(frame.size());
  const ByteView guarded = in.hold(frame);
  const auto codec = make_compressor("blosc");
  expect_error(ErrorCode::corrupt_data, [&] { codec->decode_unknown(guarded, kSize); });
  return expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, guarded, size); });
}

TEST(Blosc, ConfigurationIsComplete) {
  EXPECT_EQ(make_compressor("blosc", "{}", "int32")->configuration(),
            parse_json(R"({"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": 4,
                           "blocksize": 0})"));
  const auto shuffle = [](std::string_view given, std::string_view dtype) {
    const std::string configuration = "{\"shuffle\": " + std::string(given) + "}";
    return *make_compressor("blosc", configuration, dtype)->configuration().find("shuffle");
  };
  // numcodecs' numbers; -1 is its "auto".
  EXPECT_EQ(shuffle("0", "int32"), Json("noshuffle"));
  EXPECT_EQ(shuffle("1", "int32"), Json("shuffle"));
  EXPECT_EQ(shuffle("2", "int32"), Json("bitshuffle"));
  EXPECT_EQ(shuffle("-1", "int32"), Json("shuffle"));
  EXPECT_EQ(shuffle("-1", "uint8"), Json("bitshuffle"));
}

TEST(Blosc, LongElementsAreOneByteEach) {
  const auto codec = make_compressor("blosc", "{}", "V300");
  EXPECT_EQ(*codec->configuration().find("typesize"), Json(1));
}

TEST(Blosc, RefusesWhatItDoesNotKnow) {
  for (const char* bad : {R"({"shuffle": "byte"})", R"({"shuffle": 3})", R"({"clevel": 10})",
                          R"({"typesize": 0})", R"({"blocksize": -1})", R"({"nthreads": 1})"}) {
    expect_error(ErrorCode::invalid_argument, [&] { make_compressor("blosc", bad); });
  }
  const std::string message = expect_error(
      ErrorCode::unsupported, [] { make_compressor("blosc", R"({"cname": "lzma"})"); });
  expect_contains(message, "lzma");
  expect_contains(message, "lz4");
}

TEST(Blosc, B7CutFrameIsRefused) {
  const Bytes frame = a_frame();
  for (std::size_t size : {frame.size() - 3, frame.size() - 1, std::size_t{16}, std::size_t{15},
                           std::size_t{10}, std::size_t{0}}) {
    refusal(frame.view().first(size));
  }
  expect_contains(refusal(frame.view().first(frame.size() - 3)), "stored bytes, but there are");
  // Even if the header is changed to agree with what is left.
  Bytes cut = Bytes::copy_of(frame.view().first(frame.size() - 3));
  set_number(cut, 12, static_cast<std::uint32_t>(cut.size()));
  refusal(cut.view());
}

TEST(Blosc, B7HeaderThatLies) {
  for (std::uint32_t cbytes : {0u, 15u, 16u, 1u << 20, 0x7fffffffu, 0xffffffffu}) {
    Bytes frame = a_frame();
    set_number(frame, 12, cbytes);
    refusal(frame.view());
  }
  for (std::uint32_t nbytes : {0u, 1u, 4999u, 5001u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    Bytes frame = a_frame();
    set_number(frame, 4, nbytes);
    const auto codec = make_compressor("blosc");
    const auto decode = [&] { decoded_by(*codec, frame.view(), kSize); };
    const std::string message = expect_error(ErrorCode::corrupt_data, decode);
    if (nbytes < 0x7fffffff) expect_contains(message, "5000 are expected");
  }
  for (std::uint32_t blocksize : {0u, 1u, 3u, 0x7fffffffu, 0xffffffffu}) {
    Bytes frame = a_frame();
    set_number(frame, 8, blocksize);
    refusal(frame.view());
  }
}

TEST(Blosc, B7TypesizeZero) {
  Bytes frame = a_frame();
  frame.data()[3] = std::byte{0};
  refusal(frame.view());
}

TEST(Blosc, B7Blosc2ChunkIsNamed) {
  Bytes frame = a_frame();
  for (int version : {3, 4, 5}) {
    frame.data()[0] = static_cast<std::byte>(version);
    expect_contains(refusal(frame.view()), "format " + std::to_string(version));
  }
}

TEST(Blosc, B7BlockOffsetsOutsideTheFrame) {
  for (std::uint32_t offset : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xfffffffcu}) {
    Bytes frame = a_frame();
    set_number(frame, BLOSC_MIN_HEADER_LENGTH, offset);
    GuardedBytes in(frame.size());
    const auto codec = make_compressor("blosc");
    try {
      decoded_by(*codec, in.hold(frame.view()), kSize);  // must only not crash
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt_data);
    }
  }
}

TEST(Blosc, B3BoundIsNotWhatTheHeaderTells) {
  Bytes frame = a_frame();
  const auto codec = make_compressor("blosc");
  EXPECT_EQ(codec->max_decoded_size(frame.view()), kSize);
  set_number(frame, 4, 0x7fffffff);
  EXPECT_LT(codec->max_decoded_size(frame.view().first(100)), std::uint64_t{64} << 20);

  const std::string zeros(std::size_t{64} << 20, '\0');
  const auto best = make_compressor("blosc", R"({"cname": "zstd", "clevel": 9})");
  const Bytes encoded = encoded_by(*best, as_byte_view(zeros));
  EXPECT_EQ(best->max_decoded_size(encoded.view()), zeros.size());
}

TEST(Blosc, B6TrailingGarbage) {
  const Bytes frame = a_frame();
  refusal(joined({frame.view(), as_byte_view("x")}).view());
}

}  // namespace
}  // namespace zarrloom::testing
