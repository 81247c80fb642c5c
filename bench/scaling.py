"""Sequential against parallel on one array: python bench/scaling.py --help

Writes and reads a zstd array of uint16 in chunks of 64^3 (a smooth field with noise, as instruments
give it) and reads one 4 KiB chunk of an uncompressed array again and again. What was read is
compared with what was written, and a checksum printed, before any time is. Times are medians over
rounds in which the numbers of workers take turns, so that a noisy machine hits all of them alike.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import zarrloom


def field(megabytes: int) -> np.ndarray:
    """Smooth values with three noisy bits."""
    planes = max(64, megabytes * 2**20 // (512 * 512 * 2) // 64 * 64)
    axis = np.linspace(0, 3, 512)
    plane = (np.sin(axis)[:, None] * np.cos(axis) * 2000 + 3000).astype(np.uint16)
    random = np.random.default_rng(0)
    values = np.empty((planes, 512, 512), np.uint16)
    for z in range(planes):
        values[z] = plane + np.uint16(z) + random.integers(0, 8, (512, 512), dtype=np.uint16)
    return values


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def large(folder: Path, megabytes: int, workers: list[int], rounds: int) -> None:
    """Whole-array writes and reads, streams and maps."""
    values = field(megabytes)
    array = zarrloom.create_array(
        folder / "large", shape=values.shape, chunks=(64, 64, 64), dtype=values.dtype
    )
    array[...] = values
    out = np.empty_like(values)
    if not np.array_equal(array.read(out=out), values):
        raise SystemExit("what was read is not what was written")
    print(f"checksum {hashlib.sha256(out).hexdigest()[:16]} over {values.nbytes / 1e6:.0f} MB")

    def stream() -> int:
        return sum(1 for _ in array.chunk_stream(ordered=False))

    def mapped() -> int:
        return sum(array.parallel_chunk_map(lambda _, data: int(data.max()), ordered=False))

    tasks: dict[str, Callable[[], object]] = {
        "write": lambda: array.__setitem__(..., values),
        "read": lambda: array.read(out=out),
        "stream": stream,
        "map max": mapped,
    }
    times: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for name, work in tasks.items():
            for count in workers:
                with zarrloom.config(threads=count):
                    times.setdefault((name, count), []).append(seconds(work))
    print(f"{'task':10}{'workers':>8}{'median s':>10}{'MB/s':>8}{'speed-up':>10}")
    for (name, count), samples in times.items():
        median = statistics.median(samples)
        ratio = statistics.median(times[name, workers[0]]) / median
        print(f"{name:10}{count:8}{median:10.3f}{values.nbytes / 1e6 / median:8.0f}{ratio:10.2f}")


def small(folder: Path) -> None:
    """One 4 KiB chunk, warm, from Python."""
    values = np.arange(256 * 1024, dtype="float32").reshape(256, 1024)
    array = zarrloom.create_array(
        folder / "small", shape=values.shape, chunks=(1, 1024), dtype="float32", compressors=None
    )
    array[...] = values
    for row in range(256):
        if not np.array_equal(array[row], values[row]):
            raise SystemExit("what was read is not what was written")
    batches = [seconds(lambda: [array[row] for row in range(256)]) / 256 * 1e6 for _ in range(50)]
    print(f"read of one 4 KiB chunk: {statistics.median(batches):.1f} microseconds a call (median)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large(Path(folder), options.megabytes, options.workers, options.rounds)
        small(Path(folder))


if __name__ == "__main__":
    main()
