"""Elements of variable size: text, bytes, arrays of numbers."""

from __future__ import annotations

import asyncio
import json
import struct
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarrloom

WORDS = ["", "a", "äöü", "日本語" * 5, "x" * 300, "\U0001f600", "nul\0inside", "é"]
Objects = np.ndarray[Any, Any]


def words(count: int) -> Objects:
    return np.array([WORDS[i % len(WORDS)] + str(i // 8) for i in range(count)], object)


@pytest.fixture(params=["v2", "v3", "v3 shards", "v3 transposed", "v2 F"])
def array(request: pytest.FixtureRequest) -> zarrloom.Array:
    given: dict[str, Any] = {"chunks": (5, 4)}
    if request.param == "v3 shards":
        given["shards"] = (10, 8)
    if request.param in ("v3 transposed", "v2 F"):
        given["order"] = "F"
    return zarrloom.create_array(
        zarrloom.MemoryStore(),
        shape=(13, 10),
        dtype="string",
        fill_value="fill",
        zarr_format=2 if request.param.startswith("v2") else 3,
        **given,
    )


def filled(array: zarrloom.Array) -> Objects:
    values = words(130).reshape(13, 10)
    array[...] = values
    return values


def test_what_was_written_is_read(array: zarrloom.Array) -> None:
    assert (array[...] == "fill").all()
    values = filled(array)
    np.testing.assert_array_equal(array[...].astype(object), values)
    assert array[3, 4] == values[3, 4]
    assert isinstance(array[3, 4], str)
    assert array.dtype.kind == "T" if hasattr(np.dtypes, "StringDType") else "O"
    np.testing.assert_array_equal(array[1:12:3, ::-2].astype(object), values[1:12:3, ::-2])


def test_parts_of_chunks_are_changed(array: zarrloom.Array) -> None:
    values = filled(array)
    for index, value in [
        ((slice(3, 9), slice(2, 5)), "new"),
        ((slice(None), 7), words(13)),
        ((0, 0), "z" * 1000),
        (([12, 1, 1], [3, 4, 5]), ["p", "q", "r"]),
        ((slice(0, 2), [9, 0]), [["s", "t"], ["u", ""]]),
    ]:
        array[index] = value
        values[index] = value
    np.testing.assert_array_equal(array[...].astype(object), values)


def test_every_way_of_reading(array: zarrloom.Array) -> None:
    values = filled(array)
    for index, chunk in array.chunk_stream(ordered=False):
        box = values[5 * index[0] :, 4 * index[1] :][:5, :4]
        np.testing.assert_array_equal(chunk.astype(object), box)
    lengths = array.parallel_chunk_map(lambda i, c: sum(len(word) for word in c.flat))
    assert sum(lengths) == sum(len(word) for word in values.flat)
    parts = array.read_many([slice(0, 4), (slice(2, 9), 3), (0, 0)])
    np.testing.assert_array_equal(parts[0].astype(object), values[:4])
    np.testing.assert_array_equal(parts[1].astype(object), values[2:9, 3])
    np.testing.assert_array_equal(array.oindex[[5, 0], [1, 9]], values[np.ix_([5, 0], [1, 9])])
    np.testing.assert_array_equal(array.lazy[2:6].T.read(), values[2:6].T)
    out = np.empty((13, 10), object)
    assert array.read(out=out) is out
    np.testing.assert_array_equal(out, values)


def test_every_way_of_writing(array: zarrloom.Array) -> None:
    values = filled(array)
    grid = array._native.object_grid
    boxes = {i: array._native.object_bounds(i) for i in np.ndindex(*grid)}
    report = array.write_chunks((i, values[box][::-1]) for i, box in boxes.items())
    assert len(report.written) == len(boxes)
    for box in boxes.values():
        values[box] = values[box][::-1].copy()
    with array.batch() as batch:
        batch[0, 0] = "batched"
        batch[12] = words(10)
    values[0, 0], values[12] = "batched", words(10)
    np.testing.assert_array_equal(array[...].astype(object), values)
    array.append(np.full((4, 10), "appended", object))
    assert array.shape == (17, 10)
    assert (array[13:] == "appended").all()
    array.resize((6, 10))
    array.resize((8, 10))
    np.testing.assert_array_equal(array[:6].astype(object), values[:6])
    assert (array[6:] == "fill").all()


def test_chunks_of_fill_values_are_not_stored(array: zarrloom.Array) -> None:
    filled(array)
    assert array.nchunks_initialized == array.nchunks
    array[...] = "fill"
    assert array.nchunks_initialized == 0


def test_event_loops(array: zarrloom.Array) -> None:
    values = filled(array)

    async def read() -> Any:
        await array.awrite((0, slice(None)), "async")
        return await array.aread()

    values[0] = "async"
    np.testing.assert_array_equal(asyncio.run(read()).astype(object), values)


def count_characters(index: tuple[int, ...], chunk: Objects) -> int:
    return sum(len(word) for word in chunk.flat)


def test_other_processes(tmp_path: Path) -> None:
    array = zarrloom.create_array(tmp_path, shape=100, chunks=30, dtype=str)
    array[...] = words(100)
    with ProcessPoolExecutor(2) as pool:
        counts = list(array.parallel_chunk_map(count_characters, executor=pool))
    assert sum(counts) == sum(len(word) for word in words(100))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=40))
def test_any_text(texts: list[str]) -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=len(texts), chunks=7, dtype="string"
    )
    array[...] = np.array(texts, object)
    assert list(array[...]) == texts


@given(st.lists(st.binary(), min_size=1, max_size=40), st.sampled_from([2, 3]))
def test_any_bytes(blobs: list[bytes], zarr_format: Any) -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=len(blobs), chunks=7, dtype=bytes, zarr_format=zarr_format
    )
    values = np.empty(len(blobs), object)
    values[:] = blobs
    array[...] = values
    assert list(array[...]) == blobs


def test_arrays_as_elements(tmp_path: Path) -> None:
    zarr_format: Any = 2
    array = zarrloom.create_array(
        tmp_path, shape=5, chunks=2, dtype="variable_length_array[>i2]", zarr_format=zarr_format
    )
    array[0] = np.array([1, 2, 3])
    array[1:4] = [np.arange(2), [7], []]
    assert [list(item) for item in array[...]] == [[1, 2, 3], [0, 1], [7], [], []]
    assert array[0].dtype == np.dtype(">i2")
    assert array.metadata["filters"] == [{"id": "vlen-array", "dtype": ">i2"}]
    with pytest.raises(zarrloom.UnsupportedError, match="format 3 has no arrays"):
        zarrloom.create_array(tmp_path / "3", shape=5, dtype="variable_length_array[<i2]")


@pytest.mark.parametrize("dtype", ["string", "<U5"])
def test_categorize(tmp_path: Path, dtype: str) -> None:
    codec = {"id": "categorize", "labels": ["one", "two"], "dtype": "|O", "astype": "|u1"}
    if dtype != "string":
        codec["dtype"] = dtype
    array = zarrloom.create_array(
        tmp_path, shape=6, chunks=4, dtype=dtype, zarr_format=2, filters=[codec], compressors=None
    )
    array[...] = np.array(["one", "two", "other", "", "two", "one"], object)
    assert list(array[...]) == ["one", "two", "", "", "two", "one"]
    assert (tmp_path / "0").read_bytes() == bytes([1, 2, 0, 0])
    array[1:2] = "one"
    assert list(array[:3]) == ["one", "one", ""]


@pytest.mark.parametrize("value", [None, 5, b"bytes", ["a", None]])
def test_what_is_no_text_is_refused(value: Any) -> None:
    array = zarrloom.create_array(zarrloom.MemoryStore(), shape=2, dtype="string")
    with pytest.raises((TypeError, ValueError)):
        array[...] = value
    with pytest.raises(TypeError, match="not str"):
        array[...] = np.array([5, "a"], object)
    assert list(array[...]) == ["", ""]


def test_what_objects_are_is_told_or_found() -> None:
    store = zarrloom.MemoryStore
    with pytest.raises(zarrloom.InvalidArgumentError, match="does not tell what the objects are"):
        zarrloom.create_array(store(), shape=2, dtype=object)
    with pytest.raises(zarrloom.InvalidArgumentError, match="does not tell"):
        zarrloom.create_array(store(), data=np.array(["a", 1], object))
    text = zarrloom.create_array(store(), data=np.array(["a", "b"], object))
    assert text.metadata["data_type"] == "string"
    blobs = zarrloom.create_array(store(), data=np.array([b"a", b"b"], object))
    assert blobs.metadata["data_type"] == "variable_length_bytes"


def test_fill_values_and_copies(tmp_path: Path) -> None:
    text = zarrloom.create_array(tmp_path / "a", shape=4, chunks=2, dtype="string", fill_value="ß")
    text[1] = "x"
    assert text.fill_value == "ß"
    blobs = zarrloom.create_array(tmp_path / "b", shape=2, dtype=bytes, fill_value=b"\xff")
    assert (blobs.fill_value, blobs.metadata["fill_value"]) == (b"\xff", "/w==")
    for options in ({}, {"chunks": 3}, {"zarr_format": 2}):
        copy = zarrloom.copy_array(text, tmp_path / f"copy{len(str(options))}", **options)
        assert list(copy[...]) == ["ß", "x", "ß", "ß"]
    zarrloom.convert(tmp_path / "copy18", tmp_path / "back", zarr_format=3)
    assert list(zarrloom.open_array(tmp_path / "back")[...]) == ["ß", "x", "ß", "ß"]
    group = zarrloom.create_group(tmp_path / "g")
    group.require_array("t", shape=3, dtype="string")
    group.require_array("t", shape=3, dtype=str)
    with pytest.raises(zarrloom.InvalidArgumentError):
        group.require_array("t", shape=3, dtype="float64")


def test_shards_may_be_far_larger_than_their_items() -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=8, chunks=2, shards=8, dtype="string", compressors=None
    )
    texts = np.array([chr(97 + i) * 10_000_000 for i in range(8)], object)
    array[...] = texts
    array[3] = texts[3] = "short"
    assert (array[...] == texts).all()
    [(_, shard)] = array.chunk_stream(by="shard")
    assert (shard == texts).all()


def test_repeated_elements_and_fill_values_outlive_what_they_came_from() -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=40, chunks=2, shards=8, dtype="string", fill_value="fill" * 9
    )
    array[1] = "one"
    pieces = [chunk for _, chunk in array.chunk_stream(by="shard")]
    whole = array[...]
    del array
    assert [*np.concatenate(pieces)] == [*whole] == ["fill" * 9, "one"] + ["fill" * 9] * 38


def document(**changed: Any) -> dict[str, Any]:
    return {
        "zarr_format": 2,
        "shape": [2],
        "chunks": [2],
        "dtype": "|O",
        "compressor": None,
        "fill_value": "",
        "order": "C",
        "filters": [{"id": "vlen-utf8"}],
        **changed,
    }


def stored(chunk: bytes, **changed: Any) -> zarrloom.Array:
    store = zarrloom.MemoryStore()
    store._native.write(".zarray", json.dumps(document(**changed)).encode())
    store._native.write("0", chunk)
    return zarrloom.open_array(store)


def encoded(*items: bytes, count: int | None = None) -> bytes:
    head = struct.pack("<I", len(items) if count is None else count)
    return head + b"".join(struct.pack("<I", len(item)) + item for item in items)


@pytest.mark.parametrize(
    ("chunk", "why"),
    [
        (b"", "go on beyond"),
        (b"\x02\0\0", "go on beyond"),
        (encoded(b"a"), "1 elements stored, 2 expected"),
        (encoded(b"a", b"b", b"c"), "3 elements stored, 2 expected"),
        (encoded(b"a", count=2), "go on beyond"),
        (encoded(b"a", b"bc")[:-1], "go on beyond"),
        (encoded(b"a", b"b") + b"!", "1 bytes stored behind the last element"),
        (encoded(b"a", b"\xff"), "no UTF-8, number 1"),
        (encoded(b"\xed\xa0\x80", b""), "no UTF-8, number 0"),
        (struct.pack("<II", 2, 2**32 - 1), "go on beyond"),
    ],
)
def test_b9_damaged_chunks_are_errors(chunk: bytes, why: str) -> None:
    array = stored(chunk)
    with pytest.raises(zarrloom.CorruptDataError, match=why) as raised:
        array[...]
    assert "chunk (0,)" in str(raised.value)


def test_b9_a_frame_that_promises_terabytes_is_an_error() -> None:
    zstd = pytest.importorskip("numcodecs").Zstd()
    frame = bytearray(zstd.encode(encoded(b"a" * 5000, b"b")))
    assert list(stored(bytes(frame), compressor={"id": "zstd"})[...]) == ["a" * 5000, "b"]
    with pytest.raises(zarrloom.CorruptDataError):
        stored(bytes(frame[:-4]), compressor={"id": "zstd"})[...]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"filters": None}, "no filter .* tells what the objects are"),
        ({"filters": [{"id": "pickle"}]}, "executes code"),
        ({"filters": [{"id": "json2"}]}, "no metadata tells"),
        ({"filters": [{"id": "unheard-of"}]}, "unheard-of"),
        ({"filters": [{"id": "delta", "dtype": "<i4"}]}, "tells what the objects are"),
        ({"dtype": "<i4", "fill_value": 0}, "not for this codec"),
        ({"fill_value": 3}, "must be a string"),
    ],
)
def test_metadata_that_makes_no_array(changed: dict[str, Any], why: str) -> None:
    with pytest.raises((zarrloom.ZarrloomError, NotImplementedError), match=why):
        stored(b"", **changed)


def test_not_for_machine_code_nor_statistics() -> None:
    array = zarrloom.create_array(zarrloom.MemoryStore(), shape=2, dtype="string")
    with pytest.raises(NotImplementedError):
        zarrloom.reduce(array, "min")
    with pytest.raises(NotImplementedError, match="buffers"):
        next(iter(array.chunk_stream(out=np.empty(2, array.dtype))))
