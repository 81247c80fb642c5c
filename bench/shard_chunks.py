"""Random inner chunks of large shards, against every reader that is installed.

An array of two shards, each of 4,096 chunks of 64 KiB (uint16, zstd), on a warm file system: 200
chunks at random places, one read after another. The results are compared before a time is printed;
the systems take turns, round by round. Of a system that takes more than two seconds for a round
fewer reads are timed, and counted up. ``python bench/shard_chunks.py [FOLDER]``
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import zarrloom

CHUNK = (32, 32, 32)
SHARD = (512, 512, 512)
SHAPE = (1024, 512, 512)
READS = 200
ROUNDS = 7
MOST_SECONDS = 2.0

Reader = Callable[[tuple[slice, ...]], np.ndarray[Any, Any]]


def make(path: Path) -> None:
    """Write the array: a ramp with noise, so that chunks are compressed to about half."""
    array = zarrloom.create_array(
        path, shape=SHAPE, shards=SHARD, chunks=CHUNK, dtype="uint16", overwrite=True
    )
    random = np.random.default_rng(1)
    ramp = np.arange(SHARD[1] * SHARD[2], dtype="uint16").reshape(SHARD[1:])
    for first in range(0, SHAPE[0], SHARD[0]):
        noise = random.integers(0, 64, SHARD, dtype="uint16")
        array[first : first + SHARD[0]] = noise + ramp


def readers(path: Path) -> dict[str, Reader]:
    """Open it with everything that is here."""
    found: dict[str, Reader] = {"zarrloom": zarrloom.open(path, mode="r").__getitem__}
    if importlib.util.find_spec("tensorstore"):
        import tensorstore as ts

        spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
        context = ts.Context({"cache_pool": {"total_bytes_limit": 0}})
        store = ts.open(spec, context=context).result()
        cached = ts.open(
            spec, context=ts.Context({"cache_pool": {"total_bytes_limit": 1 << 26}})
        ).result()
        found["TensorStore"] = lambda at: store[at].read().result()
        # Keeps the index, and 64 MiB of the chunks themselves.
        found["TensorStore, cache of 64 MiB"] = lambda at: cached[at].read().result()
    if importlib.util.find_spec("zarr"):
        import zarr

        found["zarr-python"] = zarr.open_array(path, mode="r").__getitem__
        if importlib.util.find_spec("zarrs"):
            with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
                found["zarrs-python"] = zarr.open_array(path, mode="r").__getitem__
    if importlib.util.find_spec("zarrista"):
        import zarrista

        array = zarrista.Array.open(zarrista.store.FilesystemStore(str(path.parent)), "/a")
        shards = array.shard_cache()

        def subchunk(at: tuple[slice, ...]) -> np.ndarray[Any, Any]:
            index = [part.start // size for part, size in zip(at, CHUNK, strict=True)]
            return np.asarray(array.retrieve_subchunk(index, shard_cache=shards))

        found["zarrista, its cache of shards"] = subchunk
    if importlib.util.find_spec("z5py"):
        import z5py

        file = z5py.File(path.parent, mode="r", use_zarr_format=True)
        found["z5py"] = file[path.name].__getitem__
    return found


def places(seed: int) -> list[tuple[slice, ...]]:
    """Choose chunks; other ones in every round."""
    random = np.random.default_rng(seed)
    grid = [extent // size for extent, size in zip(SHAPE, CHUNK, strict=True)]
    corners = random.integers(0, grid, (READS, 3)) * CHUNK
    return [
        tuple(slice(int(a), int(a) + size) for a, size in zip(at, CHUNK, strict=True))
        for at in corners
    ]


def per_read(read: Reader, wanted: list[tuple[slice, ...]]) -> float:
    """Take the time of one read: of all of them, or of as many as fit into two seconds."""
    begin = time.perf_counter()
    done = 0
    while done < len(wanted) and time.perf_counter() - begin < MOST_SECONDS:
        read(wanted[done])
        done += 1
    return (time.perf_counter() - begin) / done


def main() -> None:
    """Compare results, then times."""
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = Path(scratch) / "shards.zarr" / "a"
        zarrloom.create_group(path.parent)  # z5py opens nothing else
        make(path)
        systems = readers(path)
        for at in places(0)[:5]:
            expected = systems["zarrloom"](at)
            for name, read in systems.items():
                if not np.array_equal(read(at), expected):
                    raise SystemExit(f"{name} reads something else at {at}")
        times: dict[str, list[float]] = {name: [] for name in systems}
        for round_ in range(ROUNDS):
            wanted = places(round_ + 1)
            for name, read in systems.items():
                times[name].append(per_read(read, wanted))
        ours = statistics.median(times["zarrloom"])
        print(f"{READS} random chunks of 64 KiB out of shards of 4,096, median of {ROUNDS} rounds")
        for name, seconds in sorted(times.items(), key=lambda pair: statistics.median(pair[1])):
            median = statistics.median(seconds)
            print(f"{name:30} {median * READS * 1e3:9.1f} ms {median / ours:8.2f}")


if __name__ == "__main__":
    main()
