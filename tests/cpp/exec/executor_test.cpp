#include "zarrloom/exec/executor.h"

#include <gtest/gtest.h>

#include "conformance/check_executor.h"

namespace zarrloom {
namespace {

TEST(Executor, Inline) { testing::check_executor(*make_inline_executor()); }
TEST(Executor, PoolOfNone) { testing::check_executor(*make_pool(0)); }
TEST(Executor, PoolOfOne) { testing::check_executor(*make_pool(1)); }
TEST(Executor, PoolOfFour) { testing::check_executor(*make_pool(4)); }

}  // namespace
}  // namespace zarrloom
