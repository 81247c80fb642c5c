// Codecs and data types of Python packages, which zarrloom.extensions finds by name: the one place
// where threads of the core take the GIL. docs/decisions says why.
#pragma once

#include <memory>

#include "zarrloom/codecs/extensions.h"

namespace zarrloom::bindings {

// Asks zarrloom.extensions, from any thread, with or without the GIL.
std::shared_ptr<const Extensions> python_extensions();

}  // namespace zarrloom::bindings
