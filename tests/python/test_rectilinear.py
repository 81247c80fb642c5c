"""The chunk grid "rectilinear": chunks, or shards, of sizes of their own along a dimension."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import zarrloom

SHAPE = (13, 9)
VALUES = np.arange(13 * 9, dtype="int32").reshape(SHAPE) + 1
GRIDS: list[dict[str, Any]] = [
    {"chunks": ([3, 1, 9], [4, 5])},
    {"chunks": ([[2, 5], 4, [7, 3]], 4), "compressors": None},  # reaches far beyond the array
    {"chunks": (2, 3), "shards": ([4, 2, 8], [6, [3, 2]])},
]


def make(grid: dict[str, Any], store: Any = None, **options: Any) -> zarrloom.Array:
    array = zarrloom.create_array(
        store or zarrloom.MemoryStore(), shape=SHAPE, dtype="int32", **{**grid, **options}
    )
    array[...] = VALUES
    return array


@st.composite
def sizes(draw: st.DrawFn, extent: int) -> Any:
    """Say how an axis is cut."""
    if draw(st.booleans()):
        return draw(st.integers(1, extent + 2))
    edges: list[Any] = []
    total = 0
    while total < extent:
        size, count = draw(st.integers(1, extent)), draw(st.integers(1, 3))
        edges.append(size if count == 1 else [size, count])
        total += size * count
    return edges


@st.composite
def slices(draw: st.DrawFn, extent: int) -> slice:
    bounds = st.none() | st.integers(-extent - 1, extent + 1)
    return slice(draw(bounds), draw(bounds), draw(st.sampled_from([None, -3, -1, 1, 2, 4])))


@pytest.mark.parametrize("threads", [0, 1, 4])
def test_any_grid_and_selection_equals_numpy(threads: int) -> None:
    @hypothesis.settings(max_examples=100, deadline=None)
    @hypothesis.given(
        st.tuples(*map(sizes, SHAPE)), st.tuples(*map(slices, SHAPE)), st.integers(1, 3), st.data()
    )
    def check(chunks: Any, index: Any, inner: int, data: st.DataObject) -> None:
        grid: dict[str, Any] = {"chunks": chunks}
        if data.draw(st.booleans()):  # the same, in shards
            grid = {"chunks": (inner, inner), "shards": [_times(each, inner) for each in chunks]}
        array, expected = make(grid), VALUES.copy()
        np.testing.assert_array_equal(array[index], expected[index])
        array[index] = expected[index] = -VALUES[index]
        rows = data.draw(st.lists(st.integers(0, 12), max_size=5))
        array.oindex[rows, index[1]] = 7
        expected[rows, index[1]] = 7
        np.testing.assert_array_equal(array[...], expected)
        np.testing.assert_array_equal(array.oindex[rows, index[1]], expected[rows, index[1]])
        assert zarrloom.reduce(array, "sum") == expected.sum()
        for chunk, part in array.chunk_stream():
            np.testing.assert_array_equal(part, expected[array.chunk_bounds(chunk)])

    with zarrloom.config(threads=max(1, threads), inline=threads == 0):
        check()


def _times(sizes: Any, factor: int) -> Any:
    """Make every size a multiple; counts stay."""
    if isinstance(sizes, int):
        return sizes * factor
    return [[s[0] * factor, s[1]] if isinstance(s, list) else s * factor for s in sizes]


def test_what_is_known_of_the_grid() -> None:
    array = make(GRIDS[0])
    with pytest.raises(zarrloom.UnsupportedError, match="read_chunk_sizes"):
        array.chunks
    assert array.shards is None
    assert array.read_chunk_sizes == array.write_chunk_sizes == ((3, 1, 9), (4, 5))
    assert (array.cdata_shape, array.nchunks) == ((3, 2), 6)
    assert "[[3, 1, 9], [4, 5]]" in array.info
    sharded = make(GRIDS[2])
    assert sharded.chunks == (2, 3)
    with pytest.raises(NotImplementedError, match="write_chunk_sizes"):
        sharded.shards
    assert sharded.write_chunk_sizes == ((4, 2, 7), (6, 3))
    assert sharded.read_chunk_sizes == ((2,) * 6 + (1,), (3, 3, 3))
    assert "Shards" in sharded.info_complete()
    regular = zarrloom.create_array(zarrloom.MemoryStore(), shape=5, dtype="i1", chunks=2)
    assert regular.read_chunk_sizes == ((2, 2, 1),)


def test_metadata_are_those_of_the_specification(tmp_path: Path) -> None:
    array = make({"chunks": ([5, 5, 3], 4)}, tmp_path)
    document = json.loads((tmp_path / "zarr.json").read_text())
    assert document["chunk_grid"] == {
        "name": "rectilinear",
        "configuration": {"kind": "inline", "chunk_shapes": [[[5, 2], 3], 4]},
    }
    array.attrs["k"] = 1
    again = json.loads((tmp_path / "zarr.json").read_text())
    assert again["chunk_grid"] == document["chunk_grid"]
    # Each object has its own size: nothing is padded but what lies beyond the array's edge.
    make({"chunks": ([5, 5, 3], 4), "compressors": None}, tmp_path / "raw")
    sizes = [(tmp_path / "raw" / "c" / str(i) / "0").stat().st_size for i in range(3)]
    assert sizes == [5 * 4 * 4, 5 * 4 * 4, 3 * 4 * 4]


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([[3, 1], 4], "add up to 4"),
        ([[3, 0, 10], 4], "1 or more"),
        ([[[3, 0], 13], 4], "1 or more"),
        ([[[3, 1, 1], 13], 4], "pairs"),
        ([13], "each dimension"),
        ([[13], "9"], "1 or more"),
        ([[[2**62, 4]], 9], "64-bit"),
        ([[], 9], "add up to 0"),
    ],
)
def test_grids_that_are_none(tmp_path: Path, shapes: Any, words: str) -> None:
    make(GRIDS[0], tmp_path)
    place = tmp_path / "zarr.json"
    document = json.loads(place.read_text())
    document["chunk_grid"]["configuration"]["chunk_shapes"] = shapes
    place.write_text(json.dumps(document))
    with pytest.raises(zarrloom.MetadataError, match=words):
        zarrloom.open_array(tmp_path, mode="r")


def test_a_trillion_chunks_cost_nothing_to_name() -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=10**13, dtype="i1", chunks=[[[3, 10**12], [7, 10**12]]]
    )
    array[5 * 10**12 : 5 * 10**12 + 3] = [1, 2, 3]
    assert array[5 * 10**12 - 1 : 5 * 10**12 + 4].tolist() == [0, 1, 2, 3, 0]
    assert array.nchunks == 2 * 10**12


def test_what_cannot_be() -> None:
    with pytest.raises(zarrloom.UnsupportedError, match="format 2 knows no chunk grid"):
        make(GRIDS[0], zarr_format=2)
    with pytest.raises(zarrloom.InvalidArgumentError, match="shards=\\[\\["):
        make({"chunks": ([6, 7], 4), "shards": (8, 8)})
    with pytest.raises(zarrloom.InvalidArgumentError):  # 3 does not divide 4
        make({"chunks": (3, 3), "shards": ([9, 4], 9)})
    with pytest.raises(zarrloom.UnsupportedError, match="rectilinear"):
        zarrloom.convert(make(GRIDS[0]).store, zarrloom.MemoryStore(), zarr_format=2)


@pytest.mark.parametrize("grid", GRIDS)
def test_resize_and_append(grid: dict[str, Any]) -> None:
    array = make(grid)
    array.resize((5, 7))
    np.testing.assert_array_equal(array[...], VALUES[:5, :7])
    array.resize((40, 9))
    expected = np.zeros((40, 9), "int32")
    expected[:5, :7] = VALUES[:5, :7]
    np.testing.assert_array_equal(array[...], expected)
    array.append(VALUES[:6], axis=0)
    expected = np.concatenate([expected, VALUES[:6]])
    np.testing.assert_array_equal(array[...], expected)
    again = zarrloom.open_array(array.store, mode="r")
    np.testing.assert_array_equal(again[...], expected)
    assert sum(again.write_chunk_sizes[0]) == 46


def test_appending_frame_by_frame_has_no_rule_where_sizes_are_listed() -> None:
    array = make({"chunks": ([3, 10], 4)})
    with pytest.raises(zarrloom.UnsupportedError, match="how large"):
        array.append_stream(0)
    with array.append_stream(1) as stream:  # this one is cut evenly
        stream.append(VALUES[:, :2])
        stream.append(VALUES[:, 2:])
    np.testing.assert_array_equal(array[...], np.concatenate([VALUES, VALUES], axis=1))
    with pytest.raises(zarrloom.InvalidArgumentError, match="cannot be appended"):
        array.append(VALUES[:, :3], axis=0)


@pytest.mark.parametrize("grid", GRIDS)
def test_chunks_one_by_one(grid: dict[str, Any]) -> None:
    array = make(grid)
    for index in np.ndindex(*array.cdata_shape):
        encoded = array.read_raw_chunk(index)
        assert array.chunk_exists(index)
        array.delete_chunk(index)
        assert not array.chunk_exists(index)
        assert not array[array.chunk_bounds(index)].any()
        array.write_raw_chunk(index, encoded)
    np.testing.assert_array_equal(array[...], VALUES)
    assert array.nchunks_initialized == array.nchunks
    with pytest.raises(zarrloom.CorruptDataError):
        array.write_raw_chunk((0, 0), b"x")


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("by", ["chunk", "shard"])
def test_streams_maps_and_writers(grid: dict[str, Any], by: Any, threads: int) -> None:
    array = make(grid)
    out = make(grid)
    array.parallel_chunk_map(lambda index, part: part * 2, out=out, by=by).run()
    np.testing.assert_array_equal(out[...], VALUES * 2)
    other = make({"chunks": (13, 9)})
    with pytest.raises(zarrloom.InvalidArgumentError, match="cut alike"):
        array.parallel_chunk_map(lambda index, part: part, out=other, by=by)
    total = np.zeros((), int)
    for _, part in array.chunk_stream(by=by, out=np.empty((14, 9), "int32"), parallel=2):
        total += part.sum()
    assert total == VALUES.sum()
    filled = make(grid)
    filled[...] = 0
    boxes = {i: array._native.object_bounds(i) for i in np.ndindex(*array._native.object_grid)}
    filled.write_chunks((i, VALUES[box]) for i, box in boxes.items())
    np.testing.assert_array_equal(filled[...], VALUES)
    with pytest.raises(zarrloom.InvalidArgumentError, match="does not fit the chunk's shape"):
        filled.write_chunks([((0, 0), np.zeros((99, 1), "int32"))])
    parts = [VALUES[box] for box in array.partition(3)]
    np.testing.assert_array_equal(np.concatenate(parts), VALUES)


@pytest.mark.parametrize("grid", GRIDS)
def test_blocks_and_copies(grid: dict[str, Any]) -> None:
    array = make(grid)
    grid_shape = array.cdata_shape
    for row in range(grid_shape[0]):
        box = array.chunk_bounds((row, 0))[0]
        np.testing.assert_array_equal(array.blocks[row], VALUES[box])
    last = array.chunk_bounds((grid_shape[0] - 1, 0))[0]
    first = array.chunk_bounds((0, 0))[0]
    expected = np.concatenate([VALUES[last], VALUES[first]])
    np.testing.assert_array_equal(array.blocks[[-1, 0]], expected)
    copy = zarrloom.copy_array(array, zarrloom.MemoryStore())
    assert copy.write_chunk_sizes == array.write_chunk_sizes
    np.testing.assert_array_equal(copy[...], VALUES)
    even = zarrloom.copy_array(array, zarrloom.MemoryStore(), chunks=(5, 5))
    assert even.chunks == (5, 5)
    np.testing.assert_array_equal(even[...], VALUES)


def test_more_shapes_than_are_remembered() -> None:
    extent = sum(range(1, 91))
    chunks = [list(range(1, 91))]
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=extent, dtype="int32", chunks=chunks
    )
    values = np.arange(extent, dtype="int32")
    array[...] = values
    for _ in range(2):
        np.testing.assert_array_equal(array[...], values)
