// What the parts of the codec suite share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "zarrloom/base/bytes.h"
#include "zarrloom/base/error.h"

namespace zarrloom::testing {

inline constexpr std::size_t kEveryLength = 2048;  // up to this data is cut at every length

// True if the codec takes what it is given. Some do not take elements of every type, or every
// number of bytes; there must be some that they do take, which EveryCodec's other tests show.
template <typename Run>
bool takes(const Run& run) {
  try {
    run();
  } catch (const Error& error) {
    const ErrorCode code = error.code();
    if (code != ErrorCode::invalid_argument && code != ErrorCode::unsupported) throw;
    return false;
  }
  return true;
}

inline bool equal(ByteView a, ByteView b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

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

}  // namespace zarrloom::testing
