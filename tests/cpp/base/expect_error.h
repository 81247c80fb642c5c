// Checks that a call throws zarrloom::Error with the right code.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "zarrloom/base/error.h"

namespace zarrloom {

// Returns the message, so that a test can look for what it must name.
template <typename Call>
std::string expect_error(ErrorCode code, Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

}  // namespace zarrloom
