# libdeflate 1.26, MIT: gzip and zlib, two to three times as fast as zlib.
zarrloom_find_system(deflate HEADER libdeflate.h LIBRARY deflate)
if(NOT deflate_FROM_SYSTEM)
  zarrloom_fetch_sdist(sdist deflate 0.9.0
    962e0a6f1ea3a94b900a8ea0ce138fa92bfcbafda5b86367104a259ffcd3462b)
  set(root "${sdist}/libdeflate")
  file(GLOB sources "${root}/lib/*.c" "${root}/lib/arm/*.c" "${root}/lib/x86/*.c")
  zarrloom_add_bundled(deflate 1.26 INCLUDE "${root}" SOURCES ${sources}
    LICENSE "${root}/COPYING")
endif()
