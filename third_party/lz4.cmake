# LZ4 1.10.0, BSD-2-Clause. The library only, none of the programs (GPL).
zarrloom_find_system(lz4 HEADER lz4.h LIBRARY lz4)
if(NOT lz4_FROM_SYSTEM)
  zarrloom_fetch_sdist(sdist ${ZARRLOOM_BLOSC_SDIST})
  set(root "${sdist}/blosc/c-blosc/internal-complibs/lz4-1.10.0")
  zarrloom_add_bundled(lz4 1.10.0 INCLUDE "${root}" SOURCES "${root}/lz4.c" "${root}/lz4hc.c"
    LICENSE "${sdist}/blosc/c-blosc/LICENSES/LZ4.txt")
  target_compile_definitions(zarrloom_bundled_lz4 PRIVATE LZ4LIB_VISIBILITY=)
endif()
