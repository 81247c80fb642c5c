# bzip2, bzip2 licence: the codec `bz2`. From the system or not at all: the one sdist on PyPI that
# carries its sources (`hdf5plugin`) has 75 MB. Without it the codec is refused by name.
zarrloom_find_system(bz2 HEADER bzlib.h LIBRARY bz2 OPTIONAL_EVEN_IF_SYSTEM)
if(NOT bz2_FROM_SYSTEM)
  zarrloom_note_dependency(bz2 "none, the codec bz2 will be refused")
endif()
