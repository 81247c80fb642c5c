# AWS Common Runtime, Apache-2.0: HTTP, TLS and the signing of requests, for the stores `http` and
# `s3`. From the system where its CMake packages are found, else built from the sdist `awscrt`, with
# AWS-LC as libcrypto, or with OpenSSL's static one where that and its headers are installed (not
# with ZARRLOOM_DEPS=bundled). -DZARRLOOM_S3=OFF leaves all of it out.
set(ZARRLOOM_AWSCRT_VERSION 0.38.1)
set(ZARRLOOM_AWSCRT_SHA256 0dcebfaa70cf079133cd2352119e3d05e9b8ca1d1621736cfb54c03f3d5fef0f)
set(ZARRLOOM_AWSCRT_CACHE "$ENV{ZARRLOOM_AWSCRT_CACHE}" CACHE PATH
    "A folder to keep the built library in, for other build folders; empty: each builds its own")

set(awscrt_FROM_SYSTEM FALSE)
if(NOT ZARRLOOM_DEPS STREQUAL "bundled")
  find_package(aws-c-auth QUIET)
  if(aws-c-auth_FOUND)
    add_library(zarrloom_awscrt_system INTERFACE)
    target_link_libraries(zarrloom_awscrt_system INTERFACE AWS::aws-c-auth AWS::aws-c-http)
    add_library(zarrloom_deps::awscrt ALIAS zarrloom_awscrt_system)
    list(APPEND ZARRLOOM_BUNDLED_TARGETS zarrloom_awscrt_system)
    set(ZARRLOOM_BUNDLED_TARGETS "${ZARRLOOM_BUNDLED_TARGETS}" CACHE INTERNAL "")
    set(ZARRLOOM_SYSTEM_PACKAGES aws-c-auth CACHE INTERNAL "")
    zarrloom_note_dependency(awscrt "system, ${aws-c-auth_DIR}")
    set(awscrt_FROM_SYSTEM TRUE)
  endif()
endif()

# Runs a step of the build, whose many lines only matter when it fails.
function(zarrloom_awscrt_step what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE log ERROR_VARIABLE log)
  if(failed)
    message(FATAL_ERROR "awscrt: could not ${what}:\n${log}\nUse -DZARRLOOM_S3=OFF to build without "
                        "the stores http:// and s3://.")
  endif()
endfunction()

# One archive of all, so that it is found and installed like any other library.
function(zarrloom_awscrt_merge prefix crypto out)
  set(script "")
  foreach(name aws-c-auth aws-c-http aws-c-compression aws-c-io aws-c-sdkutils s2n aws-c-cal
               aws-c-common)
    file(GLOB archive "${prefix}/lib*/lib${name}.a")
    string(APPEND script "ADDLIB ${archive}\n")
  endforeach()
  file(WRITE "${prefix}/merge.mri" "CREATE ${out}\n${script}ADDLIB ${crypto}\nSAVE\nEND\n")
  execute_process(COMMAND "${CMAKE_AR}" -M INPUT_FILE "${prefix}/merge.mri"
                  RESULT_VARIABLE failed ERROR_VARIABLE log)
  if(failed)
    message(FATAL_ERROR "awscrt: could not make one archive:\n${log}")
  endif()
endfunction()

function(zarrloom_awscrt_licenses sdist prefix with_openssl)
  file(MAKE_DIRECTORY "${prefix}/licenses")
  file(COPY_FILE "${sdist}/LICENSE" "${prefix}/licenses/awscrt.txt")
  file(COPY_FILE "${sdist}/NOTICE" "${prefix}/licenses/awscrt-notice.txt")
  file(COPY_FILE "${sdist}/crt/s2n/LICENSE" "${prefix}/licenses/s2n.txt")
  if(with_openssl)  # Apache-2.0 as well
    file(COPY_FILE "${sdist}/LICENSE" "${prefix}/licenses/openssl.txt")
  else()
    file(COPY_FILE "${sdist}/crt/aws-lc/LICENSE" "${prefix}/licenses/aws-lc.txt")
  endif()
endfunction()

# Builds and installs into `prefix`.
function(zarrloom_awscrt_build prefix with_openssl)
  zarrloom_fetch_sdist(sdist awscrt ${ZARRLOOM_AWSCRT_VERSION} ${ZARRLOOM_AWSCRT_SHA256})
  set(build "${CMAKE_BINARY_DIR}/_deps/awscrt-build")
  set(options "-DCRT_SOURCE=${sdist}/crt" "-DCMAKE_INSTALL_PREFIX=${prefix}"
              "-DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}" "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}"
              -DCMAKE_C_VISIBILITY_PRESET=hidden -DCMAKE_BUILD_TYPE=Release
              "-DUSE_OPENSSL=${with_openssl}" -DOPENSSL_USE_STATIC_LIBS=ON)
  if(CMAKE_C_COMPILER_LAUNCHER)
    list(APPEND options "-DCMAKE_C_COMPILER_LAUNCHER=${CMAKE_C_COMPILER_LAUNCHER}")
  endif()
  if(CMAKE_MAKE_PROGRAM)
    list(APPEND options "-DCMAKE_MAKE_PROGRAM=${CMAKE_MAKE_PROGRAM}")
  endif()
  message(STATUS "Building awscrt ${ZARRLOOM_AWSCRT_VERSION}, which takes a minute or a few")
  zarrloom_awscrt_step(configure "${CMAKE_COMMAND}" -G "${CMAKE_GENERATOR}"
    -S "${PROJECT_SOURCE_DIR}/third_party/awscrt" -B "${build}" ${options})
  zarrloom_awscrt_step(build "${CMAKE_COMMAND}" --build "${build}" --parallel)
  zarrloom_awscrt_step(install "${CMAKE_COMMAND}" --install "${build}")
  set(crypto "${OPENSSL_STATIC_CRYPTO}")
  if(NOT with_openssl)
    file(GLOB crypto "${prefix}/lib*/libcrypto.a")
  endif()
  zarrloom_awscrt_merge("${prefix}" "${crypto}" "${prefix}/libzarrloom_awscrt.a")
  zarrloom_awscrt_licenses("${sdist}" "${prefix}" ${with_openssl})
endfunction()

if(NOT awscrt_FROM_SYSTEM)
  find_path(OPENSSL_HEADERS openssl/ssl.h)
  find_library(OPENSSL_STATIC_CRYPTO libcrypto.a)
  mark_as_advanced(OPENSSL_HEADERS OPENSSL_STATIC_CRYPTO)
  set(with_openssl OFF)
  set(crypto_name aws-lc)
  if(OPENSSL_HEADERS AND OPENSSL_STATIC_CRYPTO AND NOT ZARRLOOM_DEPS STREQUAL "bundled")
    set(with_openssl ON)
    set(crypto_name openssl)
  endif()
  set(cache "${ZARRLOOM_AWSCRT_CACHE}")
  if(NOT cache)
    set(cache "${CMAKE_BINARY_DIR}/_deps")
  endif()
  set(prefix "${cache}/awscrt-${ZARRLOOM_AWSCRT_VERSION}-${crypto_name}-${CMAKE_C_COMPILER_ID}")
  file(MAKE_DIRECTORY "${cache}")
  file(LOCK "${prefix}.lock" GUARD FILE)  # of two build folders at once
  if(NOT EXISTS "${prefix}/.complete")
    zarrloom_awscrt_build("${prefix}" ${with_openssl})
    file(TOUCH "${prefix}/.complete")
  endif()
  file(LOCK "${prefix}.lock" RELEASE)
  add_library(zarrloom_deps::awscrt UNKNOWN IMPORTED GLOBAL)
  set_target_properties(zarrloom_deps::awscrt PROPERTIES
    IMPORTED_LOCATION "${prefix}/libzarrloom_awscrt.a"
    INTERFACE_INCLUDE_DIRECTORIES "${prefix}/include"
    INTERFACE_LINK_LIBRARIES "${CMAKE_DL_LIBS};m")
  install(FILES "${prefix}/libzarrloom_awscrt.a" DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT cpp)
  install(DIRECTORY "${prefix}/licenses/" DESTINATION zarrloom/licenses COMPONENT python)
  set(ZARRLOOM_SYSTEM_LIBRARIES "${ZARRLOOM_SYSTEM_LIBRARIES};awscrt=zarrloom_awscrt" CACHE INTERNAL "")
  zarrloom_note_dependency(awscrt "bundled, ${ZARRLOOM_AWSCRT_VERSION} with ${crypto_name}")
endif()
