"""Make an array, write it, read parts of it, and tell what it is."""

from __future__ import annotations

import numpy as np

import zarrloom

array = zarrloom.create_array(
    "quickstart.zarr",
    shape=(1000, 1000),
    chunks=(100, 100),
    dtype="float64",
    attributes={"unit": "m"},
    overwrite=True,
)
array[...] = np.arange(1_000_000, dtype="float64").reshape(1000, 1000)

print(array.info)
print("every fourth element of row 10:", array[10, ::4][:3])
print("the last corner:", array[-1, -1])
assert array[10, 4] == 10_004.0
