#include "zarrloom/base/statistics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <complex>

#include "zarrloom/base/error.h"
#include "zarrloom/base/statistics_typed.h"

namespace zarrloom {
namespace {

// By Statistic.
constexpr std::array<std::string_view, 9> kNames{
    "min", "max", "sum", "mean", "variance", "count", "argmin", "argmax", "histogram"};

// Exact; numbers below the normal ones too.
float from_half(std::uint16_t half) {
  const auto sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const auto bits = static_cast<std::uint32_t>(half & 0x7fffu) << 13;
  const bool special = (half & 0x7c00u) == 0x7c00u;
  const float scaled = std::bit_cast<float>(bits) * 0x1p112f;
  const std::uint32_t magnitude =
      special ? bits | 0x7f800000u : std::bit_cast<std::uint32_t>(scaled);
  return std::bit_cast<float>(magnitude | sign);
}

template <typename T>
ByteView bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

class HalfStatistics final : public Statistics {
 public:
  HalfStatistics(const StatisticsOptions& options, const BlockShape& shape)
      : floats_(options, shape) {}

  void clear(const BlockShape& shape) override { floats_.clear(shape); }
  void add(const BlockShape& shape, ByteView data) override {
    floats_.add(shape, bytes_of(widened(data)));
  }
  void add_repeated(const BlockShape& shape, ByteView item) override {
    floats_.add_repeated(shape, bytes_of(widened(item)));
  }
  void merge(const Statistics& later) override {
    floats_.merge(static_cast<const HalfStatistics&>(later).floats_);
  }
  void write(Statistic statistic, MutableBytes out) const override {
    floats_.write(statistic, out);
  }

 private:
  static std::vector<float> widened(ByteView data) {
    const auto* const halves = reinterpret_cast<const std::uint16_t*>(data.data());
    std::vector<float> floats(data.size() / 2);
    std::transform(halves, halves + floats.size(), floats.begin(), from_half);
    return floats;
  }

  TypedStatistics<float> floats_;
};

template <typename T>
class ComplexStatistics final : public Statistics {
 public:
  ComplexStatistics(const StatisticsOptions& options, const BlockShape& shape)
      : skipna_(options.skipna), parts_{Part(options, shape), Part(options, shape)} {
    outputs_ = static_cast<std::size_t>(shape.outputs());
  }

  void clear(const BlockShape& shape) override {
    outputs_ = static_cast<std::size_t>(shape.outputs());
    for (Part& part : parts_) part.clear(shape);
  }
  void add(const BlockShape& shape, ByteView data) override {
    for (std::size_t p = 0; p < 2; ++p) {
      parts_[p].add(shape, bytes_of(part(data, p)));
    }
  }
  void add_repeated(const BlockShape& shape, ByteView item) override {
    for (std::size_t p = 0; p < 2; ++p) {
      parts_[p].add_repeated(shape, bytes_of(part(item, p)));
    }
  }
  void merge(const Statistics& later) override {
    const auto& other = static_cast<const ComplexStatistics&>(later);
    for (std::size_t p = 0; p < 2; ++p) parts_[p].merge(other.parts_[p]);
  }
  void write(Statistic statistic, MutableBytes out) const override {
    if (statistic == Statistic::count) return parts_[0].write(statistic, out);
    std::vector<double> values(outputs_);
    for (std::size_t p = 0; p < 2; ++p) {
      parts_[p].write(statistic, std::as_writable_bytes(std::span(values)));
      for (std::size_t o = 0; o < outputs_; ++o) {
        std::memcpy(out.data() + (2 * o + p) * sizeof(double), &values[o], sizeof(double));
      }
    }
  }

 private:
  using Part = TypedStatistics<T>;

  // With skipna both parts are NaN where one is.
  std::vector<T> part(ByteView data, std::size_t p) const {
    const auto* const x = reinterpret_cast<const T*>(data.data());
    std::vector<T> values(data.size() / (2 * sizeof(T)));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const T other = x[2 * i + 1 - p];
      values[i] = skipna_ && kernels::is_nan(other) ? other : x[2 * i + p];
    }
    return values;
  }

  bool skipna_;
  std::array<Part, 2> parts_;  // real, imaginary
  std::size_t outputs_;
};

template <template <typename> typename Of, typename... Types>
std::unique_ptr<Statistics> by_size(std::size_t item_size, const StatisticsOptions& options,
                                    const BlockShape& shape) {
  std::unique_ptr<Statistics> made;
  const auto try_type = [&]<typename T>(T) {
    if (sizeof(T) == item_size) made = std::make_unique<Of<T>>(options, shape);
  };
  (try_type(Types{}), ...);
  return made;
}

}  // namespace

std::string_view statistic_name(Statistic statistic) {
  return kNames[static_cast<std::size_t>(statistic)];
}

Statistic statistic_from_name(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found != kNames.end()) return static_cast<Statistic>(found - kNames.begin());
  fail(ErrorCode::invalid_argument, "there is no statistic \"" + std::string(name) + "\"");
}

bool StatisticsOptions::wants(Statistic statistic) const {
  return std::find(wanted.begin(), wanted.end(), statistic) != wanted.end();
}

void check_statistics(const StatisticsOptions& options, const DataType& dtype) {
  const bool numbers = dtype.kind == Kind::boolean || dtype.kind == Kind::signed_integer ||
                       dtype.kind == Kind::unsigned_integer || dtype.kind == Kind::floating;
  if (numbers) return;
  for (const Statistic statistic : options.wanted) {
    const bool has = statistic == Statistic::sum || statistic == Statistic::mean ||
                     statistic == Statistic::count;
    if (dtype.kind == Kind::complex && has) continue;
    fail(ErrorCode::unsupported, "elements of dtype " + dtype.numpy_name() +
                                     " have no statistic \"" +
                                     std::string(statistic_name(statistic)) + "\" here");
  }
}

std::int64_t BlockShape::outputs() const {
  std::int64_t n = 1;
  for (std::size_t d = 0; d < count.size(); ++d) n *= reduced[d] != 0 ? 1 : count[d];
  return n;
}

std::int64_t BlockShape::elements() const {
  std::int64_t n = 1;
  for (std::size_t d = 0; d < count.size(); ++d) n *= reduced[d] != 0 ? count[d] : 1;
  return n;
}

std::int64_t BlockShape::most_elements() const {
  std::int64_t n = 1;
  for (std::size_t d = 0; d < whole.size(); ++d) n *= reduced[d] != 0 ? whole[d] : 1;
  return n;
}

bool BlockShape::is_line() const {
  int longer = 0;
  for (std::size_t d = 0; d < count.size(); ++d) longer += reduced[d] != 0 && count[d] > 1;
  return longer <= 1;
}

std::int64_t BlockShape::place(std::int64_t local) const {
  std::int64_t result = 0, stride = 1;
  for (std::size_t d = count.size(); d-- > 0;) {
    if (reduced[d] == 0) continue;
    result += (start[d] + local % count[d]) * stride;
    local /= count[d];
    stride *= whole[d];
  }
  return result;
}

std::vector<BlockGroup> block_groups(const BlockShape& shape) {
  std::vector<BlockGroup> groups;  // innermost first
  std::int64_t data = 1, output = 1, place = 1;
  for (std::size_t d = shape.count.size(); d-- > 0;) {
    const std::int64_t extent = shape.count[d];
    const bool reduced = shape.reduced[d] != 0;
    if (extent == 1) continue;
    if (!groups.empty() && groups.back().reduced == reduced) {
      groups.back().extent *= extent;
    } else {
      groups.push_back({extent, reduced, data, reduced ? 0 : output, reduced ? place : 0});
    }
    data *= extent;
    (reduced ? place : output) *= extent;
  }
  if (groups.empty()) groups.push_back({1, true, 1, 0, 1});
  std::reverse(groups.begin(), groups.end());
  return groups;
}

std::unique_ptr<Statistics> make_statistics(const StatisticsOptions& options, const DataType& dtype,
                                            const BlockShape& shape) {
  check_statistics(options, dtype);
  std::unique_ptr<Statistics> made;
  switch (dtype.kind) {
    case Kind::signed_integer:
      made = by_size<TypedStatistics, std::int8_t, std::int16_t, std::int32_t, std::int64_t>(
          dtype.item_size, options, shape);
      break;
    case Kind::boolean:
    case Kind::unsigned_integer:
      made = by_size<TypedStatistics, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>(
          dtype.item_size, options, shape);
      break;
    case Kind::floating:
      if (dtype.item_size == 2) return std::make_unique<HalfStatistics>(options, shape);
      made = by_size<TypedStatistics, float, double>(dtype.item_size, options, shape);
      break;
    default:
      made = by_size<ComplexStatistics, float, double>(dtype.item_size / 2, options, shape);
  }
  if (!made) fail(ErrorCode::unsupported, "no statistics of dtype " + dtype.numpy_name());
  return made;
}

std::size_t statistic_size(Statistic statistic, const StatisticsOptions& options,
                           const DataType& dtype) {
  const bool complex = dtype.kind == Kind::complex;
  switch (statistic) {
    case Statistic::min:
    case Statistic::max:
      return dtype.kind == Kind::floating ? std::max<std::size_t>(dtype.item_size, 4)
                                          : dtype.item_size;
    case Statistic::sum:
      return dtype.kind == Kind::floating ? 8 : 16;
    case Statistic::mean:
      return complex ? 16 : 8;
    case Statistic::histogram:
      return 8 * options.bins->size();
    default:
      return 8;
  }
}

}  // namespace zarrloom
