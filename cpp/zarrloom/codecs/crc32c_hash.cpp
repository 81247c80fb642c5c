#include "zarrloom/codecs/crc32c_hash.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace zarrloom {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// Table t moves a byte over t further zero bytes, so that eight bytes are done at a time.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[t - 1][byte];
      tables[t][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

std::uint32_t byte_at(const std::byte* data, std::size_t i) {
  return std::to_integer<std::uint32_t>(data[i]);
}

#if defined(__x86_64__)

// The instruction has a latency of three cycles and can start one each cycle: three strands at a
// time, joined by moving the first two over the length of what follows them.
constexpr std::size_t kStrand = 2048;

constexpr std::uint32_t shifted_over_zeros(std::uint32_t crc, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) crc = (crc >> 8) ^ kTables[0][crc & 0xff];
  return crc;
}

using ShiftTables = std::array<std::array<std::uint32_t, 256>, 4>;

// crc moved over kStrand zero bytes, a byte of the crc at a time (the move is linear).
const ShiftTables& shift_tables() {
  static const ShiftTables tables = [] {
    ShiftTables made{};
    for (std::size_t b = 0; b < 4; ++b) {
      for (std::uint32_t byte = 0; byte < 256; ++byte) {
        const std::uint32_t rest = byte & (byte - 1);  // without its lowest bit
        made[b][byte] = rest != 0 ? made[b][rest] ^ made[b][byte ^ rest]
                                  : shifted_over_zeros(byte << (8 * b), kStrand);
      }
    }
    return made;
  }();
  return tables;
}

std::uint64_t shift_strand(const ShiftTables& tables, std::uint64_t crc) {
  return tables[0][crc & 0xff] ^ tables[1][(crc >> 8) & 0xff] ^ tables[2][(crc >> 16) & 0xff] ^
         tables[3][(crc >> 24) & 0xff];
}

std::uint64_t load(const std::byte* data) {
  std::uint64_t word;
  std::memcpy(&word, data, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(ByteView bytes) {
  const std::byte* data = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t crc = 0xffffffff;
  if (left >= 3 * kStrand) {
    const ShiftTables& tables = shift_tables();
    for (; left >= 3 * kStrand; left -= 3 * kStrand, data += 3 * kStrand) {
      std::uint64_t second = 0, third = 0;
      for (std::size_t at = 0; at < kStrand; at += 8) {
        crc = _mm_crc32_u64(crc, load(data + at));
        second = _mm_crc32_u64(second, load(data + kStrand + at));
        third = _mm_crc32_u64(third, load(data + 2 * kStrand + at));
      }
      crc = shift_strand(tables, shift_strand(tables, crc) ^ second) ^ third;
    }
  }
  for (; left >= 8; left -= 8, data += 8) crc = _mm_crc32_u64(crc, load(data));
  for (; left > 0; --left, ++data) {
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), std::to_integer<unsigned char>(*data));
  }
  return ~static_cast<std::uint32_t>(crc);
}

#endif

}  // namespace

std::uint32_t crc32c_by_tables(ByteView bytes) {
  const std::byte* data = bytes.data();
  std::size_t left = bytes.size();
  std::uint32_t crc = 0xffffffff;
  for (; left >= 8; left -= 8, data += 8) {
    crc = kTables[7][(crc & 0xff) ^ byte_at(data, 0)] ^
          kTables[6][((crc >> 8) & 0xff) ^ byte_at(data, 1)] ^
          kTables[5][((crc >> 16) & 0xff) ^ byte_at(data, 2)] ^
          kTables[4][(crc >> 24) ^ byte_at(data, 3)] ^ kTables[3][byte_at(data, 4)] ^
          kTables[2][byte_at(data, 5)] ^ kTables[1][byte_at(data, 6)] ^
          kTables[0][byte_at(data, 7)];
  }
  for (; left > 0; --left, ++data) crc = (crc >> 8) ^ kTables[0][(crc & 0xff) ^ byte_at(data, 0)];
  return ~crc;
}

std::uint32_t crc32c(ByteView bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return crc32c_by_instruction(bytes);
#endif
  return crc32c_by_tables(bytes);
}

}  // namespace zarrloom
