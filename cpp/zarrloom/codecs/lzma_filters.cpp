#include "zarrloom/codecs/lzma_filters.h"

#ifdef ZARRLOOM_HAVE_LZMA
#include <algorithm>

#include "zarrloom/base/error.h"
#include "zarrloom/codecs/config.h"

namespace zarrloom {
namespace {

constexpr std::int64_t kMost32 = 0xffffffff;
constexpr std::int64_t kLzma1 = 0x4000000000000001;
constexpr std::int64_t kDefaultPreset = LZMA_PRESET_DEFAULT;

bool is_lzma(lzma_vli id) { return id == LZMA_FILTER_LZMA1 || id == LZMA_FILTER_LZMA2; }

// A member of a filter that is given replaces what the preset says.
void read_number(const ConfigReader& config, std::string_view name, std::int64_t most,
                 std::uint32_t& value) {
  if (const auto given = config.integer(name, 0, most)) value = static_cast<std::uint32_t>(*given);
}

void read_lzma_filter(const Json& json, LzmaFilterSettings& filter) {
  const ConfigReader config(
      json, {"id", "preset", "dict_size", "lc", "lp", "pb", "mode", "nice_len", "mf", "depth"});
  const auto preset = config.integer("preset", 0, kMost32).value_or(kDefaultPreset);
  if (lzma_lzma_preset(&filter.lzma, static_cast<std::uint32_t>(preset))) {
    fail(ErrorCode::invalid_argument, "there is no preset " + std::to_string(preset));
  }
  read_number(config, "dict_size", kMost32, filter.lzma.dict_size);
  read_number(config, "lc", 4, filter.lzma.lc);
  read_number(config, "lp", 4, filter.lzma.lp);
  read_number(config, "pb", 4, filter.lzma.pb);
  read_number(config, "nice_len", 273, filter.lzma.nice_len);
  read_number(config, "depth", kMost32, filter.lzma.depth);
  std::uint32_t mode = filter.lzma.mode, finder = filter.lzma.mf;
  read_number(config, "mode", 2, mode);
  read_number(config, "mf", 20, finder);
  filter.lzma.mode = static_cast<lzma_mode>(mode);
  filter.lzma.mf = static_cast<lzma_match_finder>(finder);
  if (filter.lzma.dict_size > kMostLzmaMemory) {
    fail(ErrorCode::unsupported, "a dictionary of " + std::to_string(filter.lzma.dict_size) +
                                     " bytes is above the limit of 256 MiB");
  }
}

LzmaFilterSettings read_filter(const Json& json) {
  const Json* id = json.find("id");
  if (id == nullptr || id->as_int() == nullptr) {
    fail(ErrorCode::invalid_argument, "each of \"filters\" must be an object with an id");
  }
  LzmaFilterSettings filter;
  filter.id = static_cast<lzma_vli>(*id->as_int());
  if (*id->as_int() == kLzma1 || filter.id == LZMA_FILTER_LZMA2) {
    read_lzma_filter(json, filter);
  } else if (filter.id == LZMA_FILTER_DELTA) {
    const ConfigReader config(json, {"id", "dist"});
    filter.delta.type = LZMA_DELTA_TYPE_BYTE;
    filter.delta.dist = static_cast<std::uint32_t>(config.integer("dist", 1, 256).value_or(1));
  } else if (*id->as_int() >= 4 && *id->as_int() <= 9) {  // for machine code of six processors
    const ConfigReader config(json, {"id", "start_offset"});
    read_number(config, "start_offset", kMost32, filter.bcj.start_offset);
  } else {
    fail(ErrorCode::unsupported, "LZMA filter " + write_json(*id, 0) + " is not known");
  }
  return filter;
}

void read_filters(const Json* value, LzmaSettings& settings) {
  if (value == nullptr) return;
  const Json::Array* list = value->as_array();
  if (list == nullptr || list->empty() || list->size() > LZMA_FILTERS_MAX) {
    fail(ErrorCode::invalid_argument, "\"filters\" must be null or a list of 1 to 4");
  }
  for (const Json& json : *list) settings.filters.push_back(read_filter(json));
}

void check_combination(const ConfigReader& config, const LzmaSettings& settings) {
  if (settings.format == LzmaFormat::any) {
    fail(ErrorCode::unsupported, "\"format\" 0 (any) can only be decoded; 1, 2 and 3 are known");
  }
  if (settings.format == LzmaFormat::raw && settings.filters.empty()) {
    fail(ErrorCode::invalid_argument, "raw LZMA data needs \"filters\"");
  }
  if (!settings.filters.empty() && config.find("preset") != nullptr) {
    fail(ErrorCode::invalid_argument, "\"preset\" and \"filters\" exclude each other");
  }
  if (settings.format == LzmaFormat::alone && !settings.filters.empty() &&
      (settings.filters.size() > 1 || settings.filters[0].id != LZMA_FILTER_LZMA1)) {
    fail(ErrorCode::invalid_argument, "format 2 takes one filter, which must be LZMA1");
  }
  if (!lzma_check_is_supported(settings.check)) {
    fail(ErrorCode::unsupported,
         "\"check\" " + std::to_string(static_cast<int>(settings.check)) + " is not known");
  }
  // What only shows when a coder is made, such as the order of filters, shows now.
  lzma_stream stream = LZMA_STREAM_INIT;
  const lzma_ret result = start_lzma_encoder(stream, settings, LzmaFilters(settings));
  lzma_end(&stream);
  if (result == LZMA_OK) return;
  if (result == LZMA_MEM_ERROR) fail(ErrorCode::out_of_memory, "no memory for LZMA");
  fail(ErrorCode::invalid_argument, "liblzma refuses these settings");
}

}  // namespace

LzmaSettings read_lzma_settings(const Json& configuration) {
  const ConfigReader config(configuration, {"format", "check", "preset", "filters"});
  LzmaSettings settings;
  settings.format = static_cast<LzmaFormat>(config.integer("format", 0, 3).value_or(1));
  const std::int64_t check = config.integer("check", -1, 15).value_or(-1);
  if (check >= 0) settings.check = static_cast<lzma_check>(check);
  settings.preset =
      static_cast<std::uint32_t>(config.integer("preset", 0, kMost32).value_or(kDefaultPreset));
  read_filters(config.find("filters"), settings);
  check_combination(config, settings);
  const auto given = [&](const char* name) {
    return config.find(name) == nullptr ? Json() : *config.find(name);
  };
  settings.configuration = Json::Object{{"format", static_cast<int>(settings.format)},
                                        {"check", check},
                                        {"preset", given("preset")},
                                        {"filters", given("filters")}};
  return settings;
}

LzmaFilters::LzmaFilters(const LzmaSettings& settings) {
  std::size_t n = 0;
  for (const LzmaFilterSettings& filter : settings.filters) {
    // The library does not write to its options.
    const void* options = is_lzma(filter.id)               ? static_cast<const void*>(&filter.lzma)
                          : filter.id == LZMA_FILTER_DELTA ? &filter.delta
                                                           : static_cast<const void*>(&filter.bcj);
    list_[n++] = {filter.id, const_cast<void*>(options)};
  }
  list_[n] = {LZMA_VLI_UNKNOWN, nullptr};
}

lzma_ret start_lzma_encoder(lzma_stream& stream, const LzmaSettings& settings,
                            const LzmaFilters& filters) {
  const bool by_preset = settings.filters.empty();
  if (settings.format == LzmaFormat::raw) return lzma_raw_encoder(&stream, filters.list());
  if (settings.format == LzmaFormat::xz) {
    return by_preset ? lzma_easy_encoder(&stream, settings.preset, settings.check)
                     : lzma_stream_encoder(&stream, filters.list(), settings.check);
  }
  lzma_options_lzma options{};
  if (!by_preset) {
    options = settings.filters[0].lzma;
  } else if (lzma_lzma_preset(&options, settings.preset)) {
    return LZMA_OPTIONS_ERROR;
  }
  return lzma_alone_encoder(&stream, &options);
}

lzma_ret start_lzma_decoder(lzma_stream& stream, const LzmaSettings& settings,
                            const LzmaFilters& filters) {
  switch (settings.format) {
    case LzmaFormat::raw:
      return lzma_raw_decoder(&stream, filters.list());
    case LzmaFormat::alone:
      return lzma_alone_decoder(&stream, kMostLzmaMemory);
    default:
      return lzma_stream_decoder(&stream, kMostLzmaMemory, 0);
  }
}

}  // namespace zarrloom
#endif
