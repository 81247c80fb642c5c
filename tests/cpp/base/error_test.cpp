#include "zarrloom/base/error.h"

#include <gtest/gtest.h>

#include <new>
#include <string>

namespace zarrloom {
namespace {

template <typename Throw>
Failure failure_of(Throw throw_it) {
  try {
    throw_it();
  } catch (...) {
    return current_failure();
  }
  return {};
}

TEST(Error, CarriesCodeAndMessage) {
  const Error error(ErrorCode::storage, "disk gone");
  EXPECT_EQ(error.code(), ErrorCode::storage);
  EXPECT_STREQ(error.what(), "disk gone");
  EXPECT_EQ(error.failure().message, "disk gone");
}

TEST(Error, FailThrowsError) {
  const Failure failure = failure_of([] { fail(ErrorCode::conflict, "changed"); });
  EXPECT_EQ(failure.code, ErrorCode::conflict);
  EXPECT_EQ(failure.message, "changed");
}

TEST(Error, CurrentFailureKeepsAllFieldsOfAnError) {
  const Failure failure = failure_of(
      [] { throw Error(Failure{ErrorCode::corrupt_data, "frame cut", {3, 4}, "c/3/4", 5}); });
  EXPECT_EQ(failure.code, ErrorCode::corrupt_data);
  EXPECT_EQ(failure.message, "frame cut");
  EXPECT_EQ(failure.chunk, (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(failure.key, "c/3/4");
  EXPECT_EQ(failure.os_error, 5);
}

TEST(Error, CurrentFailureOfForeignExceptions) {
  EXPECT_EQ(failure_of([] { throw std::bad_alloc(); }).code, ErrorCode::out_of_memory);
  EXPECT_FALSE(failure_of([] { throw std::bad_alloc(); }).message.empty());
  const Failure other = failure_of([] { throw std::logic_error("broken"); });
  EXPECT_EQ(other.code, ErrorCode::internal);
  EXPECT_EQ(other.message, "broken");
  EXPECT_EQ(failure_of([] { throw 7; }).code, ErrorCode::internal);
  EXPECT_FALSE(failure_of([] { throw 7; }).message.empty());
}

TEST(Error, WithContextPrefixesAndKeepsTheRest) {
  const Failure failure = with_context({ErrorCode::storage, "cut", {1}, "c/1", 2}, "zstd");
  EXPECT_EQ(failure.message, "zstd: cut");
  EXPECT_EQ(failure.code, ErrorCode::storage);
  EXPECT_EQ(failure.chunk, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(failure.key, "c/1");
  EXPECT_EQ(failure.os_error, 2);
}

}  // namespace
}  // namespace zarrloom
