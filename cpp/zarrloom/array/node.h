// What lies at a path of a store: an array, a group or nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zarrloom/array/metadata.h"
#include "zarrloom/stores/store.h"

namespace zarrloom {

// Throws invalid_argument. "" is the root; otherwise parts as in check_key, none beginning with
// "__" (v3 core specification, "Node names").
void check_path(std::string_view path);

// Throws invalid_argument for what is neither 2 nor 3.
void check_format(int zarr_format);

std::string join_key(std::string_view path, std::string_view name);

// The groups that a node at the path lies in, from the root on: "a/b" lies in "" and "a".
std::vector<std::string> ancestors(std::string_view path);

// The objects that metadata lies in, below a node's path.
inline constexpr std::string_view kV3Name = "zarr.json";
inline constexpr std::string_view kV2ArrayName = ".zarray";
inline constexpr std::string_view kV2GroupName = ".zgroup";
inline constexpr std::string_view kV2AttributesName = ".zattrs";
inline constexpr std::string_view kV2ConsolidatedName = ".zmetadata";

// Looks for format 3 first, then for format 2; a given format looks for that alone. nullopt if
// there is nothing. Throws invalid_argument if there is a group, and what parsing throws, naming
// the key.
std::optional<ArrayMetadata> read_array_metadata(const Store& store, std::string_view path,
                                                 std::optional<int> zarr_format,
                                                 std::shared_ptr<const Extensions> extensions = {});

// One atomic write for each document: zarr.json, or .zattrs (if there are attributes) and .zarray.
void write_array_metadata(const Store& store, std::string_view path, const ArrayMetadata& metadata);

// True if an array or a group of either format lies at the path.
bool node_exists(const Store& store, std::string_view path);

// "zarr.json" or ".zarray", below the path.
std::string array_metadata_key(std::string_view path, int zarr_format);

}  // namespace zarrloom
