// Arrays and groups in the other format.
#pragma once

#include <memory>
#include <string_view>

#include "zarrloom/array/group.h"

namespace zarrloom {

// The same array in the other format, with stored chunks that mean the same; with `keep_keys` also
// under the same keys. xarray's attribute _ARRAY_DIMENSIONS of format 2 and dimension_names of
// format 3 become each other. Throws unsupported where that format cannot say it, with the reason.
ArrayMetadata convert_metadata(const ArrayMetadata& metadata, int zarr_format, bool keep_keys);

// The node at the path, and all below, in place: the metadata is written anew, the chunks stay as
// they are. Old metadata is erased when the new one is there; consolidated metadata with it. Throws
// unsupported, naming the array, before anything is changed.
void convert_in_place(const std::shared_ptr<Runtime>& runtime, const std::shared_ptr<Store>& store,
                      std::string_view path, int zarr_format, const InterruptCheck& interrupt = {});

// A new array like the source, in the other format, without its chunks. Throws as convert_metadata
// and Array::create.
Array create_converted(const Array& source, std::shared_ptr<Store> store, std::string_view path,
                       int zarr_format);

}  // namespace zarrloom
