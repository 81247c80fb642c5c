"""Arrays with shards: the bytes are those of other software, in both directions."""

from __future__ import annotations

import contextlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

SHAPE, SHARDS, CHUNKS = (50, 37), (24, 16), (4, 8)
DATA = np.arange(50 * 37, dtype="int32").reshape(SHAPE) % 1000


def sparse() -> np.ndarray[Any, Any]:
    """Give data of which some inner chunks and a whole shard are fill value."""
    data = DATA.copy()
    data[8:12] = 0
    data[:24, 16:32] = 0
    return data


@pytest.mark.parametrize(
    "compressors", [None, "zstd", ["gzip", "crc32c"], "blosc"], ids=["raw", "zstd", "gzip", "blosc"]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_others_read_what_zarrloom_writes(tmp_path: Path, compressors: Any, order: Any) -> None:
    zarr = pytest.importorskip("zarr")
    array = zarrloom.create_array(
        tmp_path,
        shape=SHAPE,
        shards=SHARDS,
        chunks=CHUNKS,
        dtype="int32",
        order=order,
        compressors=compressors,
    )
    array[...] = sparse()
    array[3:9, 5:20] = -1  # parts of two shards
    expected = sparse()
    expected[3:9, 5:20] = -1
    np.testing.assert_array_equal(array[...], expected)
    theirs = zarr.open_array(tmp_path, mode="r")
    assert theirs.shards == SHARDS
    assert theirs.chunks == CHUNKS
    np.testing.assert_array_equal(theirs[...], expected)
    np.testing.assert_array_equal(_by_tensorstore(tmp_path), expected)
    np.testing.assert_array_equal(_by_zarrs(tmp_path), expected)


def _by_tensorstore(path: Path) -> Any:
    tensorstore = pytest.importorskip("tensorstore")
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
    return tensorstore.open(spec, open=True, read=True).result().read().result()


def _by_zarrs(path: Path) -> Any:
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("zarrs")
    with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
        return zarr.open_array(path, mode="r")[...]


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("checksum", [True, False])
def test_reads_what_zarr_python_writes(tmp_path: Path, location: Any, checksum: bool) -> None:
    zarr = pytest.importorskip("zarr")
    codecs = pytest.importorskip("zarr.codecs")
    sharding = codecs.ShardingCodec(
        chunk_shape=CHUNKS,
        codecs=[codecs.TransposeCodec(order=(1, 0)), codecs.BytesCodec(), codecs.ZstdCodec()],
        index_codecs=[codecs.BytesCodec(), *([codecs.Crc32cCodec()] if checksum else [])],
        index_location=location,
    )
    theirs = zarr.create(
        store=str(tmp_path), shape=SHAPE, chunks=SHARDS, dtype="int32", codecs=[sharding]
    )
    theirs[...] = sparse()
    array = zarrloom.open_array(tmp_path, mode="r+")
    assert array.shards == SHARDS
    assert array.chunks == CHUNKS
    np.testing.assert_array_equal(array[...], sparse())
    array[0, 0] = 77
    assert theirs[0, 0] == 77
    np.testing.assert_array_equal(theirs[1:], sparse()[1:])


@pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed`")  # zarr-python's
def test_nested_shards_and_codecs_around_them(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    inner = {
        "name": "sharding_indexed",
        "configuration": {
            "chunk_shape": [2, 4],
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
            "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        },
    }
    array = zarrloom.create_array(
        tmp_path, shape=(16, 16), chunks=(8, 8), dtype="int32", serializer=inner, compressors="gzip"
    )
    assert array.shards is None, "what comes after must be undone as a whole"
    array[...] = DATA[:16, :16]
    np.testing.assert_array_equal(array[3:9, ::3], DATA[3:9, :16:3])
    np.testing.assert_array_equal(zarr.open_array(tmp_path, mode="r")[...], DATA[:16, :16])


@pytest.mark.usefixtures("threads")
def test_streams_maps_and_writers(tmp_path: Path) -> None:
    array = zarrloom.create_array(
        tmp_path / "a", shape=SHAPE, shards=SHARDS, chunks=CHUNKS, dtype="int32"
    )
    grid = [tuple(index) for index in product(range(3), range(3))]
    report = array.write_chunks(
        (index, DATA[24 * index[0] : 24 * index[0] + 24, 16 * index[1] : 16 * index[1] + 16])
        for index in grid
    )
    assert report.written == grid
    assert len(list((tmp_path / "a" / "c").glob("*/*"))) == 9
    np.testing.assert_array_equal(array[...], DATA)
    for index, chunk in array.chunk_stream():
        np.testing.assert_array_equal(chunk, DATA[array.chunk_bounds(index)])
    by_shard = dict(array.chunk_stream(by="shard"))
    assert list(by_shard) == grid
    np.testing.assert_array_equal(by_shard[2, 2], DATA[48:, 32:])
    assert array.chunk_key((6, 2)) == "c/1/1"
    assert sum(array.parallel_chunk_map(lambda index, chunk: int(chunk.sum()))) == DATA.sum()
    assert zarrloom.reduce(array, "sum") == DATA.sum()
    parts = array.partition(3)
    assert [part[0] for part in parts] == [slice(0, 24, 1), slice(24, 48, 1), slice(48, 50, 1)]
    array.append(DATA[:5], axis=0)
    np.testing.assert_array_equal(array[...], np.concatenate([DATA, DATA[:5]]))
    with pytest.raises(zarrloom.InvalidArgumentError, match="by must be"):
        array.chunk_stream(by="object")  # type: ignore[arg-type]


def test_shapes_that_make_no_shards_are_refused(tmp_path: Path) -> None:
    with pytest.raises(zarrloom.InvalidArgumentError, match="do not divide"):
        zarrloom.create_array(tmp_path, shape=(8,), shards=(6,), chunks=(4,), dtype="int8")
    with pytest.raises(zarrloom.InvalidArgumentError, match="format 2 has no shards"):
        zarrloom.create_array(
            tmp_path, shape=(8,), shards=(8,), chunks=(4,), dtype="int8", zarr_format=2
        )


def test_how_far_chunks_may_lie_apart_to_be_read_together() -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=64, chunks=1, shards=64, dtype="int64", compressors=None
    )
    array[...] = np.arange(64) + 1  # all chunks are stored

    def requests(**limits: int) -> int:
        with zarrloom.config(**limits):
            np.testing.assert_array_equal(array[::8], np.arange(1, 65, 8))
            before = zarrloom.stats()["io"]["count"]
            np.testing.assert_array_equal(array[::8], np.arange(1, 65, 8))
            return int(zarrloom.stats()["io"]["count"] - before)

    assert requests() == 1
    assert requests(coalesce_gap=8) == 8  # seven chunks of eight bytes lie between two
    assert requests(coalesce_gap=56) == 1
    assert requests(coalesce_maximum=140) == 3  # three of them take 136 bytes
    # Without room for an index it is read again, each time.
    assert requests(index_cache=1) == 2
    assert zarrloom.config.coalesce_gap == 64 << 10


def plus_one(index: tuple[int, ...], data: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return data + 1


@pytest.mark.parametrize("kind", ["threads", "processes", "dask"])
def test_maps_by_shard(kind: str, tmp_path: Path) -> None:
    values = np.arange(20 * 30, dtype="int32").reshape(20, 30) + 1
    options: dict[str, Any] = {"chunks": (2, 5), "shards": (8, 10)}
    array = zarrloom.create_array(tmp_path / "a", data=values, **options)
    out = zarrloom.create_array(tmp_path / "b", shape=(20, 30), dtype="int32", **options)
    with contextlib.ExitStack() as stack:
        executor: Any = None
        if kind == "processes":
            context = multiprocessing.get_context("spawn")
            executor = stack.enter_context(ProcessPoolExecutor(2, mp_context=context))
        elif kind == "dask":
            distributed = pytest.importorskip("distributed")
            executor = stack.enter_context(
                distributed.Client(processes=False, dashboard_address=None)
            )
        before = zarrloom.stats()["write"]["count"]
        done = list(array.parallel_chunk_map(plus_one, by="shard", executor=executor, out=out))
        writes = zarrloom.stats()["write"]["count"] - before
    assert done == list(np.ndindex(3, 3))
    assert writes == 9  # each shard once
    np.testing.assert_array_equal(out[...], values + 1)
    shapes = [data.shape for data in array.parallel_chunk_map(lambda _, d: d, by="shard")]
    assert shapes[0] == (8, 10)
    assert shapes[-1] == (4, 10)
    other = zarrloom.create_array(zarrloom.MemoryStore(), shape=(20, 30), dtype="i4", chunks=(2, 5))
    with pytest.raises(ValueError, match=r"in shards of \(8, 10\)"):
        array.parallel_chunk_map(plus_one, by="shard", out=other)


def test_a_failure_in_a_map_by_shard_names_the_shard() -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), data=np.ones(64), chunks=4, shards=16, compressors=None
    )
    got = list(
        array.parallel_chunk_map(
            lambda index, data: data.sum() if index != (2,) else data["x"],
            by="shard",
            on_error="return",
        )
    )
    assert (got[0], got[3]) == (16, 16)
    assert (got[2].chunk_index, got[2].key) == ((2,), "c/2")
