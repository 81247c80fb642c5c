# yyjson 0.10.0, MIT: parses metadata. Debian bookworm has no package of it, so that
# ZARRLOOM_DEPS=system falls back to the bundled one where none is found.
zarrloom_find_system(yyjson HEADER yyjson.h LIBRARY yyjson OPTIONAL_EVEN_IF_SYSTEM)
if(NOT yyjson_FROM_SYSTEM)
  zarrloom_fetch_sdist(sdist yyjson 4.0.6
    fcd4dc15c1e39a30bf9fa85d56903029111506860fc3080ab0d81c6c6dacaa8c)
  set(root "${sdist}/yyjson")
  # The folder also holds the sources of the Python binding: take the two files that are wanted.
  file(COPY "${root}/yyjson.c" "${root}/yyjson.h" DESTINATION "${CMAKE_BINARY_DIR}/_deps/yyjson")
  zarrloom_add_bundled(yyjson 0.10.0 INCLUDE "${CMAKE_BINARY_DIR}/_deps/yyjson"
                       SOURCES "${CMAKE_BINARY_DIR}/_deps/yyjson/yyjson.c" LICENSE "${sdist}/LICENSE")
endif()
