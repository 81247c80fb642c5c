"""Group E of the faults: threads, signals, forks and the end of the process."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import zarrloom


@pytest.fixture
def array(path: str) -> zarrloom.Array:
    made = zarrloom.create_array(path, shape=(256, 4096), chunks=(8, 1024), dtype="int32")
    made[...] = np.arange(256 * 4096, dtype="int32").reshape(256, 4096)
    return made


def run(script: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=timeout
    )


def test_the_gil_is_free_during_reads_and_writes(path: str) -> None:
    array = zarrloom.create_array(
        path,
        shape=(64, 1 << 20),
        chunks=(64, 1 << 20),
        dtype="uint8",
        compressors=[{"name": "zstd", "configuration": {"level": 12}}],
    )
    values = np.random.default_rng(0).integers(0, 4, array.shape, dtype="uint8")
    stop = threading.Event()
    ticks = [0]

    def tick() -> None:
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        for work in (lambda: array.__setitem__(..., values), lambda: array[...]):
            before, began = ticks[0], time.monotonic()
            work()
            if time.monotonic() - began > 0.1:  # it would stand still with the GIL held
                assert ticks[0] - before >= 5
    finally:
        stop.set()
        ticker.join()


def test_e1_fork_after_use(array: zarrloom.Array) -> None:
    expected = int(array[...].sum(dtype="int64"))
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            assert int(array[...].sum(dtype="int64")) == expected
            total = sum(int(d.sum(dtype="int64")) for _, d in array.chunk_stream(parallel=4))
            assert total == expected
            array[0] = 1
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert (array[0] == 1).all()


@pytest.mark.timeout(60)
def test_e1_fork_while_reads_run(array: zarrloom.Array) -> None:
    memory = zarrloom.create_array(
        zarrloom.MemoryStore(), shape=(64, 64), chunks=(8, 8), dtype="int16"
    )
    memory[...] = 5
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            array[...]
            memory[...]
            for _ in array.chunk_stream(parallel=4):
                pass

    workers = [threading.Thread(target=busy) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    assert array[7, 7] == 7 * 4096 + 7
                    assert (array[:16] >= 0).all()
                    assert (memory[...] == 5).all()
                    array[8:12, 3:9] = array[8:12, 3:9]
                    code = 0
                finally:
                    os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def test_e1_a_stream_from_before_the_fork_says_so(array: zarrloom.Array) -> None:
    stream = array.chunk_stream(parallel=4)
    next(stream)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with pytest.raises(zarrloom.InvalidArgumentError, match="fork"):
                next(stream)
            stream.close()
            del stream
            gc.collect()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert len(list(stream)) == 127


def test_e1_a_map_from_before_the_fork_says_so(array: zarrloom.Array) -> None:
    results = array.parallel_chunk_map(lambda index, data: index, max_concurrency=2)
    next(results)
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        code = 1
        try:
            with pytest.raises(zarrloom.InvalidArgumentError, match="fork"):
                next(results)
            # The lock that a thread of the parent may have held when the process was forked.
            results._work.changed.acquire()
            threading.Thread(target=results.close).start()
            del results
            gc.collect()
            assert len(list(array.parallel_chunk_map(lambda index, data: index))) == 128
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert len(list(results)) == 127


def child_sum(array: zarrloom.Array) -> int:
    return int(array[...].sum(dtype="int64"))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_e1_e11_multiprocessing(array: zarrloom.Array, method: str) -> None:
    expected = child_sum(array)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(child_sum, [array] * 4) == [expected] * 4


def test_e11_pickled_handles_keep_their_mode(array: zarrloom.Array, path: str) -> None:
    copy = pickle.loads(pickle.dumps(array))
    np.testing.assert_array_equal(copy[:2], array[:2])
    copy[0, 0] = 99
    assert array[0, 0] == 99
    read_only = pickle.loads(pickle.dumps(zarrloom.open_array(path, mode="r")))
    with pytest.raises(zarrloom.ReadOnlyError):
        read_only[0, 0] = 1
    memory = zarrloom.create_array(zarrloom.MemoryStore(), shape=(1,), dtype="int8")
    with pytest.raises((TypeError, ValueError), match="memory"):
        pickle.dumps(memory)


@pytest.mark.parametrize("what", ["read", "stream", "map", "reduce", "write_chunks", "append"])
def test_e2_ctrl_c(path: str, what: str) -> None:
    """KeyboardInterrupt comes promptly, the array stays usable and `out` is left alone."""
    array = zarrloom.create_array(
        path,
        shape=(512, 1 << 16),
        chunks=(1, 1 << 16),
        dtype="uint8",
        compressors=[{"name": "gzip", "configuration": {"level": 1}}],
    )
    array[...] = np.random.default_rng(0).integers(0, 9, array.shape, dtype="uint8")
    work = {
        "read": "while True: array.read(out=out)",
        "stream": "while True: list(array.chunk_stream(parallel=2))",
        "map": "while True: list(array.parallel_chunk_map(lambda i, d: d.sum()))",
        "reduce": "while True: zarrloom.reduce(array, ['std', 'argmax'])",
        "write_chunks": "array.write_chunks(((k % 512, 0), 7) for k in range(1 << 60))",
        "append": "with array.append_stream() as s: any(s.append(out[:3]) for k in range(1 << 60))",
    }[what]
    script = f"""
import os, signal, threading, time
import numpy as np, zarrloom
array = zarrloom.open_array({path!r}, mode="r+")
out = np.empty(array.shape, array.dtype)
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it was ignored
when = []
def send():
    time.sleep(1)
    when.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=send).start()
try:
    {work}
except KeyboardInterrupt:
    late = time.monotonic() - when[0]
copy = out.copy()
time.sleep(0.2)
assert (out == copy).all(), "written to after the return"
assert int(array[3, 5]) >= 0
assert len(list(array.chunk_stream(chunks=[(0, 0), (1, 0)]))) == 2
print("late", late)
assert late < 5, late
"""
    done = run(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("late")


def test_e3_exceptions_in_callbacks(array: zarrloom.Array) -> None:
    def progress(done: int, total: int) -> None:
        raise RuntimeError("in progress")

    with pytest.raises(RuntimeError, match="in progress"):
        list(array.chunk_stream(parallel=4, progress=progress))

    def choose(index: tuple[int, ...]) -> bool:
        raise RuntimeError("in filter")

    with pytest.raises(RuntimeError, match="in filter"):
        list(array.chunk_stream(parallel=4, filter=choose))
    assert array[0, 5] == 5


def test_e4_streams_dropped_in_every_way(array: zarrloom.Array) -> None:
    for _ in range(10):
        stream = array.chunk_stream(parallel=8)
        next(stream)
        cycle = [stream]
        cycle.append(cycle)  # only the collector finds it
        del stream, cycle
        gc.collect()
    open_files = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        next(array.chunk_stream(parallel=8))
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= open_files + 2


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "sys.exit(0)",
        "raise SystemExit(0)",
        "os._exit(0)",
        "threading.Thread(target=time.sleep, args=(0.2,)).start()",
    ],
)
def test_e5_exit_with_work_in_flight(array: zarrloom.Array, path: str, ending: str) -> None:
    script = f"""
import os, sys, threading, time
import zarrloom
array = zarrloom.open_array({path!r})
def busy():
    while True:
        array[...]
        for _ in array.chunk_stream(parallel=4): pass
for _ in range(3):
    threading.Thread(target=busy, daemon=True).start()
stream = array.chunk_stream(parallel=8)
next(stream)
results = array.parallel_chunk_map(lambda i, d: d.sum())
next(iter(results))
time.sleep(0.1)
{ending}
"""
    for _ in range(3):
        done = run(script, timeout=30)
        assert done.returncode == 0, done.stderr
        assert "Fatal" not in done.stderr
        assert "terminate" not in done.stderr


LAST_WORDS = {
    "a stream in a cycle": "last = array.chunk_stream(parallel=4); next(last); last.cycle = last",
    "a map in a cycle": """
last = array.parallel_chunk_map(lambda index, data: index)
next(last)
last.cycle = last""",
    "a finalizer that reads and writes": """
class Last:
    def __del__(self, array=array):
        array[0] = array[1]
        assert len(list(array.chunk_stream(parallel=2))) == 64
last = Last()
last.cycle = last""",
}


@pytest.mark.parametrize("what", LAST_WORDS)
def test_e5_use_while_the_interpreter_ends(what: str) -> None:
    script = f"""
import zarrloom
array = zarrloom.create_array(
    zarrloom.MemoryStore(), shape=(64, 64), chunks=(8, 8), dtype="int16"
)
array[...] = 1
{LAST_WORDS[what]}
print("done", flush=True)
"""
    done = run(script, timeout=30)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_sixteen_threads_read_and_write(array: zarrloom.Array) -> None:
    errors: list[BaseException] = []

    def work(row: int) -> None:
        try:
            for _ in range(5):
                array[row * 16 : row * 16 + 16, 100:1500] = row
                assert (array[row * 16 : row * 16 + 16, 100:1500] == row).all()
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(row,)) for row in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not errors
    assert (array[:, 99] % 4096 == 99).all()


def test_same_chunk_writers_lose_nothing(path: str) -> None:
    array = zarrloom.create_array(path, shape=(64,), chunks=(64,), dtype="int32")
    rounds = 60

    def work(start: int) -> None:
        for value in range(1, rounds + 1):
            array[start::16] = value

    workers = [threading.Thread(target=work, args=(start,)) for start in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (array[...] == rounds).all()


def test_a_writer_that_is_killed_leaves_whole_chunks(path: str) -> None:
    """C2: readers see the old chunk or the new one, and leftovers are invisible."""
    array = zarrloom.create_array(
        path, shape=(1 << 20,), chunks=(1 << 18,), dtype="uint8", compressors=None
    )
    array[...] = 1
    script = f"""
import zarrloom
array = zarrloom.open_array({path!r}, mode="r+")
value = 2
while True:
    array[...] = value
    value = 3 - value + 2
    print(".", flush=True)
"""
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.01)
            writer.send_signal(signal.SIGKILL)
        for start in range(0, 1 << 20, 1 << 18):
            assert len(set(array[start : start + (1 << 18)].tolist())) == 1
    assert array.store.list() == ["c/0", "c/1", "c/2", "c/3", "zarr.json"]


def test_peers_in_one_process(path: str) -> None:
    """Other libraries bring their own zstd and blosc: no order of imports may mix them up."""
    pytest.importorskip("zarr")
    pytest.importorskip("tensorstore")
    for order in (
        ["zarrloom", "numcodecs.blosc", "tensorstore"],
        ["tensorstore", "numcodecs.blosc", "zarrloom"],
        ["numcodecs.blosc", "zarrloom", "tensorstore"],
    ):
        script = (
            "".join(f"import {name}\n" for name in order)
            + """
import numpy as np, zarrloom, numcodecs
for codec in ("zstd", "blosc", "gzip"):
    array = zarrloom.create_array(zarrloom.MemoryStore(), shape=(1000,), dtype="int32",
                                  compressors=[{"name": codec}])
    array[...] = np.arange(1000)
    raw = array.store.read(array.chunk_key((0,)))
    back = numcodecs.get_codec({"id": codec}).decode(raw)
    assert (np.frombuffer(back, "int32") == np.arange(1000)).all()
    assert (array[...] == np.arange(1000)).all()
"""
        )
        done = run(script)
        assert done.returncode == 0, done.stderr
