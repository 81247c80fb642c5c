// What a selection by lists changes of one stored object.
#pragma once

#include "zarrloom/pipeline/index_plan.h"
#include "zarrloom/pipeline/write_object.h"

namespace zarrloom {

// The task is of the object. Writer and `from` must outlive it.
EditsOf edits_by(const ObjectWriter& writer, IndexTask task, const ConstArrayView& from);

}  // namespace zarrloom
