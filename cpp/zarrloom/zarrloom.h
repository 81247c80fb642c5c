// Everything a C++ program needs. See examples/cpp.
#pragma once

#include "zarrloom/array/append.h"
#include "zarrloom/array/array.h"
#include "zarrloom/array/chunks.h"
#include "zarrloom/array/group.h"
#include "zarrloom/array/resize.h"
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/extensions.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/stores/reference.h"
#include "zarrloom/stores/store.h"
#include "zarrloom/stores/zip.h"
