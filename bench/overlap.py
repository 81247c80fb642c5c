"""What overlapping brings: python bench/overlap.py --help

Latency: a stream of 256 small chunks from a store that takes 20 ms for each read, with one read at
a time and with 64. Maps: a numpy function that costs about what decoding a chunk costs, over local
zstd data: mapped while chunks are decoded, against reading a chunk and then calling it, chunk after
chunk, and against reading the whole array (on all threads) and calling it then. With D for decoding
on one thread, and two cores, these take (D + D) / 2, D + D and D / 2 + D at best. The results are
compared before a time is printed. Times are medians over rounds in which the ways take
turns, so that a noisy machine hits all of them alike.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import zarrloom


def medians(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Run the ways in turns, and give the median of each, in seconds."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(each) for name, each in times.items()}


def latency(folder: Path, seconds: float, parallel: int, rounds: int) -> None:
    """Streams over a store that is far away."""
    count = 256
    values = np.arange(count * 1000, dtype="int32").reshape(count, 1000)
    near = zarrloom.create_array(
        folder / "latency", shape=values.shape, chunks=(1, 1000), dtype="int32"
    )
    near[...] = values
    array = zarrloom.open(zarrloom.FileStore(folder / "latency").delayed(seconds))

    def stream(parallel: int) -> None:
        got = [data for _, data in array.chunk_stream(parallel=parallel)]
        if not np.array_equal(np.concatenate(got), values):
            raise SystemExit("what was streamed is not what was written")

    ways = {"1": lambda: stream(1), str(parallel): lambda: stream(parallel)}
    found = medians(ways, rounds)
    print(f"stream of {count} chunks, {seconds * 1e3:.0f} ms for each read")
    for name, each in found.items():
        print(f"  parallel={name:4} {each:8.3f} s")
    print(f"  ratio {found['1'] / found[str(parallel)]:.1f}")


def calibrate(values: np.ndarray[Any, Any], side: int, decode: float) -> int:
    """How often numpy must work on every chunk so that it costs what decoding them all does."""
    count = len(values) // side
    once = medians({"work": lambda: _alone(values, side, count, 1)}, 3)["work"]
    return max(1, round(decode / once))


def work(chunk: np.ndarray[Any, Any], times: int) -> float:
    """Compute something that lets go of the GIL."""
    total = 0.0
    for _ in range(times):
        total += float(np.sqrt(chunk).sum())
    return total


def overlap(folder: Path, megabytes: int, rounds: int) -> None:
    """Maps over local data."""
    side = 64
    count = max(8, megabytes * 2**20 // (4 * side**3))
    random = np.random.default_rng(0)
    smooth = np.linspace(0, 1, side**3, dtype="float32").reshape(side, side, side)
    values = np.empty((count * side, side, side), "float32")
    for i in range(count):
        noise = random.integers(0, 16, (side, side, side)).astype("float32") / 4096
        values[i * side : (i + 1) * side] = smooth + i + noise
    array = zarrloom.create_array(
        folder / "map", shape=values.shape, chunks=(side, side, side), dtype="float32"
    )
    array[...] = values
    one_by_one = {"decode": lambda: sum(1 for _ in array.chunk_stream(parallel=1))}
    serial = medians(one_by_one, 3)["decode"]
    times = calibrate(values, side, serial)
    expected = [work(values[i * side : (i + 1) * side], times) for i in range(count)]
    seen: dict[str, list[float]] = {}

    def read_then_map() -> None:
        seen["read, then map"] = [
            work(array[i * side : (i + 1) * side], times) for i in range(count)
        ]

    def read_all_then_map() -> None:
        whole = array[...]
        seen["read all, then map"] = [
            work(whole[i * side : (i + 1) * side], times) for i in range(count)
        ]

    def mapped() -> None:
        seen["parallel_chunk_map"] = list(
            array.parallel_chunk_map(lambda index, chunk: work(chunk, times))
        )

    ways = {
        "read, then map": read_then_map,
        "read all, then map": read_all_then_map,
        "parallel_chunk_map": mapped,
    }
    for way in ways.values():
        way()
    for name, results in seen.items():
        if results != expected:
            raise SystemExit(f"{name} gave other results than numpy")
    found = medians({**ways, "function alone": lambda: _alone(values, side, count, times)}, rounds)
    print(
        f"map over {values.nbytes / 1e6:.0f} MB in {count} zstd chunks, {zarrloom.config.threads} "
        f"threads; decoding alone on one {serial:.3f} s"
    )
    for name, each in found.items():
        print(f"  {name:20} {each:8.3f} s{each / found['parallel_chunk_map']:8.2f}")


def _alone(values: np.ndarray[Any, Any], side: int, count: int, times: int) -> None:
    for i in range(count):
        work(values[i * side : (i + 1) * side], times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency-ms", type=float, default=20)
    parser.add_argument("--parallel", type=int, default=64)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where the arrays lie; default: a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        overlap(Path(folder), given.megabytes, given.rounds)
        latency(Path(folder), given.latency_ms / 1e3, given.parallel, min(given.rounds, 3))


if __name__ == "__main__":
    main()
