"""Lists, index arrays and masks give what numpy gives, read and written."""

from __future__ import annotations

import asyncio
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import zarrloom

SHAPE = (7, 11, 5)
VALUES = np.arange(7 * 11 * 5, dtype="int32").reshape(SHAPE)
settings = hypothesis.settings(max_examples=200, deadline=None)
KINDS: list[dict[str, Any]] = [
    {"chunks": (3, 4, 2)},
    {"chunks": (7, 11, 5), "compressors": None},
    {"chunks": (2, 2, 5), "shards": (4, 6, 5)},
    {"chunks": (3, 20, 2), "order": "F", "zarr_format": 2},
    {"chunks": ([2, 1, 4], 4, [1, 9])},
    {"chunks": (2, 2, 5), "shards": ([4, 2, 2], [2, 10], 5)},
]


def make(kind: int = 0) -> zarrloom.Array:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=SHAPE, dtype=VALUES.dtype, **KINDS[kind]
    )
    array[...] = VALUES
    return array


ARRAYS = [make(kind) for kind in range(len(KINDS))]


def integers(extent: int) -> st.SearchStrategy[int]:
    return st.integers(-extent, extent - 1)


def slices(extent: int) -> st.SearchStrategy[slice]:
    bounds = st.none() | st.integers(-extent - 2, extent + 2)
    return st.builds(slice, bounds, bounds, st.none() | st.sampled_from([-3, -1, 1, 2, 4]))


def is_mask(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind == "b"


def lists(extent: int) -> st.SearchStrategy[Any]:
    some = st.lists(integers(extent), max_size=9)
    mask = st.lists(st.booleans(), min_size=extent, max_size=extent).map(np.array)
    return some | some.map(lambda v: np.array(v, "int16")) | mask


@st.composite
def numpy_indices(draw: st.DrawFn) -> tuple[Any, ...]:
    """Everything that numpy takes, with arrays that can be broadcast."""
    rank = draw(st.integers(0, 3))
    ellipsis = draw(st.none() | st.integers(0, rank))
    before = rank if ellipsis is None else ellipsis
    dims = [*range(before), *range(3 - (rank - before), 3)]
    shape = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    parts: list[Any] = []
    for d in dims:
        kind = draw(st.sampled_from(["slice", "int", "array", "column"]))
        if kind == "slice":
            parts.append(draw(slices(SHAPE[d])))
        elif kind == "int":
            parts.append(draw(integers(SHAPE[d])))
        else:
            size = shape if kind == "array" else shape[:1] + (1,) * (len(shape) - 1)
            flat = [draw(integers(SHAPE[d])) for _ in range(int(np.prod(size)))]
            dtype = draw(st.sampled_from(["int64", "int8"]))
            parts.append(np.array(flat, dtype=dtype).reshape(size))
    if ellipsis is not None:
        parts.insert(ellipsis, Ellipsis)
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return tuple(parts)


@settings
@hypothesis.given(index=numpy_indices(), which=st.sampled_from(range(len(ARRAYS))))
def test_reading_equals_numpy(index: Any, which: int) -> None:
    expected = VALUES[index]
    got = ARRAYS[which][index]
    assert np.shape(got) == np.shape(expected)
    np.testing.assert_array_equal(got, expected)


@settings
@hypothesis.given(index=numpy_indices(), which=st.sampled_from(range(len(ARRAYS))))
def test_writing_equals_numpy(index: Any, which: int) -> None:
    expected = VALUES.copy()
    value = -1 - np.arange(np.size(expected[index])).reshape(np.shape(expected[index]))
    expected[index] = value
    array = make(which)
    array[index] = value
    np.testing.assert_array_equal(array[...], expected)


@settings
@hypothesis.given(data=st.data(), which=st.sampled_from(range(len(ARRAYS))))
def test_oindex_is_an_outer_product(data: st.DataObject, which: int) -> None:
    parts = [data.draw(slices(n) | integers(n) | lists(n)) for n in SHAPE]
    expected: Any = VALUES
    for axis in (2, 1, 0):
        part: Any = (
            np.asarray(parts[axis], "int64") if isinstance(parts[axis], list) else parts[axis]
        )
        expected = expected[(slice(None),) * axis + (part,)]
    got = ARRAYS[which].oindex[tuple(parts)]
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)


@settings
@hypothesis.given(data=st.data(), which=st.sampled_from(range(len(ARRAYS))))
def test_oindex_writes_an_outer_product(data: st.DataObject, which: int) -> None:
    parts = [data.draw(lists(n)) for n in SHAPE]
    array, expected = make(which), VALUES.copy()
    at = [np.nonzero(p)[0] if is_mask(p) else p for p in parts]
    mesh = np.ix_(*(np.asarray(p, "int64") % n for p, n in zip(at, SHAPE, strict=True)))
    value = 1000 + np.arange(expected[mesh].size).reshape(expected[mesh].shape)
    expected[mesh] = value
    array.oindex[tuple(parts)] = value
    np.testing.assert_array_equal(array[...], expected)


def test_points_in_an_edge_shard_write_nothing_else() -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=(4, 2), chunks=(2, 2), shards=(4, 4), dtype="int32"
    )
    array.vindex[[2, 3], [0, 1]] = 7
    assert array.nchunks_initialized == 1
    assert array.nchunks_initialized == 1
    array.resize((4, 4))
    assert array[...].sum() == 14


def test_vindex_takes_points_and_masks() -> None:
    for array in ARRAYS:
        got = array.vindex[[0, -1, 3], [10, 2, 2], [[4], [0]]]
        np.testing.assert_array_equal(got, VALUES[[0, -1, 3], [10, 2, 2], [[4], [0]]])
        mask = VALUES % 7 == 3
        np.testing.assert_array_equal(array.vindex[mask], VALUES[mask])
        np.testing.assert_array_equal(array[mask], VALUES[mask])
        np.testing.assert_array_equal(array.vindex[[1, 2], :, [3, 4]], VALUES[[1, 2], :, [3, 4]])
        np.testing.assert_array_equal(
            array.vindex[:, [1, 2], [3, 4]], np.moveaxis(VALUES[:, [1, 2], [3, 4]], 1, 0)
        )
        assert array.vindex[1, 2, 3] == VALUES[1, 2, 3]


def test_masks_of_some_dimensions() -> None:
    mask = np.zeros((7, 11), bool)
    mask[[0, 3, 6], [1, 5, 10]] = True
    for array in ARRAYS:
        np.testing.assert_array_equal(array[mask], VALUES[mask])
        np.testing.assert_array_equal(array[mask, 2:4], VALUES[mask, 2:4])
    array, expected = make(), VALUES.copy()
    array[mask] = expected[mask] = 7
    array[array[...] > 300] = 0
    expected[expected > 300] = 0
    np.testing.assert_array_equal(array[...], expected)


# Those whose chunks have one shape; test_rectilinear.py has the others.
@pytest.mark.parametrize("which", [0, 1, 2, 3, 5])
def test_blocks(which: int) -> None:
    array = make(which)
    c = array.chunks
    np.testing.assert_array_equal(array.blocks[0], VALUES[: c[0]])
    np.testing.assert_array_equal(array.blocks[-1, :, 0], VALUES[-(7 % c[0] or c[0]) :, :, : c[2]])
    expected = np.concatenate([VALUES[:, :, i : i + c[2]] for i in range(0, 5, c[2])][::-1], axis=2)
    np.testing.assert_array_equal(array.blocks[..., ::-1], expected)
    np.testing.assert_array_equal(array.blocks[[0, 0]], VALUES[[*range(c[0]), *range(c[0])]])
    array.blocks[0, 0] = 5
    assert (array[: c[0], : c[1]] == 5).all()
    assert (array[:, c[1] :] == VALUES[:, c[1] :]).all()
    with pytest.raises(IndexError, match="out of bounds"):
        array.blocks[9]


@settings
@hypothesis.given(data=st.data(), which=st.sampled_from(range(len(ARRAYS))))
def test_lazy_views_compose(data: st.DataObject, which: int) -> None:
    view, expected = ARRAYS[which].lazy, VALUES
    for _ in range(data.draw(st.integers(1, 4))):
        if data.draw(st.booleans()) and expected.ndim:
            view, expected = view.T, expected.T
            continue
        parts: list[Any] = []
        for extent in expected.shape[: data.draw(st.integers(0, 3))]:
            choices = slices(extent)
            if extent:
                choices |= integers(extent) | st.lists(integers(extent), min_size=2, max_size=2)
            parts.append(data.draw(choices))
        index = tuple(parts)
        view, expected = view[index], expected[index]
        assert view.shape == np.shape(expected)
    if data.draw(st.booleans()):
        view, expected = view[None, ..., None], expected[None, ..., None]
    np.testing.assert_array_equal(view.read(), expected)


def test_lazy_views_write_and_read_into() -> None:
    array, expected = make(), VALUES.copy()
    array.lazy[1:6][::-2].T[[4, 0]].write(-5)
    expected[1:6][::-2].T[[4, 0]] = -5
    np.testing.assert_array_equal(array[...], expected)
    view = array.lazy[2].transpose(1, 0)
    out = np.empty((11, 5), "int32").T
    assert view.read(out) is out
    np.testing.assert_array_equal(out, expected[2].T)
    np.testing.assert_array_equal(np.asarray(view), expected[2].T)
    assert (len(view), view.ndim, view.size, view.dtype) == (5, 2, 55, np.dtype("int32"))
    with pytest.raises(IndexError, match="out of bounds"):
        array.lazy[2:4][[2]]
    with pytest.raises(ValueError, match="no order"):
        array.lazy.transpose(0, 0, 1)


def test_into_memory_whose_axes_cannot_be_merged() -> None:
    index = (np.array([[0, 1], [2, 3]]), slice(None), 1)
    out = np.empty((11, 2, 2), "int32").transpose(2, 1, 0).transpose(0, 1, 2)
    array = ARRAYS[0]
    expected = VALUES[index]
    assert array.read(index, out=out) is out
    np.testing.assert_array_equal(out, expected)
    with pytest.raises(ValueError, match="selection has shape"):
        array.read(index, out=np.empty((4, 11), "int32"))


def test_without_blocking_the_loop() -> None:
    array = make()

    async def both() -> Any:
        await array.awrite(([0, 2], slice(None), [1, 3]), -1)
        return await array.aread(([2, 0], slice(3, 5)))

    got = asyncio.run(both())
    expected = VALUES.copy()
    expected[[0, 2], :, [1, 3]] = -1
    np.testing.assert_array_equal(got, expected[[2, 0], 3:5])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (([0, 7],), "index 7 is out of bounds for axis 0 with size 7"),
        ((slice(None), [-12]), "index -12 is out of bounds for axis 1 with size 11"),
        (([0, 1], [0, 1, 2]), "could not be broadcast"),
        ((np.zeros(6, bool),), "did not match indexed array along axis 0"),
        (([0.5],), "is none"),
        (([0], [0], [0], [0]), "too many indices"),
        (([0], ..., ...), "single ellipsis"),
        ((True, [0]), "single bool"),
    ],
)
def test_mistakes_are_named(index: Any, message: str) -> None:
    with pytest.raises(IndexError, match=message):
        ARRAYS[0][index]
    with pytest.raises(IndexError, match=message):
        ARRAYS[0][index] = 1
