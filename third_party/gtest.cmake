# GoogleTest, BSD-3-Clause, for development: from the system only (no sdist carries it).
find_package(GTest QUIET)
if(NOT GTest_FOUND)
  message(FATAL_ERROR "ZARRLOOM_BUILD_TESTS needs GoogleTest: install libgtest-dev (Debian), "
                      "gtest (conda-forge), or point CMAKE_PREFIX_PATH at it.")
endif()
