"""Statistics over an array that need not fit into memory."""

from __future__ import annotations

from typing import Any

import numpy as np

import zarrloom

values = np.random.default_rng(0).normal(size=(512, 512))
array = zarrloom.create_array(
    "stream.zarr", data=values, chunks=(64, 64), dtype="float64", overwrite=True
)

# One chunk after another, read ahead by native threads.
total = sum(chunk.sum() for _, chunk in array.chunk_stream(parallel=4))


# The same with a function of your own on several chunks at once.
def extremes(index: tuple[int, ...], chunk: np.ndarray[Any, Any]) -> tuple[float, float]:
    return float(chunk.min()), float(chunk.max())


lows, highs = zip(*array.parallel_chunk_map(extremes, max_concurrency=4), strict=True)

print(f"mean {total / array.size:.4f}, from {min(lows):.2f} to {max(highs):.2f}")
assert min(lows) == values.min()
assert max(highs) == values.max()
