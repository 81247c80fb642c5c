// One chunk of 64^3 uint16 (512 KiB) through each codec. What is decoded is compared first.
#include <benchmark/benchmark.h>

#include <cstring>

#include "data.h"
#include "zarrloom/codecs/chain.h"
#include "zarrloom/codecs/crc32c_hash.h"

namespace zarrloom {
namespace {

const Dims kChunk{64, 64, 64};

CodecChain chain_of(const std::vector<CodecConfig>& compressors) {
  std::vector<CodecConfig> codecs{{"bytes", Json::Object{{"endian", "little"}}}};
  codecs.insert(codecs.end(), compressors.begin(), compressors.end());
  return CodecChain(codecs,
                    {kChunk, dtype_from_numpy_name("uint16"), {std::byte{0}, std::byte{0}}});
}

void encode(benchmark::State& state, const std::vector<CodecConfig>& compressors) {
  const CodecChain chain = chain_of(compressors);
  const Bytes values = bench::noisy_slope(64 * 64 * 64);
  Workspace workspace;
  std::size_t size = 0;
  for (auto _ : state) size = chain.encode(c_view(values.view(), kChunk, 2), workspace).size();
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * values.size()));
  state.counters["ratio"] = static_cast<double>(values.size()) / static_cast<double>(size);
}

void decode(benchmark::State& state, const std::vector<CodecConfig>& compressors) {
  const CodecChain chain = chain_of(compressors);
  const Bytes values = bench::noisy_slope(64 * 64 * 64);
  Workspace workspace;
  const Bytes stored = Bytes::copy_of(chain.encode(c_view(values.view(), kChunk, 2), workspace));
  Bytes out(values.size());
  for (auto _ : state) {
    chain.decode(stored.view(), c_view(out.span(), kChunk, 2), workspace);
    benchmark::ClobberMemory();
  }
  if (std::memcmp(out.data(), values.data(), out.size()) != 0) state.SkipWithError("wrong data");
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * values.size()));
}

struct Case {
  const char* name;
  std::vector<CodecConfig> compressors;
};

const int registered = [] {
  const std::vector<Case> cases{
      {"zstd", {{"zstd", Json::Object{{"level", 0}}}}},
      {"gzip", {{"gzip", Json::Object{{"level", 5}}}}},
      {"lz4", {{"numcodecs.lz4"}}},
      {"blosc-lz4", {{"blosc", Json::Object{{"cname", "lz4"}, {"shuffle", "shuffle"}}}}},
      {"blosc-zstd", {{"blosc", Json::Object{{"cname", "zstd"}, {"shuffle", "bitshuffle"}}}}},
      {"crc32c", {{"crc32c"}}},
  };
  for (const Case& c : cases) {
    benchmark::RegisterBenchmark((std::string("encode/") + c.name).c_str(), encode, c.compressors);
    benchmark::RegisterBenchmark((std::string("decode/") + c.name).c_str(), decode, c.compressors);
  }
  return 0;
}();

void crc32c_of(benchmark::State& state) {
  const Bytes values = bench::noisy_slope(static_cast<std::size_t>(state.range(0)) / 2);
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(values.view()));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * values.size()));
}
BENCHMARK(crc32c_of)->Arg(4096)->Arg(1 << 20);

}  // namespace
}  // namespace zarrloom
