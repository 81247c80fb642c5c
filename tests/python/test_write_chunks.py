"""write_chunks: whole chunks from an iterable."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

SHAPE = (37, 53)
CHUNKS = (8, 16)
VALUES = np.arange(37 * 53, dtype="int64").reshape(SHAPE)
INDICES = list(np.ndindex(5, 4))


@pytest.fixture
def array(path: str, threads: int) -> zarrloom.Array:
    return zarrloom.create_array(path, shape=SHAPE, chunks=CHUNKS, dtype="int64")


def part(array: zarrloom.Array, index: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return VALUES[array.chunk_bounds(index)]


def parts(array: zarrloom.Array) -> Iterator[tuple[tuple[int, ...], np.ndarray[Any, Any]]]:
    for index in INDICES:
        yield index, part(array, index)


@pytest.mark.parametrize("parallel", [None, 1, 3, 50])
@pytest.mark.parametrize("on_error", ["raise", "collect"])
def test_all_chunks(array: zarrloom.Array, parallel: int | None, on_error: Any) -> None:
    report = array.write_chunks(parts(array), parallel=parallel, on_error=on_error)
    assert report.written == INDICES
    assert report.failed == []
    assert report
    assert repr(report) == "<WriteReport written=20 failed=0>"
    np.testing.assert_array_equal(array[...], VALUES)
    assert zarrloom._core.bytes_in_flight() == 0


def test_forms_of_data(array: zarrloom.Array) -> None:
    chunks: list[tuple[tuple[int, ...], Any]] = [
        ((0, 0), 5),
        ((0, 1), part(array, (0, 1)).astype("float32")),
        ((0, 2), part(array, (0, 2)).tolist()),
        ((4, 3), np.full(CHUNKS, 7)),
        ((4, 0), part(array, (4, 0))[::-1].copy()[::-1]),
        ((4, 1), np.asfortranarray(part(array, (4, 1)))),
    ]
    array.write_chunks(chunks)
    assert (array[:8, :16] == 5).all()
    assert (array[32:, 48:] == 7).all()
    for index in [(0, 1), (0, 2), (4, 0), (4, 1)]:
        np.testing.assert_array_equal(array[array.chunk_bounds(index)], part(array, index))


def test_a_reused_buffer(array: zarrloom.Array) -> None:
    buffer = np.empty(CHUNKS, "int64")

    def made() -> Iterator[tuple[tuple[int, ...], np.ndarray[Any, Any]]]:
        for number, index in enumerate(INDICES):
            buffer[...] = number
            yield index, buffer

    array.write_chunks(made())
    for number, index in enumerate(INDICES):
        assert (array[array.chunk_bounds(index)] == number).all()


def test_the_later_of_the_same_chunk_wins(array: zarrloom.Array) -> None:
    report = array.write_chunks(((0, 0), value) for value in range(100))
    assert report.written == [(0, 0)]
    assert (array[:8, :16] == 99).all()


@pytest.mark.parametrize("parallel", [None, 1])
def test_wrong_data_names_the_chunk(array: zarrloom.Array, parallel: int | None) -> None:
    wrong = [((1, 1), np.zeros((3, 3))), ((5, 0), 1), ((2, 2), 8)]
    with pytest.raises(zarrloom.InvalidArgumentError, match=r"chunk \(1, 1\).*\(3, 3\)") as caught:
        array.write_chunks(wrong, parallel=parallel)
    assert caught.value.chunk_index == (1, 1)
    report = array.write_chunks(wrong, parallel=parallel, on_error="collect")
    assert report.written == [(2, 2)]
    assert [error.chunk_index for error in report.failed] == [(1, 1), (5, 0)]
    assert [error.key for error in report.failed] == ["c/1/1", None]
    assert isinstance(report.failed[1], zarrloom.SelectionError)
    again = report.retry()
    assert len(again.failed) == 2
    with pytest.raises(zarrloom.ChunkErrors, match="2 of 2 chunks"):
        again.raise_if_failed()


def block(array: zarrloom.Array, index: tuple[int, ...]) -> Path:
    """A folder stands where the chunk should be."""
    place = Path(array.store._native.locate(array.chunk_key(index)).removeprefix("file://"))
    place.mkdir(parents=True)
    (place / "in the way").touch()
    return place


@pytest.mark.parametrize("parallel", [None, 1])
def test_the_first_failure_ends_it(array: zarrloom.Array, parallel: int | None) -> None:
    block(array, (0, 1))
    asked = []

    def made() -> Iterator[tuple[tuple[int, ...], int]]:
        for index in INDICES * 100:
            asked.append(index)
            yield index, 1

    with pytest.raises(zarrloom.StorageError, match=r"chunk \(0, 1\).*c/0/1") as caught:
        array.write_chunks(made(), parallel=parallel)
    assert (caught.value.chunk_index, caught.value.key) == ((0, 1), "c/0/1")
    assert len(asked) < 2000
    assert zarrloom._core.bytes_in_flight() == 0


def test_collect_and_retry(array: zarrloom.Array) -> None:
    places = [block(array, index) for index in [(0, 1), (3, 3)]]
    report = array.write_chunks(parts(array), on_error="collect")
    assert [error.chunk_index for error in report.failed] == [(0, 1), (3, 3)]
    assert report.written == [index for index in INDICES if index not in [(0, 1), (3, 3)]]
    assert not report
    assert len(report.retry().failed) == 2
    for place in places:
        (place / "in the way").unlink()
        place.rmdir()
    again = report.retry()
    assert (again.written, again.failed) == ([(0, 1), (3, 3)], [])
    np.testing.assert_array_equal(array[...], VALUES)
    del report, again
    assert zarrloom._core.bytes_in_flight() == 0


def test_what_failed_and_is_kept_stays_bounded(path: str) -> None:
    array = zarrloom.create_array(path, shape=(64, 1024), chunks=(1, 1024), dtype="uint8")
    for row in range(40):
        block(array, (row, 0))
    with zarrloom.config(memory_limit=16 * 1024):
        rows = (((row, 0), np.full((1, 1024), row)) for row in range(64))
        report = array.write_chunks(rows, on_error="collect")
    assert len(report.failed) == 40
    assert 0 < zarrloom._core.bytes_in_flight() <= 4 * 1024
    assert len(report.retry().failed) == 40


@pytest.mark.parametrize("parallel", [None, 1])
def test_an_iterable_that_raises(array: zarrloom.Array, parallel: int | None) -> None:
    def made() -> Iterator[tuple[tuple[int, ...], np.ndarray[Any, Any]]]:
        for index in INDICES[:7]:
            yield index, part(array, index)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        array.write_chunks(made(), parallel=parallel)
    assert any(entry.name == "made" for entry in caught.traceback)
    for index in INDICES[:7]:
        np.testing.assert_array_equal(array[array.chunk_bounds(index)], part(array, index))
    array.write_chunks(parts(array))
    np.testing.assert_array_equal(array[...], VALUES)


def test_progress(array: zarrloom.Array) -> None:
    calls: list[tuple[int, int]] = []
    array.write_chunks(parts(array), progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 20) for done in range(1, 21)]
    calls.clear()
    some = [((0, 0), 1), ((9, 9), 1), ((1, 0), 1)]
    array.write_chunks(
        some, progress=lambda done, total: calls.append((done, total)), on_error="collect"
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]
    array.write_chunks(parts(array), progress=True)

    def raises(done: int, total: int) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        array.write_chunks(parts(array), progress=raises)


def test_memory_limit_holds(path: str) -> None:
    chunk = 1 << 20
    with zarrloom.config(threads=4, memory_limit=3 * chunk):
        array = zarrloom.create_array(path, shape=(64, chunk), chunks=(1, chunk), dtype="uint8")
        before = zarrloom._core.highest_bytes_in_flight()
        array.write_chunks((((row, 0), np.full((1, chunk), row)) for row in range(64)), parallel=16)
        assert zarrloom._core.highest_bytes_in_flight() <= max(before, 3 * chunk)
    assert (array[:, 0] == np.arange(64)).all()


def test_a_generator_may_read_the_array(array: zarrloom.Array) -> None:
    """E6: nested use of the same pool."""
    array[...] = VALUES

    def made() -> Iterator[tuple[tuple[int, ...], np.ndarray[Any, Any]]]:
        for index, data in array.chunk_stream(parallel=2):
            yield index, data + 1

    array.write_chunks(made(), parallel=2)
    np.testing.assert_array_equal(array[...], VALUES + 1)


def test_many_threads_share_the_budget(path: str) -> None:
    """Each may hold one chunk above it, and all come to their end."""
    chunk = 1 << 16
    array = zarrloom.create_array(path, shape=(160, chunk), chunks=(1, chunk), dtype="uint8")

    def write(first: int) -> None:
        array.write_chunks(((row, 0), row) for row in range(first, 160, 16))

    with zarrloom.config(threads=4, memory_limit=2 * chunk):
        workers = [threading.Thread(target=write, args=(n,)) for n in range(16)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
    assert (array[:, ::999] == np.arange(160)[:, None]).all()
    assert zarrloom._core.bytes_in_flight() == 0


def test_wrong_arguments(array: zarrloom.Array, path: str) -> None:
    with pytest.raises(zarrloom.InvalidArgumentError, match="on_error"):
        array.write_chunks([], on_error="skip")  # type: ignore[arg-type]
    with pytest.raises(zarrloom.InvalidArgumentError, match="parallel"):
        array.write_chunks([], parallel=0)
    with pytest.raises(zarrloom.ReadOnlyError):
        zarrloom.open(path, mode="r").write_chunks([])
    assert array.write_chunks([]).written == []


def test_e1_a_fork_while_chunks_are_written(array: zarrloom.Array) -> None:
    """The child's copy of the generator's frame is never run again; its own writes work."""
    children = []

    def made() -> Iterator[tuple[tuple[int, ...], np.ndarray[Any, Any]]]:
        for number, (index, data) in enumerate(parts(array)):
            if number == 10:
                pid = os.fork()
                if pid == 0:
                    array[0, 0] = -1
                    os._exit(0 if array[0, 0] == -1 else 1)
                children.append(pid)
            yield index, data

    array.write_chunks(made())
    deadline = time.monotonic() + 30
    while True:
        pid, status = os.waitpid(children[0], os.WNOHANG)
        if pid or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    assert pid == children[0]
    assert status == 0
