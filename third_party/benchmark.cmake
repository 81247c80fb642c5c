# google-benchmark, Apache-2.0, for development: from the system only (no sdist carries it).
find_package(benchmark QUIET)
if(NOT benchmark_FOUND)
  message(FATAL_ERROR "ZARRLOOM_BUILD_BENCH needs google-benchmark: install libbenchmark-dev (Debian), "
                      "benchmark (conda-forge), or point CMAKE_PREFIX_PATH at it.")
endif()
