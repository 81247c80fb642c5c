# zstd 1.5.6, BSD-3-Clause. From the `blosc` sdist rather than `zstandard`'s single file, because it
# has the x86-64 assembly of the Huffman decoder.
zarrloom_find_system(zstd HEADER zstd.h LIBRARY zstd)
if(NOT zstd_FROM_SYSTEM)
  zarrloom_fetch_sdist(sdist ${ZARRLOOM_BLOSC_SDIST})
  set(root "${sdist}/blosc/c-blosc/internal-complibs/zstd-1.5.6")
  file(GLOB sources "${root}/common/*.c" "${root}/compress/*.c" "${root}/decompress/*.c")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    enable_language(ASM)
    list(APPEND sources "${root}/decompress/huf_decompress_amd64.S")
  endif()
  zarrloom_add_bundled(zstd 1.5.6 INCLUDE "${root}" SOURCES ${sources}
    LICENSE "${PROJECT_SOURCE_DIR}/third_party/licenses/zstd.txt")  # the sdist lacks it
  target_compile_definitions(zarrloom_bundled_zstd PRIVATE
    ZSTDLIB_VISIBLE= ZSTDERRORLIB_VISIBLE= ZSTD_LEGACY_SUPPORT=0 XXH_NAMESPACE=ZSTD_)
endif()
