"""Selections give what numpy gives."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

import zarrloom

SHAPE = (7, 11, 5)
VALUES = np.arange(7 * 11 * 5, dtype="int32").reshape(SHAPE)
settings = hypothesis.settings(max_examples=150, deadline=None)


def make(values: np.ndarray[Any, Any], chunks: tuple[Any, ...], **kwargs: Any) -> zarrloom.Array:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=values.shape, chunks=chunks, dtype=values.dtype, **kwargs
    )
    array[...] = values
    return array


ARRAYS = [
    make(VALUES, (3, 4, 2)),
    make(VALUES, (7, 11, 5), compressors=None),
    make(VALUES, (1, 1, 1)),
    make(VALUES, (2, 20, 3), order="F"),
    make(VALUES, ([1, 4, 2], [[2, 3], 9], 2)),
    make(VALUES, (1, 2, 5), shards=([2, 5], [2, 8, 2], 5)),
]
indices = hnp.basic_indices(SHAPE, allow_newaxis=True, allow_ellipsis=True)


@settings
@hypothesis.given(index=indices, which=st.sampled_from(range(len(ARRAYS))))
def test_reading_equals_numpy(index: Any, which: int) -> None:
    expected = VALUES[index]
    got = ARRAYS[which][index]
    assert np.shape(got) == np.shape(expected)
    np.testing.assert_array_equal(got, expected)
    assert np.isscalar(got) == np.isscalar(expected)


@settings
@hypothesis.given(
    index=indices, data=st.data(), chunks=st.sampled_from([(3, 4, 2), ([1, 4, 2], [[3, 2], 9], 2)])
)
def test_writing_equals_numpy(index: Any, data: st.DataObject, chunks: tuple[Any, ...]) -> None:
    expected = VALUES.copy()
    target = expected[index]
    shape = np.shape(target)
    if data.draw(st.booleans()):
        value: Any = -7
    else:
        value = np.arange(int(np.prod(shape)), dtype="float64").reshape(shape)
    expected[index] = value
    array = make(VALUES, chunks)
    array[index] = value
    np.testing.assert_array_equal(array[...], expected)


@pytest.mark.parametrize(
    "index",
    [
        (slice(None, None, -1),),
        (slice(5, 1, -2), slice(None), slice(None, None, -3)),
        (-1, slice(-3, None), Ellipsis),
        (None, 2, None, Ellipsis, 1),
        (slice(100, 200),),
        (slice(4, 4), 3),
        (Ellipsis, np.int64(2)),
        (np.uint8(3), slice(np.int32(1), np.int64(9), np.int8(2))),
    ],
)
def test_forms(index: Any) -> None:
    for array in ARRAYS:
        np.testing.assert_array_equal(array[index], VALUES[index])


@pytest.mark.parametrize(
    "index",
    [7, -8, (0, 11), (0, 0, 0, 0), "a", 1.5, (Ellipsis, Ellipsis), (slice(None, None, 0),), True],
)
def test_refused(index: Any) -> None:
    with pytest.raises((zarrloom.SelectionError, ValueError)):
        ARRAYS[0][index]


def test_selection_error_is_an_index_error() -> None:
    with pytest.raises(IndexError, match=r"out of bounds|outside"):
        ARRAYS[0][7]


def test_zero_dimensional() -> None:
    array = zarrloom.create_array(zarrloom.MemoryStore(), shape=(), dtype="float64")
    array[...] = 2.5
    assert array[()] == 2.5
    assert array[...].shape == ()
    assert array.ndim == 0
    assert array.size == 1
    with pytest.raises(TypeError):
        len(array)


def test_zero_length() -> None:
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=(0, 3), chunks=(2, 2), dtype="int16"
    )
    assert array[...].shape == (0, 3)
    array[...] = np.zeros((0, 3), "int16")
    assert array.nchunks == 0
    assert list(array.chunk_stream()) == []
    with pytest.raises(IndexError):
        array[0]


def test_broadcasting_and_casting() -> None:
    array = make(VALUES, (3, 4, 2))
    array[1:3] = np.arange(5)
    array[3, :, 0] = 2.9
    expected = VALUES.copy()
    expected[1:3] = np.arange(5)
    expected[3, :, 0] = 2.9
    np.testing.assert_array_equal(array[...], expected)


def test_wrong_shape_changes_nothing() -> None:
    array = make(VALUES, (3, 4, 2))
    with pytest.raises(ValueError, match="broadcast"):
        array[1:3] = np.arange(4)
    np.testing.assert_array_equal(array[...], VALUES)


def test_get_and_set_slice() -> None:
    array = make(VALUES, (3, 4, 2))
    np.testing.assert_array_equal(
        array.get_slice((1, 2, 0), (5, 9, 5), (2, 1, 1)), VALUES[1:5:2, 2:9]
    )
    array.set_slice(np.full((2, 2, 2), -1), (5, 9, 3), (7, 11, 5))
    assert (array[5:, 9:, 3:] == -1).all()


class TestOut:
    """E12: the caller's own memory."""

    def test_every_layout(self) -> None:
        array = ARRAYS[0]
        for out in (
            np.empty(SHAPE, "int32"),
            np.empty(SHAPE, "int32", order="F"),
            np.empty((14, 11, 10), "int32")[::2, :, ::2],
            np.empty(SHAPE, "int32")[::-1, ::-1, ::-1],
        ):
            assert array.read(out=out) is out
            np.testing.assert_array_equal(out, VALUES)

    def test_other_dtype_or_byte_order(self) -> None:
        for dtype in (">i4", "int64", "float32"):
            with pytest.raises((TypeError, ValueError)):
                ARRAYS[0].read(out=np.empty(SHAPE, dtype))

    def test_read_only(self) -> None:
        out = np.empty(SHAPE, "int32")
        out.flags.writeable = False
        with pytest.raises(ValueError, match=r"read-only|writeable|writable"):
            ARRAYS[0].read(out=out)

    def test_wrong_shape(self) -> None:
        with pytest.raises(ValueError, match="shape"):
            ARRAYS[0].read(out=np.empty((7, 11, 4), "int32"))

    def test_selection(self) -> None:
        out = np.zeros((2, 11), "int32")
        ARRAYS[0].read((slice(6, 2, -3), slice(None), 1), out=out)
        np.testing.assert_array_equal(out, VALUES[6:2:-3, :, 1])

    def test_overlapping_out(self) -> None:
        base = np.zeros((8, 11, 5), "int32")
        out = np.lib.stride_tricks.as_strided(base, SHAPE, (0, 20, 4))
        with pytest.raises(ValueError, match=r"overlap|itself"):
            ARRAYS[0].read(out=out)


def test_b15_stored_bytes_are_those_at_call_time() -> None:
    values = VALUES.copy()
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=SHAPE, chunks=(3, 4, 2), dtype="int32", compressors=None
    )
    array[...] = values
    values[...] = -1
    np.testing.assert_array_equal(array[...], VALUES)
    # A value that is a view of what is being read is no problem either.
    array[...] = array[::-1]
    np.testing.assert_array_equal(array[...], VALUES[::-1])
