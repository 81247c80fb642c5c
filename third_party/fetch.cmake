# How a dependency is found or built. Each third_party/<name>.cmake makes zarrloom_deps::<name>.
#
# A bundled one is built from a source distribution on PyPI: pip fetches it at configure time, so
# that whatever index or mirror the user's pip knows is used, and its hash is checked twice (by pip
# and here).
include_guard(GLOBAL)

set(ZARRLOOM_DEPENDENCIES_FOUND "" CACHE INTERNAL "")
set(ZARRLOOM_BUNDLED_TARGETS "" CACHE INTERNAL "")
set(ZARRLOOM_SYSTEM_LIBRARIES "" CACHE INTERNAL "")
set(ZARRLOOM_SYSTEM_PACKAGES "" CACHE INTERNAL "")

function(zarrloom_note_dependency name where)
  set(ZARRLOOM_DEPENDENCIES_FOUND "${ZARRLOOM_DEPENDENCIES_FOUND};${name}: ${where}" CACHE INTERNAL "")
endfunction()

function(zarrloom_print_dependencies)
  foreach(line IN LISTS ZARRLOOM_DEPENDENCIES_FOUND)
    message(STATUS "zarrloom dependency ${line}")
  endforeach()
endfunction()

# zarrloom_find_system(<name> HEADER <file> LIBRARY <name>...): finds an installed library in the
# places CMake knows (CMAKE_PREFIX_PATH serves conda, Spack and HPC modules) and makes
# zarrloom_deps::<name>. Sets <name>_FROM_SYSTEM in the caller.
function(zarrloom_find_system name)
  cmake_parse_arguments(ARG "OPTIONAL_EVEN_IF_SYSTEM" "HEADER" "LIBRARY" ${ARGN})
  set(${name}_FROM_SYSTEM FALSE PARENT_SCOPE)
  if(ZARRLOOM_DEPS STREQUAL "bundled")
    return()
  endif()
  find_path(ZARRLOOM_${name}_INCLUDE ${ARG_HEADER})
  find_library(ZARRLOOM_${name}_LIBRARY NAMES ${ARG_LIBRARY})
  mark_as_advanced(ZARRLOOM_${name}_INCLUDE ZARRLOOM_${name}_LIBRARY)
  if(ZARRLOOM_${name}_INCLUDE AND ZARRLOOM_${name}_LIBRARY)
    add_library(zarrloom_deps::${name} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(zarrloom_deps::${name} PROPERTIES
      IMPORTED_LOCATION "${ZARRLOOM_${name}_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${ZARRLOOM_${name}_INCLUDE}")
    set(ZARRLOOM_SYSTEM_LIBRARIES "${ZARRLOOM_SYSTEM_LIBRARIES};${name}=${ARG_LIBRARY}" CACHE INTERNAL "")
    zarrloom_note_dependency(${name} "system, ${ZARRLOOM_${name}_LIBRARY}")
    set(${name}_FROM_SYSTEM TRUE PARENT_SCOPE)
  elseif(ZARRLOOM_DEPS STREQUAL "system" AND NOT ARG_OPTIONAL_EVEN_IF_SYSTEM)
    message(FATAL_ERROR
      "ZARRLOOM_DEPS=system, but ${ARG_HEADER} and lib${ARG_LIBRARY} were not found. Install the "
      "development package of ${name} (see third_party/README.md), point CMAKE_PREFIX_PATH at it, "
      "or use ZARRLOOM_DEPS=auto.")
  endif()
endfunction()

# zarrloom_fetch_sdist(<out-var> <package> <version> <sha256>): the unpacked source folder.
function(zarrloom_fetch_sdist out package version sha256)
  set(work "${CMAKE_BINARY_DIR}/_deps")
  set(folder "${work}/${package}-${version}")
  set(${out} "${folder}" PARENT_SCOPE)
  if(EXISTS "${folder}/.unpacked")
    return()
  endif()
  zarrloom_find_pip(pip)
  file(MAKE_DIRECTORY "${work}")
  set(requirements "${work}/${package}.txt")
  file(WRITE "${requirements}" "${package}==${version} --hash=sha256:${sha256}\n")
  message(STATUS "Fetching ${package} ${version}")
  execute_process(
    COMMAND ${pip} download --quiet --no-deps --no-binary ${package} --require-hashes
            --requirement "${requirements}" --dest "${work}"
    RESULT_VARIABLE failed OUTPUT_VARIABLE log ERROR_VARIABLE log)
  set(archive "${work}/${package}-${version}.tar.gz")
  if(failed OR NOT EXISTS "${archive}")
    message(FATAL_ERROR
      "pip could not fetch ${package} ${version}:\n${log}\nInstall the library itself and use "
      "-DZARRLOOM_DEPS=system, or put ${package}-${version}.tar.gz into ${work}.")
  endif()
  file(SHA256 "${archive}" actual)
  if(NOT actual STREQUAL sha256)
    message(FATAL_ERROR "${archive} has sha256 ${actual}, not ${sha256}")
  endif()
  file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${work}")
  file(TOUCH "${folder}/.unpacked")
endfunction()

# The pip of the Python that builds us; in pip's isolated builds it is a build requirement.
function(zarrloom_find_pip out)
  find_package(Python COMPONENTS Interpreter QUIET)
  if(NOT Python_EXECUTABLE)
    find_program(Python_EXECUTABLE NAMES python3 python REQUIRED)
  endif()
  set(${out} "${Python_EXECUTABLE};-m;pip" PARENT_SCOPE)
endfunction()

# zarrloom_add_bundled(<name> <version> INCLUDE <dir> SOURCES <files> LICENSE <file>): a static
# library of foreign C code, always optimised, without our warnings, its names hidden. Its licence asks
# to be told of wherever the code goes, so that the text goes into the wheel.
function(zarrloom_add_bundled name version)
  cmake_parse_arguments(ARG "" "INCLUDE;LICENSE" "SOURCES" ${ARGN})
  install(FILES "${ARG_LICENSE}" DESTINATION zarrloom/licenses RENAME "${name}.txt" COMPONENT python)
  set(target zarrloom_bundled_${name})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(zarrloom_deps::${name} ALIAS ${target})
  target_include_directories(${target} SYSTEM PUBLIC "$<BUILD_INTERFACE:${ARG_INCLUDE}>")
  target_compile_options(${target} PRIVATE -w $<$<NOT:$<CONFIG:Release>>:-O3>)
  set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET hidden C_STANDARD 11)
  set(ZARRLOOM_BUNDLED_TARGETS "${ZARRLOOM_BUNDLED_TARGETS};${target}" CACHE INTERNAL "")
  zarrloom_note_dependency(${name} "bundled, ${version}")
endfunction()

# c-blosc's sdist carries the compressors that it was made for; all of them come from there, so that
# one archive serves four libraries and there is one copy of each.
set(ZARRLOOM_BLOSC_SDIST blosc 1.11.4
    e0b312d9554d3aea93c75af4ad70dfa8b815ef4fe2b658c313b2f27ed0f41d37)
