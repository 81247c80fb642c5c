"""The options of chunk_stream."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom
from zarrloom import ChunkError

SHAPE = (37, 53)
CHUNKS = (8, 16)
VALUES = np.arange(37 * 53, dtype="int64").reshape(SHAPE)
ALL = list(np.ndindex(5, 4))
BAD = (1, 2)


@pytest.fixture
def array(path: str, threads: int) -> zarrloom.Array:
    made = zarrloom.create_array(path, shape=SHAPE, chunks=CHUNKS, dtype="int64")
    made[...] = VALUES
    return made


@pytest.fixture
def damaged(array: zarrloom.Array, path: str) -> zarrloom.Array:
    (Path(path) / array.chunk_key(BAD)).write_bytes(b"broken")
    return array


def part(index: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return VALUES[tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, CHUNKS, strict=True))]


PARALLEL = pytest.mark.parametrize("parallel", [None, 1, 3])


@PARALLEL
@pytest.mark.parametrize("ordered", [True, False])
def test_skipped_chunks_are_listed_and_logged(
    damaged: zarrloom.Array, parallel: int | None, ordered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []
    with caplog.at_level(logging.WARNING, "zarrloom"):
        stream = damaged.chunk_stream(
            parallel, ordered, on_error="skip", progress=lambda done, total: calls.append(done)
        )
        got = dict(stream)
    assert sorted(got) == [index for index in ALL if index != BAD]
    for index, data in got.items():
        np.testing.assert_array_equal(data, part(index))
    [error] = stream.skipped
    assert (error.index, error.chunk_index, error.key) == (BAD, BAD, "c/1/2")
    assert isinstance(error.cause, zarrloom.CorruptDataError)
    assert str(error).startswith("chunk (1, 2) at ")
    assert [record.name for record in caplog.records] == ["zarrloom"]
    assert "chunk (1, 2)" in caplog.text
    assert calls == list(range(1, 21))


@PARALLEL
def test_failed_chunks_are_returned_and_tried_again(
    damaged: zarrloom.Array, path: str, parallel: int | None
) -> None:
    got = dict(damaged.chunk_stream(parallel, on_error="return"))
    assert list(got) == ALL
    failed = [index for index, data in got.items() if isinstance(data, ChunkError)]
    assert failed == [BAD]
    damaged[8:16, 32:48] = part(BAD)  # repaired
    for index, data in damaged.chunk_stream(chunks=failed):
        np.testing.assert_array_equal(data, part(index))


def test_a_function_may_say_what_a_failed_chunk_is(damaged: zarrloom.Array) -> None:
    seen: list[ChunkError] = []

    def zeros(error: ChunkError) -> np.ndarray[Any, Any]:
        seen.append(error)
        return np.zeros(CHUNKS)

    got = dict(damaged.chunk_stream(on_error=zeros))
    assert not got[BAD].any()
    assert [error.index for error in seen] == [BAD]
    stream = damaged.chunk_stream(on_error=lambda error: None)
    assert BAD not in dict(stream)
    assert len(stream.skipped) == 1

    def refuse(error: ChunkError) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(damaged.chunk_stream(on_error=refuse))
    with pytest.raises(zarrloom.InvalidArgumentError, match="on_error"):
        damaged.chunk_stream(on_error="ignore")  # type: ignore[arg-type]


@PARALLEL
@pytest.mark.parametrize(
    "selection",
    [np.s_[3:30, 20:21], np.s_[::9, ::20], np.s_[-1], np.s_[..., 5:5], np.s_[30:2:-3, 4]],
)
def test_a_selection_clips_the_chunks(
    array: zarrloom.Array, parallel: int | None, selection: Any
) -> None:
    wanted = np.zeros(SHAPE, bool)
    wanted[selection] = True
    got = dict(array.chunk_stream(parallel, selection=selection))
    touched = [i for i in ALL if wanted[array.chunk_bounds(i)].any()]
    assert list(got) == touched
    for index, data in got.items():
        bounds = array.chunk_bounds(index)
        np.testing.assert_array_equal(data.ravel(), VALUES[bounds][wanted[bounds]])


def test_filter_sees_only_chunks_that_the_selection_touches(array: zarrloom.Array) -> None:
    seen: list[tuple[int, ...]] = []

    def odd(index: tuple[int, ...]) -> bool:
        seen.append(index)
        return index[1] % 2 == 1

    got = [index for index, _ in array.chunk_stream(filter=odd, selection=np.s_[:8])]
    assert seen == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert got == [(0, 1), (0, 3)]


@PARALLEL
def test_missing_chunks_can_be_left_out(
    array: zarrloom.Array, path: str, parallel: int | None
) -> None:
    for index in [(0, 0), (4, 3)]:
        (Path(path) / array.chunk_key(index)).unlink()
    stream = array.chunk_stream(parallel, skip_missing=True)
    assert len(stream) == 18
    assert [index for index, _ in stream] == ALL[1:-1]
    assert (dict(array.chunk_stream(parallel))[0, 0] == 0).all()


@PARALLEL
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("ordered", [True, False])
def test_chunks_are_decoded_into_buffers_of_the_caller(
    array: zarrloom.Array, parallel: int | None, count: int, ordered: bool
) -> None:
    buffers = [np.empty(CHUNKS, "int64") for _ in range(count)]
    out = buffers[0] if count == 1 else buffers
    seen = []
    for index, data in array.chunk_stream(parallel, ordered, out=out):
        assert any(np.shares_memory(data, buffer) for buffer in buffers)
        np.testing.assert_array_equal(data, part(index))
        seen.append(index)
    assert sorted(seen) == ALL


def test_buffers_are_checked(array: zarrloom.Array) -> None:
    with pytest.raises(zarrloom.InvalidArgumentError, match="too small"):
        array.chunk_stream(out=np.empty((7, 16), "int64"))
    with pytest.raises(TypeError, match="int64"):
        array.chunk_stream(out=np.empty(CHUNKS, "int32"))
    with pytest.raises(ValueError, match="contiguous"):
        array.chunk_stream(out=np.empty((16, 16), "int64")[::2])
    read_only = np.empty(CHUNKS, "int64")
    read_only.setflags(write=False)
    with pytest.raises(ValueError, match="writeable"):
        array.chunk_stream(out=read_only)


def test_buffers_with_failures_and_threads(damaged: zarrloom.Array) -> None:
    buffers = [np.empty(CHUNKS, "int64") for _ in range(6)]
    stream = damaged.chunk_stream(4, False, out=buffers, on_error="skip")
    got: list[tuple[int, ...]] = []

    def take() -> None:
        for index, data in stream:
            np.testing.assert_array_equal(data, part(index))
            got.append(index)

    workers = [threading.Thread(target=take) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(got) == [index for index in ALL if index != BAD]


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_timeout_must_be_positive(array: zarrloom.Array, value: float) -> None:
    with pytest.raises(zarrloom.InvalidArgumentError, match="timeout"):
        array.chunk_stream(timeout=value)


def test_a_consumer_that_raises_leaves_all_usable(array: zarrloom.Array) -> None:
    for _ in range(10):
        with pytest.raises(KeyError), array.chunk_stream(4) as stream:
            for index, _ in stream:
                raise KeyError(index)
    np.testing.assert_array_equal(array[...], VALUES)
    assert zarrloom._core.bytes_in_flight() == 0


def test_a_budget_below_one_chunk_and_two_streams_on_one_budget(array: zarrloom.Array) -> None:
    with zarrloom.config(memory_limit=10):
        first, second = array.chunk_stream(4), array.chunk_stream(4, ordered=False)
        pairs = list(zip(first, second, strict=True))
        assert [a[0] for a, _ in pairs] == ALL
        assert sorted(b[0] for _, b in pairs) == ALL


@pytest.mark.parametrize("n", [1, 2, 3, 100])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_parts_are_whole_chunks(array: zarrloom.Array, n: int, axis: int) -> None:
    parts = array.partition(n, axis)
    assert len(parts) == min(n, array.cdata_shape[axis])
    seen = np.zeros(SHAPE, int)
    for box in parts:
        seen[box] += 1
        assert box[axis].start % CHUNKS[axis] == 0
    assert (seen == 1).all()
    with pytest.raises(ValueError, match="axis"):
        array.partition(2, 2)
