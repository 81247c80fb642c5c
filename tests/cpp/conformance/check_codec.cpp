#include "conformance/check_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "conformance/guarded_bytes.h"
#include "conformance/outcome.h"
#include "zarrloom/base/error.h"

namespace zarrloom::testing {
namespace {

constexpr std::string_view kDtypes[] = {"bool",    "int8",          "uint16",    "int32",
                                        "float64", "float16",       "complex64", "V5",
                                        "S4",      "datetime64[ns]"};

// A codec, its encoded data and memory at the edge of what may be touched.
struct Sample {
  const BytesToBytes& codec;
  ByteView decoded;
  ByteView encoded;
  bool detects_flips;
  GuardedBytes in{encoded.size() + 1};
  GuardedBytes out{decoded.size() + 1};

  Outcome decode(ByteView data, std::size_t out_size) {
    const MutableBytes to = out.last(out_size);
    return outcome_of([&] { codec.decode(data, to); }, decoded, to);
  }
};

void check_sizes(Sample& s) {
  const ByteView data = s.in.hold(s.encoded);
  EXPECT_EQ(s.decode(data, s.decoded.size()), Outcome::right);
  EXPECT_EQ(s.decode(data, s.decoded.size() + 1), Outcome::refused) << "one byte too few";
  if (!s.decoded.empty()) {
    EXPECT_EQ(s.decode(data, s.decoded.size() - 1), Outcome::refused) << "one byte too many";
  }
  EXPECT_GE(s.codec.max_decoded_size(data), s.decoded.size());
}

void check_unknown_size(Sample& s) {
  const ByteView data = s.in.hold(s.encoded);
  const std::size_t size = s.decoded.size();
  for (std::size_t limit : {size, size + 1, size * 2 + 65536}) {
    EXPECT_TRUE(equal(s.codec.decode_unknown(data, limit).view(), s.decoded)) << limit;
  }
  if (size == 0) return;
  const auto decode = [&] { s.codec.decode_unknown(data, size - 1); };
  EXPECT_EQ(outcome_of(decode, {}, {}), Outcome::refused) << "more than the limit";
}

void check_peel(Sample& s) {
  const ByteView data = s.in.hold(s.encoded);
  const std::optional<ByteView> payload = s.codec.peel(data);
  if (!payload) return;
  EXPECT_TRUE(equal(*payload, s.decoded));
  EXPECT_GE(payload->data(), data.data()) << "the payload must lie inside the data";
  EXPECT_LE(payload->data() + payload->size(), data.data() + data.size());
}

void check_cuts(Sample& s) {
  const std::size_t size = s.encoded.size();
  const std::size_t step = std::max<std::size_t>(1, size / kEveryLength);
  for (std::size_t n = 0; n < size; n += step) {
    EXPECT_EQ(s.decode(s.in.hold(s.encoded.first(n)), s.decoded.size()), Outcome::refused)
        << "cut to " << n << " of " << size << " bytes";
  }
  const MutableBytes longer = s.in.last(size + 1);
  std::copy(s.encoded.begin(), s.encoded.end(), longer.begin());
  for (int extra : {0, 1, 255}) {
    longer.back() = static_cast<std::byte>(extra);
    EXPECT_EQ(s.decode(longer, s.decoded.size()), Outcome::refused) << "trailing byte " << extra;
  }
}

void check_flips(Sample& s) {
  const MutableBytes data = s.in.hold(s.encoded);
  const std::size_t step = std::max<std::size_t>(1, data.size() / kEveryLength);
  for (std::size_t at = 0; at < data.size(); at += step) {
    for (unsigned flip : {0x01u, 0x80u, 0xffu}) {
      data[at] ^= static_cast<std::byte>(flip);
      const Outcome outcome = s.decode(data, s.decoded.size());
      EXPECT_FALSE(s.detects_flips && outcome == Outcome::other)
          << "byte " << at << " flipped by " << flip << ", not noticed";
      try {
        s.codec.max_decoded_size(data);
        s.codec.decode_unknown(data, s.decoded.size() + 100);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::corrupt_data) << error.what();
      }
      data[at] ^= static_cast<std::byte>(flip);
    }
  }
}

void check_noise(Sample& s) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const MutableBytes data = s.in.last(random() % (s.encoded.size() + 1));
    for (std::byte& byte : data) byte = static_cast<std::byte>(random());
    s.decode(data, s.decoded.size());
  }
}

constexpr std::string_view kWithChecksum[] = {"gzip",  "zlib",    "bz2",        "crc32c",
                                              "crc32", "adler32", "fletcher32", "lookup3"};

bool promises_checksum(const CodecRow& row, const Json& configuration) {
  if (const Json* checksum = configuration.find("checksum")) return *checksum == Json(true);
  if (row.name.ends_with("lzma")) return *configuration.find("format") == Json(1);
  return std::ranges::any_of(kWithChecksum,
                             [&](std::string_view end) { return row.name.ends_with(end); });
}

void check_compressor(const CodecRow& row, const BytesToBytes& codec, ByteView decoded) {
  const std::size_t bound = codec.max_encoded_size(decoded.size());
  GuardedBytes room(bound), input(decoded.size());
  std::size_t size = 0;
  if (!takes([&] { size = codec.encode(input.hold(decoded), room.last(bound)); })) return;
  ASSERT_LE(size, bound);
  Sample sample{codec, decoded, room.last(bound).first(size),
                promises_checksum(row, codec.configuration())};
  check_sizes(sample);
  check_unknown_size(sample);
  check_peel(sample);
  if (decoded.size() > kEveryLength) return;  // the rest takes a decode for each byte
  check_cuts(sample);
  check_flips(sample);
  check_noise(sample);
}

// Codecs are used from many threads at once.
void check_shared(const BytesToBytes& codec, const ChunkSpec& spec) {
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&codec, &spec, seed] {
      const Bytes elements = make_elements(spec, seed);
      Bytes encoded(codec.max_encoded_size(elements.size())), decoded(elements.size());
      for (int i = 0; i < 20; ++i) {
        const std::size_t size = codec.encode(elements.view(), encoded.span());
        codec.decode(encoded.view().first(size), decoded.span());
        EXPECT_TRUE(equal(decoded.view(), elements.view()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void check_bytes_to_bytes(const CodecRow& row, const Json& sample) {
  const ChunkSpec small = spec_of({7, 9}, "int32");
  const auto codec = std::get<std::unique_ptr<BytesToBytes>>(row.make(sample, small));
  for (unsigned seed : {0u, 1u}) {
    check_compressor(row, *codec, make_elements(small, seed).view());
    check_compressor(row, *codec, make_elements(spec_of({300000}, "int8"), seed).view());
  }
  check_compressor(row, *codec, make_elements(spec_of({1}, "int8"), 1).view());
  check_shared(*codec, spec_of({64, 64}, "int32"));
}

std::vector<CodecConfig> chain_around(const CodecRow& row, const Json& sample,
                                      const AnyCodec& codec) {
  const CodecConfig own{std::string(row.name), sample};
  const CodecConfig bytes{"bytes", Json::Object{{"endian", "little"}}};
  if (std::holds_alternative<std::unique_ptr<ArrayToArray>>(codec) ||
      std::holds_alternative<std::unique_ptr<ArrayTransform>>(codec)) {
    return {own, bytes};
  }
  if (std::holds_alternative<std::unique_ptr<ArrayToBytes>>(codec)) return {own};
  return {bytes, own};
}

// What a codec says of itself makes the same codec again.
void check_configuration(const CodecRow& row, const AnyCodec& codec, const ChunkSpec& spec) {
  const auto told = [](const AnyCodec& any) {
    return std::visit([](const auto& c) { return c->configuration(); }, any);
  };
  const Json configuration = told(codec);
  EXPECT_EQ(configuration, told(row.make(configuration, spec))) << write_json(configuration, 0);

  Json unknown = configuration;
  unknown.set("no such member", 1);
  try {
    row.make(unknown, spec);
    ADD_FAILURE() << "an unknown member was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  }
}

// A build without the library refuses whatever is asked.
bool is_left_out(const CodecRow& row) {
  return row.name.ends_with("bz2") || row.name.ends_with("lzma");
}

// For elements that the samples here do not have: tests of their own (codecs/vlen_test.cpp).
bool is_for_text(const CodecRow& row) {
  return row.name.find("vlen-") != std::string_view::npos || row.name.ends_with("categorize");
}

// A shard's inner chunks must divide it: by the smallest number that does.
Json fitted(Json sample, const Dims& shape) {
  if (sample.find("chunk_shape") == nullptr) return sample;
  Json::Array inner;
  for (std::int64_t extent : shape) {
    std::int64_t divisor = std::min<std::int64_t>(extent, 2);
    while (extent % divisor != 0) ++divisor;
    inner.emplace_back(divisor);
  }
  sample.set("chunk_shape", std::move(inner));
  return sample;
}

}  // namespace

ChunkSpec spec_of(const Dims& shape, std::string_view dtype) {
  ChunkSpec spec{shape, dtype_from_numpy_name(dtype), {}};
  spec.fill_value.resize(spec.dtype.item_size);
  return spec;
}

Bytes make_elements(const ChunkSpec& spec, unsigned seed) {
  Bytes elements(spec.decoded_size());
  std::mt19937 random(seed);
  unsigned run = 0, value = 0;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (run == 0) {
      run = 1 + (random() % 4 == 0 ? random() % 40 : 0);
      value = seed == 0 ? 0 : static_cast<unsigned>(random());
    }
    --run;
    const unsigned mask = spec.dtype.kind == Kind::boolean ? 1 : 0xff;
    elements.data()[i] = static_cast<std::byte>(value & mask);
  }
  return elements;
}

void check_codec(const CodecRow& row) {
  const Json samples = parse_json(row.samples);
  ASSERT_NE(samples.as_array(), nullptr);
  ASSERT_FALSE(samples.as_array()->empty()) << "a row needs a sample";
  for (const Json& given : *samples.as_array()) {
    SCOPED_TRACE(std::string(row.name) + " " + write_json(given, 0));
    bool taken = false;
    for (std::string_view dtype : kDtypes) {
      for (const Dims& shape : {Dims{}, Dims{5}, Dims{3, 4, 5}, Dims{1, 6, 1}}) {
        SCOPED_TRACE(std::string(dtype) + " " + to_string(shape));
        const ChunkSpec spec = spec_of(shape, dtype);
        const Json sample = fitted(given, shape);
        AnyCodec codec;
        if (!takes([&] { codec = row.make(sample, spec); })) continue;
        taken = true;
        check_configuration(row, codec, spec);
        check_chain(CodecChain(chain_around(row, sample, codec), spec));
      }
    }
    EXPECT_TRUE(taken || is_left_out(row) || is_for_text(row)) << "no type of elements is taken";
    const ChunkSpec large = spec_of({61, 70, 33}, "int32");
    const Json sample = fitted(given, large.shape);
    AnyCodec codec;
    if (!takes([&] { codec = row.make(sample, large); })) continue;
    check_chain(CodecChain(chain_around(row, sample, codec), large));
    if (std::holds_alternative<std::unique_ptr<BytesToBytes>>(codec)) {
      check_bytes_to_bytes(row, sample);
    }
  }
}

}  // namespace zarrloom::testing
