#include <zstd.h>

#include "codecs/codec_test_tools.h"

namespace zarrloom::testing {
namespace {

// A frame made by hand: header, then one raw block with `content`.
Bytes raw_frame(std::initializer_list<int> header, std::string_view content) {
  const Bytes magic = bytes_of({0x28, 0xB5, 0x2F, 0xFD});
  const auto block = static_cast<int>(content.size() << 3 | 1);  // last, raw
  return joined({magic.view(), bytes_of(header).view(),
                 bytes_of({block & 0xff, block >> 8, 0}).view(), as_byte_view(content)});
}

// As a program writes it that does not know the size beforehand.
Bytes streamed_frame(std::string_view text) {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                        ZSTD_freeCCtx);
  Bytes out(ZSTD_compressBound(text.size()) + 100);
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  for (std::size_t at = 0; at < text.size(); at += 1000) {
    const std::string_view piece = text.substr(at, 1000);
    ZSTD_inBuffer from{piece.data(), piece.size(), 0};
    ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_flush);
  }
  ZSTD_inBuffer none{nullptr, 0, 0};
  EXPECT_EQ(ZSTD_compressStream2(context.get(), &to, &none, ZSTD_e_end), 0u);
  out.resize_uninitialized(to.pos);
  return out;
}

TEST(Zstd, ConfigurationAndItsLimits) {
  EXPECT_EQ(make_compressor("zstd")->configuration(),
            parse_json(R"({"level": 0, "checksum": false})"));
  make_compressor("zstd", R"({"level": -131072})");
  make_compressor("zstd", R"({"level": 22, "checksum": true})");
  for (const char* bad : {R"({"level": 23})", R"({"level": -131073})", R"({"level": "3"})",
                          R"({"checksum": 1})", R"({"window": 3})"}) {
    expect_error(ErrorCode::invalid_argument, [&] { make_compressor("zstd", bad); });
  }
}

TEST(Zstd, ParametersOfOneCodecDoNotReachAnother) {
  std::string text;  // counts, which levels compress differently
  for (int i = 0; i < 5000; ++i) text += std::to_string(i * i);
  const auto plain = make_compressor("zstd");
  const std::size_t before = encoded_by(*plain, as_byte_view(text)).size();
  const auto checked = make_compressor("zstd", R"({"level": 19, "checksum": true})");
  EXPECT_LT(encoded_by(*checked, as_byte_view(text)).size(), before);
  EXPECT_EQ(encoded_by(*plain, as_byte_view(text)).size(), before);
}

TEST(Zstd, FramesWithoutContentSizeAreRead) {
  const std::string text = repeated("stream of unknown length ", 30000);
  const Bytes frame = streamed_frame(text);
  ASSERT_EQ(ZSTD_getFrameContentSize(frame.data(), frame.size()), ZSTD_CONTENTSIZE_UNKNOWN);
  const auto codec = make_compressor("zstd");
  EXPECT_EQ(decoded_by(*codec, frame.view(), text.size()), text);
  for (std::size_t size : {text.size() - 1, text.size() + 1, std::size_t{10}}) {
    expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, frame.view(), size); });
  }
}

TEST(Zstd, B2TruncatedAndWrongChecksum) {
  const auto codec = make_compressor("zstd", R"({"checksum": true})");
  Bytes encoded = encoded_by(*codec, as_byte_view("some data"));
  expect_error(ErrorCode::corrupt_data,
               [&] { decoded_by(*codec, encoded.view().first(encoded.size() - 4), 9); });
  encoded.data()[encoded.size() - 1] ^= std::byte{1};
  expect_contains(
      expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, encoded.view(), 9); }),
      "checksum");
}

TEST(Zstd, B3NothingValidDecodesToMoreThanTheBound) {
  // Blocks of 4 bytes that stand for 128 KiB each: nothing decodes to more.
  Bytes frame = bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x70});  // window of 16 MiB
  constexpr int kBlocks = 100;
  constexpr std::size_t kBlock = 128 << 10;
  for (int i = 0; i < kBlocks; ++i) {
    const int block = kBlock << 3 | 1 << 1 | (i == kBlocks - 1 ? 1 : 0);  // RLE
    frame = joined(
        {frame.view(), bytes_of({block & 0xff, block >> 8 & 0xff, block >> 16, 'x'}).view()});
  }
  const auto codec = make_compressor("zstd");
  EXPECT_EQ(decoded_by(*codec, frame.view(), kBlocks * kBlock), std::string(kBlocks * kBlock, 'x'));
  EXPECT_GE(codec->max_decoded_size(frame.view()), kBlocks * kBlock);
  EXPECT_LT(codec->max_decoded_size(frame.view().first(100)), std::uint64_t{64} << 20);
}

TEST(Zstd, B5BombStopsAtTheChunk) {
  const std::string zeros(std::size_t{64} << 20, '\0');
  const auto codec = make_compressor("zstd");
  const Bytes bomb = encoded_by(*codec, as_byte_view(zeros));
  ASSERT_LT(bomb.size(), 10000u);
  expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, bomb.view(), 100); });
  expect_error(ErrorCode::corrupt_data, [&] { codec->decode_unknown(bomb.view(), 100); });
  expect_error(ErrorCode::corrupt_data,
               [&] { decoded_by(*codec, streamed_frame(zeros).view(), 100); });
}

TEST(Zstd, B5ContentSizeThatLies) {
  const auto codec = make_compressor("zstd");
  // Descriptor 0xE0: single segment, content size in eight bytes, here 2^40.
  const Bytes lie = raw_frame({0xE0, 0, 0, 0, 0, 0, 1, 0, 0}, "content");
  expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, lie.view(), 7); });
  expect_error(ErrorCode::corrupt_data, [&] { codec->decode_unknown(lie.view(), 1000); });
  const Bytes truth = raw_frame({0xE0, 7, 0, 0, 0, 0, 0, 0, 0}, "content");
  EXPECT_EQ(decoded_by(*codec, truth.view(), 7), "content");
}

TEST(Zstd, B5HugeWindowCostsNoMemory) {
  const auto codec = make_compressor("zstd");
  const Bytes log31 = raw_frame({0x00, 21 << 3}, "content");  // no content size, window 2 GiB
  EXPECT_EQ(decoded_by(*codec, log31.view(), 7), "content");
  const Bytes log41 = raw_frame({0x00, 31 << 3}, "content");
  expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, log41.view(), 7); });
}

TEST(Zstd, B6FramesMayBeJoinedGarbageMayNot) {
  const auto codec = make_compressor("zstd");
  const Bytes one = encoded_by(*codec, as_byte_view("first ")), two = streamed_frame("second");
  EXPECT_EQ(decoded_by(*codec, joined({one.view(), two.view()}).view(), 12), "first second");
  const Bytes garbage = joined({one.view(), as_byte_view("garbage")});
  for (std::size_t size : {std::size_t{6}, std::size_t{12}, std::size_t{13}}) {
    expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, garbage.view(), size); });
  }
  expect_error(ErrorCode::corrupt_data, [&] { decoded_by(*codec, {}, 0); });
}

}  // namespace
}  // namespace zarrloom::testing
