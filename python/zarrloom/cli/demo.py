"""``zarrloom demo``: the main job, timed, on data of real size."""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import zarrloom
from zarrloom import _core
from zarrloom.progress import Progress


@dataclass
class Row:
    """One line of the table."""

    work: str
    workers: int
    seconds: float
    checksum: int
    speed_up: float = 1.0


def run_demo(path: str | None, folder: str | None, megabytes: int, rounds: int) -> int:
    """Make an array and write it, unless a path is given; then read it in every way."""
    if path is not None:
        array = zarrloom.open_array(path, mode="r")
        _print_table(array, _reading(array, rounds))
        return 0
    with tempfile.TemporaryDirectory(prefix="zarrloom-demo-", dir=folder) as temporary:
        array, rows = _writing(str(Path(temporary) / "demo.zarr"), megabytes, rounds)
        rows += _reading(array, rounds)
        _print_table(array, rows)
    return 0


def _worker_counts() -> list[int]:
    most = _core.usable_cpus()
    return sorted({1, *(n for n in (2, 4, 8, 16, 32, 64) if n < most), most})


def _best(label: str, rounds: int, work: Callable[[], Any]) -> float:
    """The best time of several."""
    times = []
    bar = Progress(True, rounds, label)
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
        bar.step()
    return min(times)


def _word(array: zarrloom.Array) -> str:
    """The widest unsigned integer whose units no chunk of the array cuts."""
    run = array.dtype.itemsize
    if array.ndim:
        run *= math.gcd(array.shape[-1], array.chunks[-1])
    return f"u{math.gcd(run, 8)}"


def _checksum(values: np.ndarray[Any, Any], word: str) -> int:
    """The sum of all bytes, taken as words: the same for equal elements in any order of chunks."""
    words = np.ascontiguousarray(values).reshape(-1).view(word)
    return int(words.sum(dtype=np.uint64))


def _measurements(megabytes: int) -> np.ndarray[Any, Any]:
    """A smooth field with noise in its low bits, as instruments give it: uint16, 512 x 512 x n."""
    planes = max(64, megabytes * 2**20 // (512 * 512 * 2) // 64 * 64)
    axis = np.linspace(0, 3, 512)
    plane = (np.sin(axis)[:, None] * np.cos(axis)[None, :] * 2000 + 3000).astype(np.uint16)
    random = np.random.default_rng(0)
    values = np.empty((planes, 512, 512), np.uint16)
    for z in range(planes):
        values[z] = plane + np.uint16(z) + random.integers(0, 8, (512, 512), dtype=np.uint16)
    return values


def _writing(path: str, megabytes: int, rounds: int) -> tuple[zarrloom.Array, list[Row]]:
    values = _measurements(megabytes)
    rows = []
    array = zarrloom.create_array(path, shape=values.shape, chunks=(64, 64, 64), dtype=values.dtype)
    expected = _checksum(values, _word(array))
    for workers in _worker_counts():
        with zarrloom.config(threads=workers):
            label = f"write all, {workers} at a time"
            seconds = _best(label, min(rounds, 2), lambda: array.__setitem__(..., values))
        rows.append(Row("write all", workers, seconds, expected))
    return array, rows


def _reading(array: zarrloom.Array, rounds: int) -> list[Row]:
    rows = []
    out = np.empty(array.shape, array.dtype)
    for workers in _worker_counts():
        with zarrloom.config(threads=workers):
            out.fill(np.zeros((), out.dtype)[()])  # so that no row has the data of another
            label = f"read all, {workers} at a time"
            seconds = _best(label, rounds, lambda: array.read(out=out))
            rows.append(Row("read all", workers, seconds, _checksum(out, _word(array))))
    rows += [_streaming(array, workers) for workers in _worker_counts()]
    rows += [_mapping(array, workers) for workers in _worker_counts()]
    return rows


def _streaming(array: zarrloom.Array, workers: int) -> Row:
    with zarrloom.config(threads=workers):
        began = time.perf_counter()
        total = 0
        word = _word(array)
        for _, data in array.chunk_stream(parallel=workers, ordered=False, progress=True):
            total += _checksum(data, word)
        return Row("stream chunks", workers, time.perf_counter() - began, total & (2**64 - 1))


def _mapping(array: zarrloom.Array, workers: int) -> Row:
    word = _word(array)
    has_max = array.dtype.kind in "biuf"

    def statistic(index: tuple[int, ...], data: np.ndarray[Any, Any]) -> tuple[int, float]:
        return _checksum(data, word), float(data.max()) if has_max else 0.0

    with zarrloom.config(threads=workers):
        began = time.perf_counter()
        results: zarrloom.ChunkMap[tuple[int, float]] = array.parallel_chunk_map(
            statistic, workers, ordered=False, progress=True
        )
        total = sum(part for part, _ in results)
        return Row("map max", workers, time.perf_counter() - began, total & (2**64 - 1))


def _print_table(array: zarrloom.Array, rows: list[Row]) -> None:
    """Refuse to print a time if any way of reading gave other data."""
    _compare(rows)
    one = {row.work: row.seconds for row in rows if row.workers == 1}
    for row in rows:
        row.speed_up = one[row.work] / row.seconds
    title = f"{array!r}, chunks {array.chunks}, {array.nbytes / 1e6:.0f} MB"
    heads = ["work", "workers", "seconds", "MB/s", "speed-up"]
    lines = [
        [
            row.work,
            str(row.workers),
            f"{row.seconds:.3f}",
            f"{array.nbytes / 1e6 / row.seconds:.0f}",
            f"{row.speed_up:.2f}",
        ]
        for row in rows
    ]
    print(title)
    print(f"checksum {rows[-1].checksum:016x}, the same in every row")
    _print_lines(heads, lines)


def _compare(rows: list[Row]) -> None:
    if len({row.checksum for row in rows}) != 1:
        sums = {f"{row.work}, {row.workers}": f"{row.checksum:016x}" for row in rows}
        sys.exit(f"zarrloom demo: the checksums differ: {sums}")


def _print_lines(heads: list[str], lines: list[list[str]]) -> None:
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        for line in [heads, *lines]:
            print("  ".join(f"{cell:>14}" for cell in line))
        return
    table = Table()
    for head in heads:
        table.add_column(head, justify="left" if head == "work" else "right")
    for line in lines:
        table.add_row(*line)
    Console().print(table)
