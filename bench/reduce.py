"""Statistics over an array, natively and otherwise: python bench/reduce.py --help

Reduces a float32 array on a file system (raw and zstd chunks) by `zarrloom.reduce`, by numpy over
all of the array read at once, by a Python function mapped over the chunks, and by dask if that is
installed. Beside them stand a read of the whole array into memory that is there already, and a
memcpy of that memory by numpy. Results are compared before any time is printed; times are medians
over rounds in which all take turns, so that a noisy machine hits all of them alike.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import zarrloom

TASKS: dict[str, tuple[list[str], int | None]] = {
    "min max sum count": (["min", "max", "sum", "count"], None),
    "mean std": (["mean", "std"], None),
    "argmax": (["argmax"], None),
    "mean, axis=0": (["mean"], 0),
    "min max, axis=0": (["min", "max"], 0),
    "mean, axis=-1": (["mean"], -1),
}


def by_numpy(values: np.ndarray[Any, Any], names: list[str], axis: int | None) -> dict[str, Any]:
    """Compute all from memory."""
    return {
        name: values.size if name == "count" else getattr(np, name)(values, axis=axis)
        for name in names
    }


def by_map(array: zarrloom.Array, names: list[str]) -> dict[str, Any]:
    """Compute what has simple partial results, by Python functions over chunks."""
    parts = list(
        array.parallel_chunk_map(
            lambda _, chunk: (chunk.min(), chunk.max(), chunk.sum(dtype="f8"), chunk.size),
            ordered=False,
        )
    )
    least, greatest, sums, counts = zip(*parts, strict=True)
    return {"min": min(least), "max": max(greatest), "sum": sum(sums), "count": sum(counts)}


def by_dask(array: zarrloom.Array, names: list[str], axis: int | None) -> dict[str, Any]:
    """Compute all by one dask graph over the array's own chunks."""
    import dask
    import dask.array as da

    lazy = da.from_array(array, chunks=array.chunks)
    found = [lazy.size if n == "count" else getattr(lazy, n)(axis=axis) for n in names]
    return dict(zip(names, dask.compute(*found), strict=True))


def contestants(
    array: zarrloom.Array, out: np.ndarray[Any, Any], copy: np.ndarray[Any, Any], task: str
) -> dict[str, Callable[[], Any]]:
    """Give what is timed, by name."""
    names, axis = TASKS[task]
    work: dict[str, Callable[[], Any]] = {
        "reduce": lambda: zarrloom.reduce(array, names, axis=axis),
        "numpy of a[:]": lambda: by_numpy(array[...], names, axis),
        "(read alone)": lambda: array.read(out=out),
        "(memcpy alone)": lambda: np.copyto(copy, out),
    }
    if task == "min max sum count":
        work["chunk map"] = lambda: by_map(array, names)
    if task != "argmax" and importlib.util.find_spec("dask"):
        work["dask"] = lambda: by_dask(array, names, axis)
    return work


def check(work: dict[str, Callable[[], Any]], task: str) -> None:
    """Refuse to go on unless all agree, as far as float32 goes."""
    expected = work["numpy of a[:]"]()
    for name, call in work.items():
        if name.startswith("("):
            continue
        for key, value in call().items():
            if not np.allclose(value, expected[key], rtol=1e-3, atol=1e-3):
                raise SystemExit(f"{task}: {name} gives another {key} than numpy")


def run(array: zarrloom.Array, label: str, rounds: int) -> None:
    """Time all tasks over one array."""
    out, copy = np.empty(array.shape, array.dtype), np.empty(array.shape, array.dtype)
    for task in TASKS:
        work = contestants(array, out, copy, task)
        check(work, task)
        times: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(rounds):
            for name, call in work.items():
                began = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - began)
        print(f"{label}: {task}")
        for name, samples in times.items():
            median = statistics.median(samples)
            print(f"  {name:16}{median * 1e3:9.1f} ms{array.nbytes / 1e6 / median:9.0f} MB/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--chunks", type=int, nargs=3, default=[64, 128, 128])
    options = parser.parse_args()
    planes = max(1, options.megabytes * 2**20 // (512 * 512 * 4))
    random = np.random.default_rng(0)
    values = random.normal(280, 10, (planes, 512, 512)).astype("float32").round(1)
    if options.threads is not None:
        zarrloom.config.threads = options.threads
    with tempfile.TemporaryDirectory() as folder:
        for label, compressors in (("raw", None), ("zstd", "auto")):
            array = zarrloom.create_array(
                Path(folder) / label,
                shape=values.shape,
                chunks=tuple(options.chunks),
                dtype="float32",
                compressors=compressors,
            )
            array[...] = values
            run(array, label, options.rounds)


if __name__ == "__main__":
    main()
