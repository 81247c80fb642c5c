"""When are other threads worth waking? python bench/few_chunks.py --help

Reads one, two, three and eight chunks of growing size on the calling thread (parallel=1) and on all
threads. What is read is compared first. Times are medians over rounds in which both take turns; the
table says which is faster, and so where the numbers in `pipeline/work.cpp` should lie.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import zarrloom


def compare(array: zarrloom.Array, count: int, rounds: int, expected: np.ndarray) -> list[float]:
    """Give the medians, in microseconds, of both ways."""
    out = np.empty((count, *array.shape[1:]), array.dtype)
    times: list[list[float]] = [[], []]
    ways = (1, zarrloom.config.threads)
    for parallel in ways:
        if not np.array_equal(
            array.read(np.s_[:count], out=out, parallel=parallel), expected[:count]
        ):
            raise SystemExit("what was read is not what was written")
    for _ in range(rounds):
        for way, parallel in enumerate(ways):
            began = time.perf_counter()
            array.read(np.s_[:count], out=out, parallel=parallel)
            times[way].append((time.perf_counter() - began) * 1e6)
    return [statistics.median(each) for each in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    given = parser.parse_args()
    print(f"{zarrloom.config.threads} threads; microseconds on one, on all, and the ratio")
    with tempfile.TemporaryDirectory() as folder:
        for codec in ("raw", "zstd"):
            for kib in (4, 16, 32, 64, 128, 256, 1024):
                noise = np.random.default_rng(0).integers(0, 8, 8 * kib * 256, dtype="uint32")
                values = (noise + 1000).reshape(8, kib * 256)
                array = zarrloom.create_array(
                    Path(folder) / f"{codec}{kib}",
                    shape=values.shape,
                    chunks=(1, kib * 256),
                    dtype="uint32",
                    **({"compressors": None} if codec == "raw" else {}),
                )
                array[...] = values
                row = []
                for count in (1, 2, 3, 8):
                    one, many = compare(array, count, given.rounds, values)
                    row.append(f"{count}: {one:7.1f} {many:7.1f} {one / many:5.2f}")
                print(f"{codec:5} {kib:5} KiB   " + "   ".join(row))


if __name__ == "__main__":
    main()
