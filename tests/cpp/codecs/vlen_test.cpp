// Elements of variable size: what is stored, and what is refused.
#include "codecs/codec_test_tools.h"
#include "zarrloom/base/variable.h"
#include "zarrloom/codecs/chain.h"

namespace zarrloom::testing {
namespace {

using Texts = std::vector<std::string>;

CodecConfig codec(std::string_view name, std::string_view configuration = "{}") {
  return {std::string(name), parse_json(configuration)};
}

ChunkSpec chunk_of(const Dims& shape, std::string_view dtype) {
  return {shape, dtype_from_numpy_name(dtype), {}};
}

// Elements over the memory of the texts.
struct Elements {
  explicit Elements(const Texts& texts) : memory(texts.size() * sizeof(VarItem)) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      VarItem::of(as_byte_view(texts[i])).store(memory.data() + i * sizeof(VarItem));
    }
  }
  ConstArrayView view(const Dims& shape) const {
    return c_view(memory.view(), shape, sizeof(VarItem));
  }
  Bytes memory;
};

Texts texts_of(const ConstArrayView& items) {
  Texts texts;
  for_each_item(
      items, [&](const std::byte* at) { texts.emplace_back(as_text(VarItem::load(at).bytes())); });
  return texts;
}

std::string encoded_by(const CodecChain& chain, const Texts& texts) {
  Workspace workspace;
  const Elements elements(texts);
  return std::string(as_text(chain.encode(elements.view(chain.spec().shape), workspace)));
}

Texts decoded_by(const CodecChain& chain, std::string_view stored, const Dims& start,
                 const Dims& step, const Dims& count) {
  Workspace workspace;
  Arena arena;
  Bytes memory(static_cast<std::size_t>(checked_product(count, "part")) * sizeof(VarItem));
  ArrayView out = c_view(memory.span(), count, sizeof(VarItem));
  out.arena = &arena;
  {
    // Nothing refers to what was stored afterwards.
    const std::string copy(stored);
    GuardedBytes guarded(copy.size());
    std::copy_n(as_byte_view(copy).data(), copy.size(), guarded.last(copy.size()).data());
    chain.decode_part(guarded.last(copy.size()), start, step, out, workspace);
  }
  return texts_of(out);
}

const Texts kSix{"", "a", "äö", std::string(300, 'x'), std::string("n\0l", 3), "日本"};

TEST(Vlen, StoresCountSizesAndBytes) {
  const CodecChain chain({codec("vlen-utf8")}, chunk_of({2}, "string"));
  EXPECT_EQ(encoded_by(chain, {"ab", ""}), std::string("\2\0\0\0\2\0\0\0ab\0\0\0\0", 14));
  EXPECT_FALSE(chain.has_fixed_size());
  EXPECT_FALSE(chain.is_memory_image());
}

TEST(Vlen, AnyPartOfAnyChainComesBack) {
  const std::vector<std::vector<CodecConfig>> chains{
      {codec("vlen-utf8")},
      {codec("vlen-utf8"), codec("zstd"), codec("crc32c")},
      {codec("vlen-utf8"), codec("gzip"), codec("zstd")},
      {codec("vlen-utf8"),
       codec("blosc", R"({"cname": "lz4", "clevel": 5, "shuffle": "shuffle"})")},
      {codec("transpose", R"({"order": [1, 0]})"), codec("vlen-utf8")},
      {codec("sharding_indexed", R"({"chunk_shape": [1, 3], "codecs": ["vlen-utf8", "zstd"]})")},
  };
  for (const auto& codecs : chains) {
    const CodecChain chain(codecs, chunk_of({2, 3}, "string"));
    const std::string stored = encoded_by(chain, kSix);
    EXPECT_EQ(decoded_by(chain, stored, {0, 0}, {1, 1}, {2, 3}), kSix);
    EXPECT_EQ(decoded_by(chain, stored, {0, 1}, {1, 1}, {2, 2}),
              (Texts{kSix[1], kSix[2], kSix[4], kSix[5]}));
    EXPECT_EQ(decoded_by(chain, stored, {1, 0}, {1, 2}, {1, 2}), (Texts{kSix[3], kSix[5]}));
  }
}

TEST(Vlen, ChunksThatAreCutAreErrorsAtEveryByte) {
  const CodecChain chain({codec("vlen-utf8")}, chunk_of({2, 3}, "string"));
  const std::string stored = encoded_by(chain, kSix);
  for (std::size_t size = 0; size < stored.size(); ++size) {
    expect_error(ErrorCode::corrupt_data,
                 [&] { decoded_by(chain, stored.substr(0, size), {0, 0}, {1, 1}, {2, 3}); });
  }
}

TEST(Vlen, WhatIsNoTextIsNeitherWrittenNorRead) {
  const CodecChain text({codec("vlen-utf8")}, chunk_of({1}, "string"));
  const CodecChain blob({codec("vlen-bytes")}, chunk_of({1}, "variable_length_bytes"));
  for (const std::string wrong :
       {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xe2\x82"}) {
    const std::string stored = encoded_by(blob, {wrong});
    EXPECT_EQ(decoded_by(blob, stored, {0}, {1}, {1}), Texts{wrong});
    expect_error(ErrorCode::corrupt_data, [&] { decoded_by(text, stored, {0}, {1}, {1}); });
    expect_error(ErrorCode::invalid_argument, [&] { encoded_by(text, {wrong}); });
  }
}

TEST(Vlen, ArraysAreWholeNumbersOfItems) {
  const CodecChain chain({codec("numcodecs.vlen-array", R"({"dtype": "<i4"})")},
                         chunk_of({1}, "variable_length_array[<i4]"));
  EXPECT_EQ(decoded_by(chain, encoded_by(chain, {"12345678"}), {0}, {1}, {1}), Texts{"12345678"});
  expect_error(ErrorCode::invalid_argument, [&] { encoded_by(chain, {"123"}); });
  expect_error(ErrorCode::invalid_argument, [&] {
    CodecChain({codec("numcodecs.vlen-array", R"({"dtype": "<i8"})")},
               chunk_of({1}, "variable_length_array[<i4]"));
  });
}

TEST(Vlen, TypesAndCodecsMustFit) {
  for (const auto& [name, dtype] :
       std::vector<std::pair<const char*, const char*>>{{"vlen-utf8", "int32"},
                                                        {"vlen-bytes", "string"},
                                                        {"vlen-utf8", "variable_length_bytes"},
                                                        {"bytes", "string"}}) {
    expect_error(ErrorCode::invalid_argument,
                 [&] { CodecChain({codec(name)}, chunk_of({1}, dtype)); });
  }
}

TEST(Vlen, CategorizedTextIsNumbers) {
  const CodecConfig labels = codec("numcodecs.categorize", R"({"labels": ["a", "äö"]})");
  const CodecChain chain({labels, codec("bytes")}, chunk_of({2, 3}, "string"));
  const std::string stored = encoded_by(chain, kSix);
  EXPECT_EQ(stored, std::string("\0\1\2\0\0\0", 6));
  EXPECT_EQ(decoded_by(chain, stored, {0, 0}, {1, 1}, {2, 3}), (Texts{"", "a", "äö", "", "", ""}));
  EXPECT_EQ(decoded_by(chain, "\1\1\1\1\1\377", {0, 1}, {1, 1}, {2, 2}),
            (Texts{"a", "a", "a", ""}));
}

TEST(Vlen, AFillValueIsKnownByItsBytes) {
  ChunkSpec spec = chunk_of({2}, "string");
  const std::string fill = "fill";
  spec.fill_value.assign(as_byte_view(fill).begin(), as_byte_view(fill).end());
  const Texts filled{std::string("fill"), std::string("fill")};
  EXPECT_TRUE(spec.is_all_fill(Elements(filled).view({2})));
  EXPECT_FALSE(spec.is_all_fill(Elements({"fill", "fill "}).view({2})));
  const FillElement element = spec.fill_element();
  EXPECT_EQ(as_text(VarItem::load(ByteView(element).data()).bytes()), "fill");
}

}  // namespace
}  // namespace zarrloom::testing
