# liblzma (xz), 0BSD and public domain: the codec `lzma`. From the system or not at all: no sdist on
# PyPI was found that carries its sources. Without it the codec is refused by name.
zarrloom_find_system(lzma HEADER lzma.h LIBRARY lzma OPTIONAL_EVEN_IF_SYSTEM)
if(NOT lzma_FROM_SYSTEM)
  zarrloom_note_dependency(lzma "none, the codec lzma will be refused")
endif()
