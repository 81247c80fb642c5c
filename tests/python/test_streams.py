"""chunk_stream and parallel_chunk_map."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

SHAPE = (37, 53)
CHUNKS = (8, 16)
VALUES = np.arange(37 * 53, dtype="int64").reshape(SHAPE)
COUNT = 20


@pytest.fixture
def array(path: str, threads: int) -> zarrloom.Array:
    made = zarrloom.create_array(path, shape=SHAPE, chunks=CHUNKS, dtype="int64")
    made[...] = VALUES
    return made


def part(index: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return VALUES[tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, CHUNKS, strict=True))]


@pytest.mark.parametrize("parallel", [None, 1, 3, 50])
def test_ordered(array: zarrloom.Array, parallel: int | None) -> None:
    seen = []
    for index, data in array.chunk_stream(parallel=parallel):
        np.testing.assert_array_equal(data, part(index))
        seen.append(index)
    assert seen == list(np.ndindex(5, 4))


@pytest.mark.parametrize("parallel", [None, 1, 3])
def test_unordered_gives_each_once(array: zarrloom.Array, parallel: int | None) -> None:
    seen = {}
    for index, data in array.chunk_stream(parallel=parallel, ordered=False):
        assert index not in seen
        np.testing.assert_array_equal(data, part(index))
        seen[index] = data
    assert sorted(seen) == list(np.ndindex(5, 4))


def test_filter_runs_before_reading(array: zarrloom.Array, path: str) -> None:
    (Path(path) / "c" / "0" / "0").write_bytes(b"broken")
    kept = list(array.chunk_stream(filter=lambda index: index[1] == 2))
    assert [index for index, _ in kept] == [(i, 2) for i in range(5)]


def test_chosen_chunks(array: zarrloom.Array) -> None:
    got = list(array.chunk_stream(chunks=[(4, 3), (0, 0)]))
    assert [index for index, _ in got] == [(4, 3), (0, 0)]
    assert got[0][1].shape == (5, 5)
    with pytest.raises(zarrloom.SelectionError):
        array.chunk_stream(chunks=[(5, 0)])


def test_progress(array: zarrloom.Array) -> None:
    calls: list[tuple[int, int]] = []
    list(array.chunk_stream(progress=lambda done, total: calls.append((done, total))))
    assert calls[-1] == (COUNT, COUNT)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)

    class Bar:
        total: int | None = None
        count = 0

        def update(self, n: int) -> None:
            self.count += n

    bar = Bar()
    list(array.chunk_stream(progress=bar))
    assert (bar.total, bar.count) == (COUNT, COUNT)
    list(array.chunk_stream(progress=True))


def test_context_manager_and_early_end(array: zarrloom.Array) -> None:
    for _ in range(20):
        with array.chunk_stream(parallel=4) as stream:
            next(iter(stream))
        assert list(stream) == []
        stream.close()
    for _ in array.chunk_stream(parallel=4):
        break


def test_data_outlives_the_stream(array: zarrloom.Array) -> None:
    stream = array.chunk_stream(parallel=2)
    index, data = next(iter(stream))
    stream.close()
    del stream
    np.testing.assert_array_equal(data, part(index))
    data[...] = 0  # it is the caller's own


@pytest.mark.parametrize("parallel", [1, 4])
def test_first_failure_ends_it_and_names_the_chunk(
    array: zarrloom.Array, path: str, parallel: int
) -> None:
    (Path(path) / "c" / "1" / "2").write_bytes(b"broken")
    stream = array.chunk_stream(parallel=parallel)
    got = []
    with pytest.raises(zarrloom.CorruptDataError, match=r"chunk \(1, 2\).*c/1/2.*zstd") as caught:
        for index, _ in stream:
            got.append(index)
    assert caught.value.chunk_index == (1, 2)
    assert caught.value.key == "c/1/2"
    assert got == list(np.ndindex(5, 4))[:6]
    assert list(stream) == []


def test_shared_by_threads(array: zarrloom.Array) -> None:
    stream = array.chunk_stream(parallel=4)
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
    assert sorted(got) == list(np.ndindex(5, 4))


def test_memory_limit_holds(path: str) -> None:
    chunk = 1 << 20
    with zarrloom.config(threads=4, memory_limit=3 * chunk):
        array = zarrloom.create_array(path, shape=(32, chunk), chunks=(1, chunk), dtype="uint8")
        array[...] = 1
        for ordered in (True, False):
            total = sum(int(d.sum()) for _, d in array.chunk_stream(parallel=16, ordered=ordered))
            assert total == 32 * chunk


@pytest.mark.parametrize("ordered", [True, False])
def test_map(array: zarrloom.Array, ordered: bool) -> None:
    results = list(
        array.parallel_chunk_map(
            lambda index, data: (index, int(data.sum())), max_concurrency=4, ordered=ordered
        )
    )
    expected = [(i, int(part(i).sum())) for i in np.ndindex(5, 4)]
    assert (results if ordered else sorted(results)) == expected


def test_map_is_lazy_and_can_be_dropped(array: zarrloom.Array) -> None:
    running = threading.active_count()
    results = array.parallel_chunk_map(lambda index, data: index, max_concurrency=2)
    assert next(iter(results)) == (0, 0)
    results.close()
    deadline = time.monotonic() + 5
    while threading.active_count() > running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= running


def test_map_raises_what_the_function_raised(array: zarrloom.Array) -> None:
    calls = []

    def fn(index: tuple[int, ...], data: Any) -> None:
        calls.append(index)
        if index == (0, 2):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        list(array.parallel_chunk_map(fn, max_concurrency=2))
    assert any(entry.name == "fn" for entry in caught.traceback)
    assert len(calls) < COUNT
    np.testing.assert_array_equal(array[...], VALUES)  # and all is usable afterwards


def test_map_raises_a_failed_read(array: zarrloom.Array, path: str) -> None:
    (Path(path) / "c" / "1" / "2").write_bytes(b"broken")
    with pytest.raises(zarrloom.CorruptDataError, match=r"c/1/2"):
        list(array.parallel_chunk_map(lambda index, data: None))


def test_map_functions_really_overlap(array: zarrloom.Array) -> None:
    together = threading.Barrier(3, timeout=20)

    def fn(index: tuple[int, ...], data: Any) -> bool:
        if index[0] == 0 and index[1] < 3:
            together.wait()  # passes only if three are inside at once
        return True

    assert all(array.parallel_chunk_map(fn, max_concurrency=3))


def test_map_timeout_names_the_chunk(array: zarrloom.Array) -> None:
    let_go = threading.Event()

    def fn(index: tuple[int, ...], data: Any) -> None:
        if index == (0, 1):
            let_go.wait(10)

    try:
        with pytest.raises(zarrloom.DeadlineError, match=r"\(0, 1\)"):
            list(array.parallel_chunk_map(fn, max_concurrency=2, timeout=0.3))
    finally:
        let_go.set()
    with pytest.raises(TimeoutError):
        raise zarrloom.DeadlineError("is one")


def test_a_map_may_read_the_array_itself(array: zarrloom.Array) -> None:
    """E6: nested use of the same pool."""

    def fn(index: tuple[int, ...], data: Any) -> bool:
        nested = next(iter(array.chunk_stream(parallel=2, chunks=[index])))[1]
        return bool((array[...] == VALUES).all() and (nested == data).all())

    assert all(array.parallel_chunk_map(fn, max_concurrency=8))


def test_chunks_are_read_ahead_while_the_function_runs(path: str) -> None:
    """What lies behind the chunk that the function works on is decoded by then."""
    array = zarrloom.create_array(path, shape=(8, 1000), chunks=(1, 1000), dtype="int64")
    array[...] = np.arange(8000).reshape(8, 1000)
    before: list[int] = []

    def fn(index: tuple[int, ...], data: Any) -> None:
        if index == (0, 0):
            deadline = time.monotonic() + 10
            while zarrloom._core.bytes_in_flight() == 0 and time.monotonic() < deadline:
                time.sleep(0.001)
            before.append(zarrloom._core.bytes_in_flight())

    list(array.parallel_chunk_map(fn, max_concurrency=1))
    assert before[0] > 0
    assert zarrloom._core.bytes_in_flight() == 0
