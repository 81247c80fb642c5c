#include "zarrloom/base/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/expect_error.h"

namespace zarrloom {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <typename T>
ByteView bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

template <typename R>
std::vector<R> results(const Statistics& statistics, Statistic which, std::size_t outputs = 1) {
  std::vector<R> values(outputs);
  statistics.write(which, std::as_writable_bytes(std::span(values)));
  return values;
}

BlockShape whole(const Dims& count, const Dims& reduced) {
  return {count, reduced, Dims::filled(count.size(), 0), count};
}

StatisticsOptions wanting(std::vector<Statistic> wanted, bool skipna = false) {
  StatisticsOptions options;
  options.wanted = std::move(wanted);
  options.skipna = skipna;
  return options;
}

// Every combination of kept and reduced dimensions against a plain loop.
TEST(Statistics, EveryPatternOfAxes) {
  const Dims count{3, 4, 1, 5, 6};
  std::mt19937 random(1);
  std::vector<std::int32_t> data(360);
  for (auto& value : data) value = static_cast<std::int32_t>(random() % 1000) - 500;
  const StatisticsOptions options = wanting(
      {Statistic::min, Statistic::max, Statistic::sum, Statistic::argmin, Statistic::variance});
  for (int mask = 0; mask < 32; ++mask) {
    Dims reduced;
    for (int d = 0; d < 5; ++d) reduced.push_back(mask >> d & 1);
    const BlockShape shape = whole(count, reduced);
    const auto outputs = static_cast<std::size_t>(shape.outputs());
    const auto statistics = make_statistics(options, dtype_from_numpy_name("int32"), shape);
    statistics->add(shape, bytes(data));

    std::vector<std::vector<std::int32_t>> groups(outputs);
    for (std::int64_t i = 0; i < 360; ++i) {
      std::int64_t rest = i, output = 0, stride = 1;
      for (std::size_t d = 5; d-- > 0;) {
        if (reduced[d] == 0) {
          output += rest % count[d] * stride;
          stride *= count[d];
        }
        rest /= count[d];
      }
      groups[static_cast<std::size_t>(output)].push_back(data[static_cast<std::size_t>(i)]);
    }
    const auto min = results<std::int32_t>(*statistics, Statistic::min, outputs);
    const auto max = results<std::int32_t>(*statistics, Statistic::max, outputs);
    const auto sum = results<__int128>(*statistics, Statistic::sum, outputs);
    const auto place = results<std::int64_t>(*statistics, Statistic::argmin, outputs);
    const auto variance = results<double>(*statistics, Statistic::variance, outputs);
    for (std::size_t o = 0; o < outputs; ++o) {
      const auto& group = groups[o];
      const auto n = static_cast<double>(group.size());
      const double mean = std::accumulate(group.begin(), group.end(), 0.0) / n;
      double squares = 0;
      for (const auto value : group) squares += (value - mean) * (value - mean);
      EXPECT_EQ(min[o], *std::min_element(group.begin(), group.end()));
      EXPECT_EQ(max[o], *std::max_element(group.begin(), group.end()));
      EXPECT_EQ(static_cast<std::int64_t>(sum[o]), std::accumulate(group.begin(), group.end(), 0));
      EXPECT_EQ(place[o], std::min_element(group.begin(), group.end()) - group.begin());
      EXPECT_NEAR(variance[o], squares / n, 1e-9 * (squares / n));
    }
  }
}

TEST(Statistics, PlacesAreThoseOfTheWhole) {
  const BlockShape shape{{2, 3, 4}, {1, 0, 1}, {5, 0, 7}, {10, 3, 20}};
  EXPECT_EQ(shape.outputs(), 3);
  EXPECT_EQ(shape.elements(), 8);
  EXPECT_EQ(shape.place(0), 5 * 20 + 7);
  EXPECT_EQ(shape.place(3), 5 * 20 + 10);
  EXPECT_EQ(shape.place(4), 6 * 20 + 7);
}

TEST(Statistics, NanWinsUnlessItIsSkipped) {
  const std::vector<double> data{3, kNan, 1, kNan, 2};
  for (const bool skipna : {false, true}) {
    const auto options = wanting(
        {Statistic::min, Statistic::argmax, Statistic::sum, Statistic::count, Statistic::variance},
        skipna);
    const auto statistics =
        make_statistics(options, dtype_from_numpy_name("float64"), whole({5}, {1}));
    statistics->add(whole({5}, {1}), bytes(data));
    const double min = results<double>(*statistics, Statistic::min)[0];
    const double sum = results<double>(*statistics, Statistic::sum)[0];
    const double variance = results<double>(*statistics, Statistic::variance)[0];
    if (skipna) {
      EXPECT_EQ(min, 1);
      EXPECT_EQ(sum, 6);
      EXPECT_NEAR(variance, 2.0 / 3, 1e-15);
    } else {
      EXPECT_TRUE(std::isnan(min) && std::isnan(sum) && std::isnan(variance));
    }
    EXPECT_EQ(results<std::int64_t>(*statistics, Statistic::argmax)[0], skipna ? 0 : 1);
    EXPECT_EQ(results<std::int64_t>(*statistics, Statistic::count)[0], skipna ? 3 : 5);
  }
}

// The worst value that a type has is an element like others.
TEST(Statistics, ExtremesOfExtremeValues) {
  const auto options = wanting({Statistic::min, Statistic::argmin, Statistic::argmax}, true);
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> floats{kNan, infinity, infinity};
  for (const bool rows : {false, true}) {
    const BlockShape shape = rows ? whole({3, 2}, {1, 0}) : whole({3}, {1});
    std::vector<double> data = floats;
    if (rows) data = {kNan, kNan, infinity, infinity, infinity, infinity};
    const auto outputs = static_cast<std::size_t>(shape.outputs());
    const auto statistics = make_statistics(options, dtype_from_numpy_name("float64"), shape);
    statistics->add(shape, bytes(data));
    EXPECT_EQ(results<std::int64_t>(*statistics, Statistic::argmin, outputs).back(), 1);
    EXPECT_EQ(results<double>(*statistics, Statistic::min, outputs).back(), infinity);
  }
  const std::vector<std::uint8_t> zeros(100, 0);
  const auto statistics =
      make_statistics(options, dtype_from_numpy_name("uint8"), whole({100}, {1}));
  statistics->add(whole({100}, {1}), bytes(zeros));
  EXPECT_EQ(results<std::int64_t>(*statistics, Statistic::argmax)[0], 0);
}

TEST(Statistics, SumsOfIntegersAreExact) {
  const auto options = wanting({Statistic::sum});
  const auto check = [&]<typename T>(T, const char* name) {
    for (const T value : {std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest()}) {
      const std::vector<T> data(5000, value);
      const __int128 expected = static_cast<__int128>(value) * 5000;
      const auto runs = make_statistics(options, dtype_from_numpy_name(name), whole({5000}, {1}));
      runs->add(whole({5000}, {1}), bytes(data));
      EXPECT_TRUE(results<__int128>(*runs, Statistic::sum)[0] == expected) << name;
      const auto rows =
          make_statistics(options, dtype_from_numpy_name(name), whole({2500, 2}, {1, 0}));
      rows->add(whole({2500, 2}, {1, 0}), bytes(data));
      EXPECT_TRUE(results<__int128>(*rows, Statistic::sum, 2)[1] == expected / 2) << name;
    }
  };
  check(std::int8_t{}, "int8");
  check(std::uint16_t{}, "uint16");
  check(std::int32_t{}, "int32");
  check(std::uint32_t{}, "uint32");
  check(std::int64_t{}, "int64");
  check(std::uint64_t{}, "uint64");
}

TEST(Statistics, ManyRowsLoseNothing) {
  std::vector<double> data{1e100, 1, -1e100};
  const auto options = wanting({Statistic::sum});
  const auto statistics =
      make_statistics(options, dtype_from_numpy_name("float64"), whole({3}, {1}));
  statistics->add(whole({3}, {1}), bytes(data));
  std::vector<double> columns;
  for (const double value : data) columns.insert(columns.end(), {value, value});
  const auto rows =
      make_statistics(options, dtype_from_numpy_name("float64"), whole({3, 2}, {1, 0}));
  rows->add(whole({3, 2}, {1, 0}), bytes(columns));
  EXPECT_EQ(results<double>(*rows, Statistic::sum, 2), (std::vector<double>{1, 1}));
}

TEST(Statistics, RepeatedIsWhatTheElementsGive) {
  const auto options = wanting({Statistic::min, Statistic::argmax, Statistic::sum, Statistic::mean,
                                Statistic::variance, Statistic::count});
  for (const Dims& reduced : {Dims{1, 1}, Dims{0, 1}, Dims{1, 0}}) {
    const BlockShape shape{{30, 20}, reduced, {3, 4}, {100, 100}};
    const auto outputs = static_cast<std::size_t>(shape.outputs());
    const auto read = make_statistics(options, dtype_from_numpy_name("float32"), shape);
    const auto repeated = make_statistics(options, dtype_from_numpy_name("float32"), shape);
    read->add(shape, bytes(std::vector<float>(600, 2.5f)));
    repeated->add_repeated(shape, bytes(std::vector<float>{2.5f}));
    for (const Statistic which : options.wanted) {
      const std::size_t words = which == Statistic::min ? outputs : outputs * 2;
      EXPECT_EQ(results<std::uint32_t>(*read, which, words),
                results<std::uint32_t>(*repeated, which, words))
          << statistic_name(which);
    }
  }
}

TEST(Statistics, ServesAgainForABlockOfAnotherSize) {
  StatisticsOptions options = wanting({Statistic::min, Statistic::argmax, Statistic::mean,
                                       Statistic::variance, Statistic::count, Statistic::sum},
                                      true);
  const std::vector<float> before(800, -7.0f);
  std::vector<float> data(30);
  std::iota(data.begin(), data.end(), 1.0f);
  const BlockShape large{{8, 100}, {1, 0}, {0, 0}, {80, 103}};
  for (const BlockShape& shape : {BlockShape{{10, 3}, {1, 0}, {70, 100}, {80, 103}},
                                  BlockShape{{5, 6}, {1, 0}, {8, 0}, {80, 103}}}) {
    const auto outputs = static_cast<std::size_t>(shape.outputs());
    const auto fresh = make_statistics(options, dtype_from_numpy_name("float32"), shape);
    const auto used = make_statistics(options, dtype_from_numpy_name("float32"), large);
    used->add(large, bytes(before));
    used->clear(shape);
    for (const auto& statistics : {fresh.get(), used.get()}) statistics->add(shape, bytes(data));
    for (const Statistic which : options.wanted) {
      const std::size_t words = which == Statistic::min ? outputs : outputs * 2;
      EXPECT_EQ(results<std::uint32_t>(*fresh, which, words),
                results<std::uint32_t>(*used, which, words))
          << statistic_name(which);
    }
    EXPECT_EQ(results<std::int64_t>(*used, Statistic::argmax, outputs)[0],
              shape.start[0] + shape.count[0] - 1);
  }
}

TEST(Statistics, BinsAsNumpyHasThem) {
  const Bins even({0, 0.5, 1, 1.5, 2});
  EXPECT_EQ(even.find(0), 0u);
  EXPECT_EQ(even.find(0.5), 1u);
  EXPECT_EQ(even.find(std::nextafter(0.5, 0)), 0u);
  EXPECT_EQ(even.find(2), 3u);
  EXPECT_FALSE(even.find(2.0001));
  EXPECT_FALSE(even.find(-1e-9));
  EXPECT_FALSE(even.find(kNan));
  const Bins uneven({-1, 0, 0, 10});
  EXPECT_EQ(uneven.find(-1), 0u);
  EXPECT_EQ(uneven.find(0), 2u);
  EXPECT_EQ(uneven.find(10), 2u);
  for (const std::vector<double>& edges : {std::vector<double>{1}, {1, kNan}, {2, 1}}) {
    const std::string said = expect_error(ErrorCode::invalid_argument, [&] { Bins bins(edges); });
    EXPECT_NE(said.find("ascending"), std::string::npos);
  }
}

TEST(Statistics, WhatATypeLacksIsNamed) {
  const std::string said = expect_error(ErrorCode::unsupported, [] {
    make_statistics(wanting({Statistic::argmin}), dtype_from_numpy_name("complex64"),
                    whole({5}, {1}));
  });
  EXPECT_EQ(said, "elements of dtype complex64 have no statistic \"argmin\" here");
  expect_error(ErrorCode::unsupported, [] {
    make_statistics(wanting({Statistic::sum}), dtype_from_numpy_name("V5"), whole({5}, {1}));
  });
  expect_error(ErrorCode::invalid_argument, [] { statistic_from_name("median"); });
}

}  // namespace
}  // namespace zarrloom
