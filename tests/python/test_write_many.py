"""write_many and batch: merged updates."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import zarrloom

SHAPE = (37, 53)
CHUNKS = (8, 16)
VALUES = np.arange(37 * 53, dtype="int64").reshape(SHAPE)


@pytest.fixture
def array(path: str, threads: int) -> zarrloom.Array:
    made = zarrloom.create_array(path, shape=SHAPE, chunks=CHUNKS, dtype="int64")
    made[...] = VALUES
    return made


UPDATES = [
    (np.s_[3, :], 1),
    (np.s_[::-3, 5:20], np.arange(15)),
    (np.s_[-1, -1], 2.0),
    (np.s_[None, 4:9, 50], [[7, 8, 9, 10, 11]]),
    (np.s_[...], np.arange(53, dtype="uint8")),
    (np.s_[0:8, 0:16], -1),
    (np.s_[2:2], 5),
    (np.s_[1:9:2], VALUES[0:4].astype("float32")),
]


def by_numpy() -> np.ndarray:
    expected = VALUES.copy()
    for index, value in UPDATES:
        expected[index] = value
    return expected


@pytest.mark.parametrize("parallel", [None, 1, 3])
def test_write_many_is_numpy_in_order(array: zarrloom.Array, parallel: int | None) -> None:
    array.write_many(iter(UPDATES), parallel=parallel)
    np.testing.assert_array_equal(array[...], by_numpy())
    array.write_many([])


@pytest.mark.parametrize("max_bytes", [None, 1, 200, "64MiB"])
def test_batch_is_numpy_in_order(array: zarrloom.Array, max_bytes: int | str | None) -> None:
    with array.batch(max_bytes) as batch:
        for index, value in UPDATES:
            batch[index] = value
    assert batch.nbytes == 0
    np.testing.assert_array_equal(array[...], by_numpy())
    with pytest.raises(zarrloom.InvalidArgumentError, match="has ended"):
        batch[0, 0] = 1


def test_wrong_updates_write_nothing(array: zarrloom.Array) -> None:
    with pytest.raises(zarrloom.SelectionError):
        array.write_many([(np.s_[0], 1), (np.s_[37], 2)])
    with pytest.raises(zarrloom.InvalidArgumentError, match="broadcast"), array.batch() as batch:
        batch[0] = 5
        batch[1] = np.arange(3)
    np.testing.assert_array_equal(array[...], VALUES)


def test_a_batch_copies_and_writes_late(array: zarrloom.Array) -> None:
    buffer = np.full(53, 1)
    with array.batch() as batch:
        batch[0] = buffer
        buffer[...] = 2
        batch[1] = buffer
        buffer[...] = 3
        assert batch.nbytes == 2 * 53 * 8
        assert array[0, 0] == 0
        batch.flush()
        assert (batch.nbytes, array[0, 0], array[1, 5]) == (0, 1, 2)


def test_scalars_are_kept_small(array: zarrloom.Array) -> None:
    with array.batch() as batch:
        batch[...] = 4
        assert batch.nbytes == 8
    assert (array[...] == 4).all()


def test_an_exception_drops_what_was_not_flushed(array: zarrloom.Array) -> None:
    with pytest.raises(KeyError, match="mine"), array.batch() as batch:
        batch[0] = 1
        batch.flush()
        batch[1] = 1
        raise KeyError("mine")
    np.testing.assert_array_equal(array[0], 1)
    np.testing.assert_array_equal(array[1:], VALUES[1:])


def test_a_failed_flush_keeps_the_updates(array: zarrloom.Array) -> None:
    key = array.chunk_key((1, 1))
    good = array.store.read(key)
    assert good is not None
    array.store.write(key, b"broken")
    with array.batch() as batch:
        batch[8, 16] = -5
        with pytest.raises(zarrloom.CorruptDataError, match=r"chunk \(1, 1\)"):
            batch.flush()
        array.store.write(key, good)
    assert array[8, 16] == -5


def test_read_only(array: zarrloom.Array, path: str) -> None:
    reader = zarrloom.open(path, mode="r")
    with pytest.raises(zarrloom.ReadOnlyError):
        reader.write_many([(0, 1)])


def test_threads_share_a_batch(array: zarrloom.Array) -> None:
    def fill(row: int) -> None:
        for column in range(53):
            batch[row, column] = row

    with array.batch(max_bytes=1000) as batch:
        workers = [threading.Thread(target=fill, args=(row,)) for row in range(16)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    np.testing.assert_array_equal(array[:16], np.repeat(np.arange(16), 53).reshape(16, 53))


def test_sixteen_writers_of_the_same_chunks_lose_nothing() -> None:
    """10,000 rounds, in each of which sixteen threads write their own elements of both chunks."""
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=(64,), chunks=(32,), dtype="int32", compressors=None
    )
    rounds = 10_000
    wrong: list[int] = []

    def write(mine: int) -> None:
        for round in range(1, rounds + 1):
            if round % 2:
                array[mine::16] = round
            else:
                array.write_many([(np.s_[mine:32:16], round), (np.s_[32 + mine :: 16], round)])
            if round % 10 == 0 and (array[mine::16] != round).any():
                wrong.append(mine)

    workers = [threading.Thread(target=write, args=(mine,)) for mine in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
    np.testing.assert_array_equal(array[...], rounds)


@pytest.mark.parametrize(
    "grid",
    [
        {"chunks": (3, 4)},
        {"chunks": (2, 2), "shards": (4, 8)},
        {"chunks": (2, 2), "shards": ([4, 2, 2], [2, 10])},
    ],
)
def test_lists_and_masks_are_merged_in_their_order(grid: dict[str, Any], threads: int) -> None:
    expected = np.zeros((7, 11), "int32")
    array = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=expected.shape, dtype="int32", **grid
    )
    mask = np.arange(77).reshape(7, 11) % 3 == 0
    updates: list[tuple[Any, Any]] = [
        (np.s_[1:6, ::2], 1),
        ([5, 0, 5], np.arange(33).reshape(3, 11)),
        (mask, 7),
        ((np.array([[0], [6]]), np.array([10, 3])), [[-1, -2], [-3, -4]]),
        (np.s_[3], np.arange(11)),
        (np.s_[:, [2, -1]], 9),
    ]
    for index, value in updates:
        expected[index] = value
    array.write_many(updates)
    np.testing.assert_array_equal(array[...], expected)
    with array.batch() as batch:
        rows = np.array([1, 4])
        batch[rows] = 5
        rows[:] = 0  # copied when it was given
        batch[mask] = np.arange(mask.sum())
        batch[2, [1, 2]] = 8
        with pytest.raises(zarrloom.SelectionError, match="out of bounds"):
            batch[[7]] = 1
    expected[[1, 4]] = 5
    expected[mask] = np.arange(mask.sum())
    expected[2, [1, 2]] = 8
    np.testing.assert_array_equal(array[...], expected)
