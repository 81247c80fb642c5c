# zlib 1.3.1, zlib licence. Only for the "zlib" inside a bundled c-blosc: gzip and zlib themselves go
# through libdeflate, and a system c-blosc brings its own.
zarrloom_fetch_sdist(sdist ${ZARRLOOM_BLOSC_SDIST})
set(root "${sdist}/blosc/c-blosc/internal-complibs/zlib-1.3.1")
set(sources adler32 compress crc32 deflate inffast inflate inftrees trees uncompr zutil)
list(TRANSFORM sources PREPEND "${root}/")
list(TRANSFORM sources APPEND ".c")
zarrloom_add_bundled(zlib 1.3.1 INCLUDE "${root}" SOURCES ${sources}
  LICENSE "${sdist}/blosc/c-blosc/LICENSES/ZLIB.txt")
target_compile_definitions(zarrloom_bundled_zlib PRIVATE HAVE_UNISTD_H HAVE_HIDDEN)
