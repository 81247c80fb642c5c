"""Each chunk to a file of its own, several at once: what ``zarrloom export`` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import zarrloom

values = np.arange(120 * 90).reshape(120, 90)
array = zarrloom.create_array("export.zarr", data=values, chunks=(50, 30), overwrite=True)
folder = Path("exported")
folder.mkdir(exist_ok=True)


def write_csv(index: tuple[int, ...], chunk: np.ndarray[Any, Any]) -> Path:
    path = folder / f"{index[0]}.{index[1]}.csv"
    np.savetxt(path, chunk, fmt="%d", delimiter=",")
    return path


paths = list(array.parallel_chunk_map(write_csv, max_concurrency=4, progress=True))
print(f"{len(paths)} files, the last is {paths[-1]}")
corner = np.loadtxt(paths[-1], delimiter=",", dtype=int)
assert (corner == values[100:, 60:]).all()
