#include "conformance/check_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "conformance/guarded_bytes.h"
#include "zarrloom/base/error.h"
#include "zarrloom/base/strided_copy.h"

namespace zarrloom::testing {
namespace {

constexpr std::string_view kDtypes[] = {"bool",    "int8",          "uint16",    "int32",
                                        "float64", "float16",       "complex64", "V5",
                                        "S4",      "datetime64[ns]"};
constexpr std::size_t kEveryLength = 2048;  // data up to this is cut at every length, and flipped

bool equal(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

enum class Outcome { right, other, refused };

// Runs a decode, which may refuse the data and do nothing worse.
template <typename Decode>
Outcome outcome_of(const Decode& decode, ByteView wanted, ByteView got) {
  try {
    decode();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt_data) << error.what();
    return Outcome::refused;
  }
  return equal(wanted, got) ? Outcome::right : Outcome::other;
}

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

bool promises_checksum(const CodecRow& row, const Json& configuration) {
  if (const Json* checksum = configuration.find("checksum")) return *checksum == Json(true);
  return row.name == "crc32c" || row.name.ends_with("gzip") || row.name.ends_with("zlib");
}

void check_compressor(const CodecRow& row, const BytesToBytes& codec, ByteView decoded) {
  const std::size_t bound = codec.max_encoded_size(decoded.size());
  GuardedBytes room(bound), input(decoded.size());
  const std::size_t size = codec.encode(input.hold(decoded), room.last(bound));
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
  if (std::holds_alternative<std::unique_ptr<ArrayToArray>>(codec)) return {own, bytes};
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

// ---- chains ----

// Memory that holds an array of `shape` in one of several layouts.
struct Layout {
  Bytes memory;
  ArrayView view;
};

Layout make_layout(int kind, const Dims& shape, std::size_t item_size) {
  const std::size_t rank = shape.size();
  Layout layout;
  Dims stored = shape;
  Dims reversed;
  for (std::size_t d = rank; d-- > 0;) reversed.push_back(static_cast<std::int64_t>(d));
  if (kind == 1) {  // F order
    for (std::size_t d = 0; d < rank; ++d) stored[d] = shape[rank - 1 - d];
  } else if (kind == 2) {  // every second of a larger array
    for (std::int64_t& extent : stored) extent *= 2;
  }
  layout.memory = Bytes(static_cast<std::size_t>(checked_product(stored, "shape")) * item_size);
  std::fill_n(layout.memory.data(), layout.memory.size(), std::byte{0xEE});
  layout.view = c_view(layout.memory.span(), stored, item_size);
  if (kind == 1) layout.view = transposed(layout.view, reversed);
  if (kind == 2) {
    layout.view = sub_view(layout.view, Dims::filled(rank, 0), Dims::filled(rank, 2), shape);
  }
  for (std::size_t d = 0; kind == 3 && d < rank; ++d) {  // backwards
    layout.view.data += (shape[d] - 1) * layout.view.strides[d];
    layout.view.strides[d] = -layout.view.strides[d];
  }
  return layout;
}

Bytes c_ordered(const ConstArrayView& view) {
  Bytes bytes(view.byte_size());
  strided_copy(view, c_view(bytes.span(), view.shape, view.item_size));
  return bytes;
}

void check_layouts(const CodecChain& chain, const Bytes& elements) {
  const ChunkSpec& spec = chain.spec();
  const std::size_t item = spec.dtype.item_size;
  const ConstArrayView chunk = c_view(elements.view(), spec.shape, item);
  Workspace workspace;
  const Bytes stored = Bytes::copy_of(chain.encode(chunk, workspace));
  EXPECT_LE(stored.size(), chain.max_stored_size());
  EXPECT_TRUE(!chain.is_memory_image() || equal(stored.view(), elements.view()));
  for (int kind = 0; kind < 4; ++kind) {
    const Layout source = make_layout(kind, spec.shape, item);
    strided_copy(chunk, source.view);
    EXPECT_TRUE(equal(chain.encode(source.view, workspace), stored.view())) << "layout " << kind;
    const Layout target = make_layout(kind, spec.shape, item);
    chain.decode(stored.view(), target.view, workspace);
    EXPECT_TRUE(equal(c_ordered(target.view).view(), elements.view())) << "layout " << kind;
  }
}

// A part against the same part of the whole, taken naively.
void check_parts(const CodecChain& chain, const Bytes& elements) {
  const ChunkSpec& spec = chain.spec();
  const ConstArrayView chunk = c_view(elements.view(), spec.shape, spec.dtype.item_size);
  Workspace workspace;
  const Bytes stored = Bytes::copy_of(chain.encode(chunk, workspace));
  std::mt19937 random(7);
  const auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(random()) % n; };
  for (int i = 0; i < 30; ++i) {
    Dims start, step, count;
    for (std::int64_t extent : spec.shape) {
      start.push_back(below(extent));
      step.push_back(1 + below(4));
      const std::int64_t most = (extent - start[start.size() - 1] - 1) / step[step.size() - 1] + 1;
      count.push_back(i == 0 ? 0 : 1 + below(most));
    }
    const Layout target = make_layout(i % 4, count, spec.dtype.item_size);
    chain.decode_part(stored.view(), start, step, target.view, workspace);
    const Bytes wanted = c_ordered(sub_view(chunk, start, step, count));
    EXPECT_TRUE(equal(c_ordered(target.view).view(), wanted.view()))
        << to_string(start) << " by " << to_string(step) << ", " << to_string(count);
  }
}

void check_damage(const CodecChain& chain, const Bytes& elements) {
  const ChunkSpec& spec = chain.spec();
  Workspace workspace;
  const ConstArrayView chunk = c_view(elements.view(), spec.shape, spec.dtype.item_size);
  const Bytes stored = Bytes::copy_of(chain.encode(chunk, workspace));
  GuardedBytes in(stored.size() + 1), out(elements.size());
  const ArrayView to = c_view(out.last(elements.size()), spec.shape, spec.dtype.item_size);
  const auto decode = [&](ByteView data) {
    return outcome_of([&] { chain.decode(data, to, workspace); }, elements.view(),
                      out.last(elements.size()));
  };
  for (std::size_t n = 0; n < stored.size(); ++n) {
    EXPECT_EQ(decode(in.hold(stored.view().first(n))), Outcome::refused) << "cut to " << n;
  }
  const MutableBytes longer = in.last(stored.size() + 1);
  std::copy_n(stored.data(), stored.size(), longer.data());
  longer.back() = std::byte{0};
  EXPECT_EQ(decode(longer), Outcome::refused) << "a byte behind the data";
  const MutableBytes data = in.hold(stored.view());
  for (std::byte& byte : data) {
    byte ^= std::byte{0x10};
    decode(data);
    byte ^= std::byte{0x10};
  }
  EXPECT_EQ(decode(data), Outcome::right) << "after all that";
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

void check_chain(const CodecChain& chain) {
  const Bytes elements = make_elements(chain.spec(), 3);
  const std::size_t rank = chain.spec().shape.size();
  check_layouts(chain, elements);
  check_layouts(chain, make_elements(chain.spec(), 0));
  if (rank > 0) check_parts(chain, elements);
  if (elements.size() <= kEveryLength) check_damage(chain, elements);
  const CodecChain again(chain.configs(), chain.spec());
  EXPECT_EQ(again.configs(), chain.configs());
}

void check_codec(const CodecRow& row) {
  const Json samples = parse_json(row.samples);
  ASSERT_NE(samples.as_array(), nullptr);
  ASSERT_FALSE(samples.as_array()->empty()) << "a row needs a sample";
  for (const Json& given : *samples.as_array()) {
    SCOPED_TRACE(std::string(row.name) + " " + write_json(given, 0));
    for (std::string_view dtype : kDtypes) {
      for (const Dims& shape : {Dims{}, Dims{5}, Dims{3, 4, 5}, Dims{1, 6, 1}}) {
        SCOPED_TRACE(std::string(dtype) + " " + to_string(shape));
        const ChunkSpec spec = spec_of(shape, dtype);
        const Json sample = fitted(given, shape);
        const AnyCodec codec = row.make(sample, spec);
        check_configuration(row, codec, spec);
        check_chain(CodecChain(chain_around(row, sample, codec), spec));
      }
    }
    const ChunkSpec large = spec_of({61, 70, 33}, "int32");
    const Json sample = fitted(given, large.shape);
    const AnyCodec codec = row.make(sample, large);
    check_chain(CodecChain(chain_around(row, sample, codec), large));
    if (std::holds_alternative<std::unique_ptr<BytesToBytes>>(codec)) {
      check_bytes_to_bytes(row, sample);
    }
  }
}

}  // namespace zarrloom::testing
