"""``zarrloom demo``: the main job, timed, on data of real size."""

from __future__ import annotations

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


def _best(rounds: int, work: Callable[[], Any]) -> tuple[float, Any]:
    """The best time of several, and what the work gave."""
    times = []
    result = None
    for _ in range(rounds):
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
    return min(times), result


def _checksum(values: np.ndarray[Any, Any]) -> int:
    """The sum of all bytes as 64-bit words: the same for equal elements in any order of chunks."""
    flat = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
    whole = flat.size // 8 * 8
    total = int(flat[:whole].view(np.uint64).sum(dtype=np.uint64)) + int(flat[whole:].sum())
    return total & (2**64 - 1)


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
    expected = _checksum(values)
    rows = []
    array = zarrloom.create_array(path, shape=values.shape, chunks=(64, 64, 64), dtype=values.dtype)
    for workers in _worker_counts():
        with zarrloom.config(threads=workers):
            seconds, _ = _best(min(rounds, 2), lambda: array.__setitem__(..., values))
        rows.append(Row("write all", workers, seconds, expected))
    return array, rows


def _reading(array: zarrloom.Array, rounds: int) -> list[Row]:
    rows = []
    out = np.empty(array.shape, array.dtype)
    for workers in _worker_counts():
        with zarrloom.config(threads=workers):
            seconds, values = _best(rounds, lambda: array.read(out=out))
            rows.append(Row("read all", workers, seconds, _checksum(values)))
    rows += [_streaming(array, workers) for workers in _worker_counts()]
    rows += [_mapping(array, workers) for workers in _worker_counts()]
    return rows


def _streaming(array: zarrloom.Array, workers: int) -> Row:
    with zarrloom.config(threads=workers):
        began = time.perf_counter()
        total = 0
        for _, data in array.chunk_stream(parallel=workers, ordered=False, progress=True):
            total += _checksum(data)
        return Row("stream chunks", workers, time.perf_counter() - began, total & (2**64 - 1))


def _mapping(array: zarrloom.Array, workers: int) -> Row:
    def statistic(index: tuple[int, ...], data: np.ndarray[Any, Any]) -> tuple[int, Any]:
        return _checksum(data), data.max(initial=data.dtype.type(0)) if data.size else None

    with zarrloom.config(threads=workers):
        began = time.perf_counter()
        results = array.parallel_chunk_map(statistic, workers, ordered=False, progress=True)
        total = sum(part for part, _ in results)
        return Row("map max", workers, time.perf_counter() - began, total & (2**64 - 1))


def _print_table(array: zarrloom.Array, rows: list[Row]) -> None:
    """Refuse to print a time if any way of reading gave other data."""
    _compare(array, rows)
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


def _compare(array: zarrloom.Array, rows: list[Row]) -> None:
    exact = array.dtype.itemsize in (1, 2, 4, 8) and all(
        extent * array.dtype.itemsize % 8 == 0
        for extent in (array.shape[-1:] + array.chunks[-1:] if array.ndim else (0,))
    )
    by_work: dict[str, set[int]] = {}
    for row in rows:
        by_work.setdefault(row.work if not exact else "", set()).add(row.checksum)
    for work, sums in by_work.items():
        if len(sums) != 1:
            sys.exit(f"zarrloom demo: the checksums of {work or 'all rows'} differ: {sums}")


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
