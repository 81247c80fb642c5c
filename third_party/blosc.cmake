# c-blosc 1.21.7, BSD-3-Clause: Zarr's `blosc` codec. Built against our zstd, lz4 and zlib.
zarrloom_find_system(blosc HEADER blosc.h LIBRARY blosc)
if(NOT blosc_FROM_SYSTEM)
  include(third_party/zlib.cmake)
  zarrloom_fetch_sdist(sdist ${ZARRLOOM_BLOSC_SDIST})
  set(root "${sdist}/blosc/c-blosc/blosc")
  set(sources blosc blosclz fastcopy shuffle shuffle-generic bitshuffle-generic)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND sources shuffle-sse2 bitshuffle-sse2 shuffle-avx2 bitshuffle-avx2)
    # Chosen at run time by what the processor can do.
    set_source_files_properties("${root}/shuffle-avx2.c" "${root}/bitshuffle-avx2.c"
                                PROPERTIES COMPILE_OPTIONS -mavx2)
  endif()
  list(TRANSFORM sources PREPEND "${root}/")
  list(TRANSFORM sources APPEND ".c")
  # What c-blosc's own CMake would generate.
  # (CONFIGURE, unlike WRITE, leaves an equal file alone, or each configure would rebuild c-blosc.)
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/_deps/blosc-config/config.h" CONTENT
    "#define HAVE_LZ4 1\n#define HAVE_ZLIB 1\n#define HAVE_ZSTD 1\n#define BLOSC_DLL_EXPORT 0\n")
  zarrloom_add_bundled(blosc 1.21.7 INCLUDE "${root}" SOURCES ${sources}
    LICENSE "${sdist}/blosc/c-blosc/LICENSE.txt")
  target_include_directories(zarrloom_bundled_blosc PRIVATE "${CMAKE_BINARY_DIR}/_deps/blosc-config")
  target_compile_definitions(zarrloom_bundled_blosc PRIVATE USING_CMAKE BLOSC_EXPORT=)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_definitions(zarrloom_bundled_blosc PRIVATE SHUFFLE_SSE2_ENABLED SHUFFLE_AVX2_ENABLED)
  endif()
  find_package(Threads REQUIRED)
  target_link_libraries(zarrloom_bundled_blosc
    PRIVATE zarrloom_deps::zstd zarrloom_deps::lz4 zarrloom_deps::zlib Threads::Threads)
endif()
