// Everything a C++ program needs. See examples/cpp.
#pragma once

#include "zarrloom/array/array.h"
#include "zarrloom/base/error.h"
#include "zarrloom/codecs/registry.h"
#include "zarrloom/stores/store.h"
