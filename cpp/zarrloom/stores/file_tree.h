// Walks over the folders of a file store.
#pragma once

#include <string>
#include <vector>

#include "zarrloom/stores/file_io.h"

namespace zarrloom {

// The objects below `prefix` ("" = all), sorted, without temporaries and without names that are no
// keys. A folder that is not there is empty. Links are followed or left out, circles ended.
std::vector<ListEntry> list_tree(int root, const std::string& prefix, ListDepth depth,
                                 Symlinks symlinks);

// Removes all that is below `prefix`, temporaries and folders too, and the folder of the prefix
// itself. Links found there are removed, never followed.
void erase_tree(int root, const std::string& prefix, Symlinks symlinks);

}  // namespace zarrloom
