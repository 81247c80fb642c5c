"""What parallel_chunk_map does with failures, executors, native functions and an array for out."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
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


@pytest.fixture
def other(tmp_path: Path) -> zarrloom.Array:
    return zarrloom.create_array(
        str(tmp_path / "other.zarr"), shape=SHAPE, chunks=CHUNKS, dtype="float32"
    )


def part(index: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return VALUES[tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, CHUNKS, strict=True))]


def total(index: tuple[int, ...], data: Any) -> tuple[tuple[int, ...], int]:
    return index, int(data.sum())


def doubled(index: tuple[int, ...], data: Any) -> Any:
    return data * 2


def in_place(index: tuple[int, ...], data: Any) -> Any:
    data += 1
    return data


def process_of(index: tuple[int, ...], data: Any) -> int:
    return os.getpid()


def fails_at_one(index: tuple[int, ...], data: Any) -> int:
    if index == (0, 3):
        raise KeyError("mine")
    return int(data.sum())


# ---- Failures ----


@pytest.mark.parametrize("ordered", [True, False])
def test_failures_are_skipped_returned_or_handed_to_a_function(
    damaged: zarrloom.Array, ordered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    results = damaged.parallel_chunk_map(fails_at_one, 2, ordered=ordered, on_error="skip")
    good = [int(part(i).sum()) for i in ALL if i not in (BAD, (0, 3))]
    assert sorted(results) == sorted(good)
    causes = {error.index: type(error.cause) for error in results.skipped}
    assert causes == {BAD: zarrloom.CorruptDataError, (0, 3): KeyError}
    assert "chunk (0, 3): KeyError: 'mine'" in caplog.text

    returned = list(damaged.parallel_chunk_map(fails_at_one, on_error="return"))
    errors = [each for each in returned if isinstance(each, ChunkError)]
    assert [error.index for error in errors] == [(0, 3), BAD]
    assert [error.key for error in errors] == ["c/0/3", "c/1/2"]
    assert len(returned) == 20

    given = list(damaged.parallel_chunk_map(fails_at_one, on_error=lambda error: -1))
    assert given.count(-1) == 2


def test_the_failed_are_tried_again(damaged: zarrloom.Array) -> None:
    results = list(damaged.parallel_chunk_map(total, on_error="return"))
    failed = [each.index for each in results if isinstance(each, ChunkError)]
    damaged[8:16, 32:48] = part(BAD)
    again = list(damaged.parallel_chunk_map(total, chunks=failed))
    assert again == [(BAD, int(part(BAD).sum()))]


@pytest.mark.parametrize("ordered", [True, False])
def test_late_calls_are_left_behind_and_the_others_go_on(
    array: zarrloom.Array, ordered: bool
) -> None:
    let_go = threading.Event()
    slow = {(0, 1), (2, 2), (4, 3)}

    def fn(index: tuple[int, ...], data: Any) -> int:
        if index in slow:
            let_go.wait(30)
        return int(data.sum())

    try:
        with array.parallel_chunk_map(
            fn, 2, timeout=0.2, on_timeout="return", ordered=ordered
        ) as results:
            got = list(results)
    finally:
        let_go.set()
    late = [each for each in got if isinstance(each, ChunkError)]
    assert {error.index for error in late} == slow
    assert all(isinstance(error.cause, zarrloom.DeadlineError) for error in late)
    rest = sorted(each for each in got if not isinstance(each, ChunkError))
    assert rest == sorted(int(part(i).sum()) for i in ALL if i not in slow)


def test_late_calls_may_be_skipped_while_other_failures_raise(array: zarrloom.Array) -> None:
    let_go = threading.Event()

    def fn(index: tuple[int, ...], data: Any) -> None:
        if index == (0, 0):
            let_go.wait(30)
        if index == (4, 3):
            raise KeyError("mine")

    try:
        results = array.parallel_chunk_map(fn, 2, timeout=0.2, on_timeout="skip")
        with pytest.raises(KeyError, match="mine"):
            list(results)
    finally:
        let_go.set()
    assert [error.index for error in results.skipped] == [(0, 0)]


def test_progress_counts_the_skipped_too(damaged: zarrloom.Array) -> None:
    calls: list[tuple[int, int]] = []
    damaged.parallel_chunk_map(
        total, on_error="skip", progress=lambda done, all: calls.append((done, all))
    ).run()
    assert calls == [(i, 20) for i in range(1, 21)]


def test_selection(array: zarrloom.Array) -> None:
    got = dict(array.parallel_chunk_map(total, selection=np.s_[5:20:3, 17]))
    expected = {
        (i, 1): int(VALUES[rows, 17].sum())
        for i, rows in [(0, slice(5, 6)), (1, slice(8, 15, 3)), (2, slice(17, 18))]
    }
    assert got == expected


@pytest.mark.parametrize("bad", [0, -1])
def test_arguments_are_checked(array: zarrloom.Array, bad: int) -> None:
    with pytest.raises(zarrloom.InvalidArgumentError, match="max_concurrency"):
        array.parallel_chunk_map(total, bad)
    with pytest.raises(zarrloom.InvalidArgumentError, match="on_timeout"):
        array.parallel_chunk_map(total, on_timeout="never")  # type: ignore[arg-type]
    with pytest.raises(zarrloom.InvalidArgumentError, match="executor"):
        array.parallel_chunk_map(total, executor="threads")


# ---- Into another array ----


def test_results_go_to_another_array(array: zarrloom.Array, other: zarrloom.Array) -> None:
    written = list(array.parallel_chunk_map(doubled, 3, out=other))
    assert written == ALL
    np.testing.assert_array_equal(other[...], VALUES * 2.0)
    array.parallel_chunk_map(in_place, out=array).run()
    np.testing.assert_array_equal(array[...], VALUES + 1)


def test_parts_of_chunks_go_to_another_array(array: zarrloom.Array, other: zarrloom.Array) -> None:
    other[...] = -1
    array.parallel_chunk_map(doubled, out=other, selection=np.s_[3:30:2, 10:40]).run()
    expected = np.full(SHAPE, -1.0)
    expected[3:30:2, 10:40] = VALUES[3:30:2, 10:40] * 2
    np.testing.assert_array_equal(other[...], expected)


def test_out_must_have_the_same_grid(array: zarrloom.Array, tmp_path: Path) -> None:
    wrong = zarrloom.create_array(str(tmp_path / "w"), shape=SHAPE, chunks=(8, 8), dtype="int64")
    with pytest.raises(zarrloom.InvalidArgumentError, match=r"chunks of \(8, 8\)"):
        array.parallel_chunk_map(doubled, out=wrong)


def test_a_result_of_the_wrong_shape_names_its_chunk(
    array: zarrloom.Array, other: zarrloom.Array
) -> None:
    results = array.parallel_chunk_map(lambda i, data: data[:2], out=other, on_error="return")
    errors = list(results)
    assert all(isinstance(error, ChunkError) for error in errors)
    assert "chunk (0, 0)" in str(errors[0])
    assert "shape (2, 16)" in str(errors[0])


# ---- Executors ----


@pytest.fixture(scope="module", params=["fork", "spawn"])
def processes(request: pytest.FixtureRequest) -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=get_context(request.param)) as pool:
        yield pool


def test_thread_pool(array: zarrloom.Array) -> None:
    with ThreadPoolExecutor(3, thread_name_prefix="mine") as pool:
        names = set(
            array.parallel_chunk_map(
                lambda i, d: threading.current_thread().name, executor=pool, ordered=False
            )
        )
    assert all(name.startswith("mine") for name in names)


def test_process_pool(
    array: zarrloom.Array, other: zarrloom.Array, processes: ProcessPoolExecutor
) -> None:
    pids = set(array.parallel_chunk_map(process_of, executor=processes))
    assert os.getpid() not in pids
    assert list(array.parallel_chunk_map(total, executor=processes)) == [
        (i, int(part(i).sum())) for i in ALL
    ]
    for index, result in zip(
        ALL, array.parallel_chunk_map(doubled, executor=processes), strict=True
    ):
        np.testing.assert_array_equal(result, part(index) * 2)
        result[...] = 0  # it is the caller's own
    array.parallel_chunk_map(in_place, executor=processes, out=other, ordered=False).run()
    np.testing.assert_array_equal(other[...], VALUES + 1.0)
    np.testing.assert_array_equal(array[...], VALUES)


def test_failures_in_other_processes(
    damaged: zarrloom.Array, processes: ProcessPoolExecutor
) -> None:
    with pytest.raises(KeyError, match="mine"):
        list(damaged.parallel_chunk_map(fails_at_one, executor=processes))
    results = damaged.parallel_chunk_map(fails_at_one, executor=processes, on_error="skip")
    assert len(list(results)) == 18
    assert {error.index for error in results.skipped} == {BAD, (0, 3)}
    with pytest.raises(Exception, match="pickle"):
        list(damaged.parallel_chunk_map(lambda i, d: None, executor=processes))


def test_chunks_cross_to_processes_without_pickling(
    path: str, processes: ProcessPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = zarrloom.create_array(path, shape=(8, 1000), chunks=(1, 1000), dtype="int64")
    array[...] = 1
    sent: list[int] = []
    submit = processes.submit

    def watching(*args: Any, **kwargs: Any) -> Any:
        import pickle

        sent.append(len(pickle.dumps((args, kwargs))))
        return submit(*args, **kwargs)

    monkeypatch.setattr(processes, "submit", watching)
    assert len(list(array.parallel_chunk_map(doubled, executor=processes))) == 8
    assert len(sent) == 8
    assert max(sent) < 1000  # a chunk has 8000 bytes


@pytest.fixture(scope="module")
def dask_client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.filterwarnings("default")
def test_dask(array: zarrloom.Array, other: zarrloom.Array, dask_client: Any) -> None:
    pids = set(array.parallel_chunk_map(process_of, executor=dask_client))
    assert os.getpid() not in pids
    assert list(array.parallel_chunk_map(total, executor=dask_client)) == [
        (i, int(part(i).sum())) for i in ALL
    ]
    selection = np.s_[3:30, ::2]
    array.parallel_chunk_map(doubled, executor=dask_client, out=other, selection=selection).run()
    expected = np.zeros(SHAPE)
    expected[selection] = VALUES[selection] * 2
    np.testing.assert_array_equal(other[...], expected)
    with pytest.raises(KeyError, match="mine"):
        list(array.parallel_chunk_map(fails_at_one, executor=dask_client))


@pytest.mark.filterwarnings("default")
def test_dask_is_sent_the_data_of_a_store_that_cannot_be_pickled(dask_client: Any) -> None:
    array = zarrloom.create_array(zarrloom.MemoryStore(), shape=SHAPE, chunks=CHUNKS, dtype="int64")
    array[...] = VALUES
    got = list(array.parallel_chunk_map(total, executor=dask_client, chunks=ALL[:4]))
    assert got == [(i, int(part(i).sum())) for i in ALL[:4]]


# ---- Native functions ----

SIGNATURE = (
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_int64),
    ctypes.POINTER(ctypes.c_int64),
    ctypes.c_int64,
    ctypes.c_void_p,
)


def numba_functions() -> tuple[Any, Any, Any]:
    numba = pytest.importorskip("numba")
    types = numba.types
    arguments = (
        types.voidptr,
        types.CPointer(types.int64),
        types.CPointer(types.int64),
        types.int64,
        types.voidptr,
    )
    dtype = np.int64
    usleep = ctypes.CDLL(None).usleep
    usleep.argtypes, usleep.restype = [ctypes.c_uint], ctypes.c_int

    @numba.cfunc(types.float64(*arguments))
    def sum_of(data, shape, index, ndim, user):  # type: ignore[no-untyped-def]
        n = 1
        for d in range(ndim):
            n *= shape[d]
        return float(numba.carray(data, (n,), dtype).sum())

    @numba.cfunc(types.int32(*arguments))
    def double_it(data, shape, index, ndim, user):  # type: ignore[no-untyped-def]
        values = numba.carray(data, (shape[0] * shape[1],), dtype)
        for i in range(values.size):
            values[i] *= 2
        return 7 if index[0] == 4 and index[1] == 3 else 0

    @numba.cfunc(types.int32(*arguments))
    def meet(data, shape, index, ndim, user):  # type: ignore[no-untyped-def]
        # Passes only if two of them are inside at once.
        inside = numba.carray(user, (2,), np.int64)
        inside[index[1]] = 1
        for _ in range(20_000):
            if inside[1 - index[1]] == 1:
                return 0
            usleep(1000)  # 20 s in all; a call from outside, so the loop loads again
        return 1

    return sum_of, double_it, meet


@pytest.mark.filterwarnings("default")
def test_numba_functions_run_in_the_pool(array: zarrloom.Array, other: zarrloom.Array) -> None:
    sum_of, double_it, _ = numba_functions()
    sums = list(array.parallel_chunk_map(sum_of))
    assert sums == [float(part(i).sum()) for i in ALL]
    with pytest.raises(zarrloom.FunctionError, match=r"chunk \(4, 3\).*returned 7"):
        list(array.parallel_chunk_map(double_it))
    array.parallel_chunk_map(double_it, out=other, on_error="skip").run()
    expected = VALUES * 2.0
    expected[32:, 48:] = 0
    np.testing.assert_array_equal(other[...], expected)
    np.testing.assert_array_equal(array[...], VALUES)


@pytest.mark.filterwarnings("default")
def test_two_native_functions_run_at_one_time_under_the_gil(path: str) -> None:
    scipy = pytest.importorskip("scipy", reason="needs LowLevelCallable")
    del scipy
    from scipy import LowLevelCallable

    *_, meet = numba_functions()
    with zarrloom.config(threads=2):
        array = zarrloom.create_array(path, shape=(1, 2000), chunks=(1, 1000), dtype="int64")
        array[...] = 1
        inside = np.zeros(2, np.int64)
        user = ctypes.cast(inside.ctypes.data, ctypes.c_void_p)
        fn = LowLevelCallable(meet.ctypes, user)
        assert len(list(array.parallel_chunk_map(fn, 2))) == 2
    assert inside.tolist() == [1, 1]


def test_a_ctypes_function_that_calls_back_into_python(array: zarrloom.Array) -> None:
    @ctypes.CFUNCTYPE(ctypes.c_double, *SIGNATURE)
    def first(data: int, shape: Any, index: Any, ndim: int, user: Any) -> float:
        return float(ctypes.cast(data, ctypes.POINTER(ctypes.c_int64))[0] + ndim)

    results = list(array.parallel_chunk_map(first, ordered=True))
    assert results == [float(part(i).ravel()[0] + 2) for i in ALL]


def test_native_functions_are_checked(array: zarrloom.Array) -> None:
    wrong = ctypes.CFUNCTYPE(ctypes.c_char_p, *SIGNATURE)(lambda *args: b"")
    with pytest.raises(zarrloom.InvalidArgumentError, match="must return int"):
        array.parallel_chunk_map(wrong)
    right = ctypes.CFUNCTYPE(ctypes.c_int, *SIGNATURE)(lambda *args: 0)
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(zarrloom.InvalidArgumentError, match="executor"),
    ):
        array.parallel_chunk_map(right, executor=pool)


def test_sixteen_threads_share_one_map_each_with_their_own(array: zarrloom.Array) -> None:
    failures: list[BaseException] = []
    start = threading.Barrier(16)

    def work() -> None:
        try:
            start.wait()
            for _ in range(3):
                assert dict(array.parallel_chunk_map(total, 3, ordered=False)) == {
                    i: int(part(i).sum()) for i in ALL
                }
                assert [i for i, _ in array.chunk_stream(3)] == ALL
                assert array.read_many([np.s_[3], np.s_[:, 4]])[1].shape == (37,)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
    deadline = time.monotonic() + 10
    while zarrloom._core.bytes_in_flight() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert zarrloom._core.bytes_in_flight() == 0
