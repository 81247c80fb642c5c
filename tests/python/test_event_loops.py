"""Reading, writing and streaming on event loops."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

SHAPE = (37, 53)
VALUES = np.arange(37 * 53, dtype="int64").reshape(SHAPE)
ALL = list(np.ndindex(5, 4))
Run = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture(params=["asyncio", "uvloop", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    """An event loop's way to run a coroutine function."""
    if request.param == "asyncio":
        return lambda work: asyncio.run(work())
    library = pytest.importorskip(request.param)
    if request.param == "uvloop":
        return lambda work: library.run(work())
    return library.run  # type: ignore[no-any-return]


@pytest.fixture
def array(path: str, threads: int) -> zarrloom.Array:
    made = zarrloom.create_array(path, shape=SHAPE, chunks=(8, 16), dtype="int64")
    made[...] = VALUES
    return made


def test_read_and_write(array: zarrloom.Array, run: Run) -> None:
    async def work() -> None:
        np.testing.assert_array_equal(await array.aread(), VALUES)
        np.testing.assert_array_equal(await array.aread(np.s_[30:2:-3, 4]), VALUES[30:2:-3, 4])
        out = np.empty((37, 2), "int64")
        assert await array.aread(np.s_[:, 5:7], out=out, parallel=2) is out
        np.testing.assert_array_equal(out, VALUES[:, 5:7])
        await array.awrite(np.s_[::2], -1)
        with pytest.raises(zarrloom.SelectionError):
            await array.aread(np.s_[40])

    run(work)
    expected = VALUES.copy()
    expected[::2] = -1
    np.testing.assert_array_equal(array[...], expected)


def test_a_failure_names_the_chunk(array: zarrloom.Array, path: str, run: Run) -> None:
    (Path(path) / "c" / "1" / "2").write_bytes(b"broken")

    async def work() -> None:
        with pytest.raises(zarrloom.CorruptDataError, match=r"chunk \(1, 2\)"):
            await array.aread()
        np.testing.assert_array_equal(await array.aread(0), VALUES[0])

    run(work)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("parallel", [None, 1, 3])
def test_streams(array: zarrloom.Array, run: Run, ordered: bool, parallel: int | None) -> None:
    got: dict[Any, Any] = {}

    async def work() -> None:
        async with array.chunk_stream(parallel, ordered) as stream:
            async for index, data in stream:
                got[index] = data

    run(work)
    assert (list(got) if ordered else sorted(got)) == ALL
    for index, data in got.items():
        np.testing.assert_array_equal(data, VALUES[array.chunk_bounds(index)])


def test_a_stream_may_be_left_early(array: zarrloom.Array, run: Run) -> None:
    async def work() -> None:
        for _ in range(10):
            async with array.chunk_stream(3) as stream:
                async for _item in stream:
                    break
            assert [item async for item in stream] == []

    run(work)
    assert zarrloom._core.bytes_in_flight() == 0


def test_failures_of_a_stream(array: zarrloom.Array, path: str, run: Run) -> None:
    (Path(path) / "c" / "1" / "2").write_bytes(b"broken")

    async def work() -> None:
        with pytest.raises(zarrloom.CorruptDataError, match=r"chunk \(1, 2\)"):
            async for _ in array.chunk_stream():
                pass
        stream = array.chunk_stream(on_error="skip")
        assert len([item async for item in stream]) == 19
        assert len(stream.skipped) == 1

    run(work)


def test_many_reads_at_one_time_need_no_threads(array: zarrloom.Array) -> None:
    before = threading.active_count()

    async def work() -> None:
        rows = await asyncio.gather(*(array.aread(i % 37) for i in range(500)))
        assert threading.active_count() == before
        for i, row in enumerate(rows):
            np.testing.assert_array_equal(row, VALUES[i % 37])

    asyncio.run(work())


def test_tasks_share_a_stream(array: zarrloom.Array) -> None:
    got: list[Any] = []

    async def work() -> None:
        stream = array.chunk_stream(3)

        async def take() -> None:
            async for index, _ in stream:
                got.append(index)
                await asyncio.sleep(0)

        await asyncio.gather(*(take() for _ in range(4)))

    asyncio.run(work())
    assert sorted(got) == ALL


def test_a_stream_may_go_from_a_loop_to_threads_and_to_another_loop(array: zarrloom.Array) -> None:
    stream = array.chunk_stream(2)

    async def take() -> Any:
        return (await anext(aiter(stream)))[0]

    assert [asyncio.run(take()), next(stream)[0], asyncio.run(take())] == ALL[:3]
    assert [index for index, _ in stream] == ALL[3:]


def test_cancelling_the_task_ends_the_read(array: zarrloom.Array) -> None:
    async def work() -> None:
        out = np.zeros(SHAPE, "int64")
        for delay in (0, 0, 0.0005, 0.001):
            task = asyncio.ensure_future(array.aread(out=out))
            await asyncio.sleep(delay)
            task.cancel()
            result = (await asyncio.gather(task, return_exceptions=True))[0]
            assert result is out or isinstance(result, asyncio.CancelledError)
            kept = out.copy()
            await asyncio.sleep(0.005)
            np.testing.assert_array_equal(out, kept)  # nothing writes to it any more
        if not zarrloom.config.inline:  # else the read is over before the loop hears of it
            far = zarrloom.open(array.store.delayed(0.3))  # for sure not over in a moment
            with pytest.raises(asyncio.TimeoutError):
                async with asyncio.timeout(0.01):
                    await far.aread()
        np.testing.assert_array_equal(await array.aread(), VALUES)

    asyncio.run(work())


def test_a_loop_that_ends_while_reads_are_on_their_way(array: zarrloom.Array) -> None:
    """E7: a closed loop, and another one after it."""
    for _ in range(5):
        loop = asyncio.new_event_loop()
        tasks = [loop.create_task(array.aread()) for _ in range(20)]
        loop.run_until_complete(asyncio.sleep(0))
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
        del tasks, task
        gc.collect()
    np.testing.assert_array_equal(asyncio.run(array.aread()), VALUES)


def test_without_a_loop_it_says_so(array: zarrloom.Array) -> None:
    coroutine = array.aread()
    with pytest.raises(zarrloom.InvalidArgumentError, match="event loop"):
        coroutine.send(None)
