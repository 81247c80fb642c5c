"""How much memory streams and copies take: python bench/memory.py --help

Each case runs in a process of its own over an array ten times the memory limit: its peak of
resident memory less what it had before. Sums are compared before anything is printed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import zarrloom

STREAMS = ("stream, ordered", "stream, not ordered")
COPIES = {"copy to another array": 0, "chunk + 1 to another array": 1}
CASES = (*STREAMS, *COPIES, "map a sum")


def resident() -> tuple[int, int]:
    """Give the bytes that are resident now, and the most that ever were."""
    status = Path("/proc/self/status").read_text()
    found = [re.search(rf"{name}:\s+(\d+) kB", status) for name in ("VmRSS", "VmHWM")]
    now, most = (int(match[1]) * 1024 for match in found if match)
    return now, most


def run_case(case: str, folder: Path, limit: int) -> None:
    """Work, and print what was summed up and how far memory rose."""
    zarrloom.config.memory_limit = limit
    array = zarrloom.open_array(folder / "from")
    if case in COPIES:
        out = zarrloom.create_array(
            folder / "to", shape=array.shape, chunks=array.chunks, dtype="int64", overwrite=True
        )
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, _ = resident()
    if case in COPIES:
        more = COPIES[case]
        array.parallel_chunk_map(lambda index, chunk: chunk + 1 if more else chunk, out=out).run()
        total = -array.size * more
    elif case == "map a sum":
        total = sum(array.parallel_chunk_map(lambda index, chunk: int(chunk.sum()), 2))
    else:
        ordered = case == "stream, ordered"
        total = sum(int(chunk.sum()) for _, chunk in array.chunk_stream(ordered=ordered))
    _, most = resident()
    if case in COPIES:
        total += int(zarrloom.reduce(out, "sum"))
    print(total, most - before)


def measure(case: str, folder: Path, limit: int, expected: int) -> int:
    """Run a case in a process of its own, and give the bytes by which memory rose at most."""
    command = [sys.executable, __file__, "--case", case, "--folder", str(folder)]
    done = subprocess.run(
        [*command, "--limit", str(limit)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    total, peak = map(int, done.stdout.split())
    if total != expected:
        raise SystemExit(f"{case}: summed up to {total} instead of {expected}")
    return peak


def fill_shard(folder: Path, size: int, chunk: int) -> int:
    """Make an array that is one shard of small chunks, and give the sum of its elements."""
    shape = (size // chunk, chunk // 8)
    array = zarrloom.create_array(
        folder / "from",
        shape=shape,
        chunks=(1, shape[1]),
        shards=shape,
        dtype="int64",
        compressors=None,
        overwrite=True,
    )
    data = np.arange(size // 8, dtype="int64").reshape(shape)
    array[...] = data
    return int(data.sum())


def fill(folder: Path, limit: int, chunk: int, rows_of: str) -> int:
    """Make an array ten times the limit, and give the sum of its elements."""
    count = max(1, 10 * limit // chunk)
    array = zarrloom.create_array(
        folder / "from",
        shape=(count, chunk // 8),
        chunks=(1, chunk // 8),
        dtype="int64",
        compressors=None if rows_of == "raw" else "auto",
        overwrite=True,
    )
    row = np.arange(chunk // 8, dtype="int64")
    array.write_chunks(((i, 0), row[None] + i) for i in range(count)).raise_if_failed()
    return int(count * row.sum() + row.size * count * (count - 1) // 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=64 << 20, help="memory_limit in bytes")
    parser.add_argument("--folder")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        return run_case(given.case, Path(given.folder), given.limit)
    print(f"memory_limit {given.limit >> 20} MiB; MiB by which resident memory rose at most")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for rows_of in ("raw", "zstd"):
            for chunk in (1 << 20, 4 << 20, 16 << 20):
                expected = fill(Path(folder), given.limit, chunk, rows_of)
                for case in CASES:
                    peak = measure(case, Path(folder), given.limit, expected)
                    print(
                        f"{rows_of:5} chunks of {chunk >> 20:3} MiB  {case:27} {peak / 2**20:7.1f}"
                    )
        expected = fill_shard(Path(folder), 1 << 30, 1 << 20)
        for case in (*STREAMS, "map a sum"):
            peak = measure(case, Path(folder), given.limit, expected)
            print(f"raw   a shard of 1 GiB, chunks of 1 MiB  {case:27} {peak / 2**20:7.1f}")
    return None


if __name__ == "__main__":
    main()
