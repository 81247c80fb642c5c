"""Chunks as files that other programs read."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import zarrloom


def export_chunk(
    folder: Path, form: str, index: tuple[int, ...], chunk: np.ndarray[Any, Any]
) -> str:
    """Write one chunk to ``<index with dots>.<form>``: the old file or the whole new one."""
    name = f"{'.'.join(map(str, index)) or '0'}.{form}"
    part = folder / f"{name}.part"
    with part.open("wb") as file:
        if form == "npy":
            np.save(file, chunk)
        else:
            # One row of text for each row along the last axis.
            width = chunk.shape[-1] if chunk.ndim else 1
            kind = "%d" if chunk.dtype.kind in "biu" else "%s"
            np.savetxt(file, chunk.reshape(-1, width), fmt=kind, delimiter=",")
    os.replace(part, folder / name)
    return name


def run_export(path: str, folder: str, form: str, processes: int | None) -> int:
    """Export every chunk of an array, in other processes, for writing text holds the GIL."""
    array = zarrloom.open_array(path, mode="r")
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    write = partial(export_chunk, place, form)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        names: list[str] = list(array.parallel_chunk_map(write, executor=pool, progress=True))
    print(f"{len(names)} files in {place}")
    return 0
