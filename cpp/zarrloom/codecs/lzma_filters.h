// The settings of the `lzma` codec, as Python's module lzma has them. Private to the codecs.
#pragma once

#ifdef ZARRLOOM_HAVE_LZMA
#include <lzma.h>

#include <array>
#include <cstdint>

#include "zarrloom/codecs/codec.h"

namespace zarrloom {

// Dictionaries above that are refused: the data (or the metadata) says how large one is.
inline constexpr std::uint64_t kMostLzmaMemory = std::uint64_t{256} << 20;

enum class LzmaFormat { any = 0, xz = 1, alone = 2, raw = 3 };  // Python's numbers

struct LzmaFilterSettings {
  lzma_vli id = LZMA_VLI_UNKNOWN;
  lzma_options_lzma lzma{};    // LZMA1, LZMA2
  lzma_options_delta delta{};  // delta
  lzma_options_bcj bcj{};      // the others
};

struct LzmaSettings {
  LzmaFormat format = LzmaFormat::xz;
  lzma_check check = LZMA_CHECK_CRC64;
  std::uint32_t preset = LZMA_PRESET_DEFAULT;
  std::vector<LzmaFilterSettings> filters;  // empty: by the preset
  Json configuration;                       // complete
};

// Throws invalid_argument or unsupported.
LzmaSettings read_lzma_settings(const Json& configuration);

// The library's own list, which points into `settings`.
class LzmaFilters {
 public:
  explicit LzmaFilters(const LzmaSettings& settings);
  const lzma_filter* list() const { return list_.data(); }

 private:
  std::array<lzma_filter, LZMA_FILTERS_MAX + 1> list_;
};

lzma_ret start_lzma_encoder(lzma_stream& stream, const LzmaSettings& settings,
                            const LzmaFilters& filters);
lzma_ret start_lzma_decoder(lzma_stream& stream, const LzmaSettings& settings,
                            const LzmaFilters& filters);

}  // namespace zarrloom
#endif
