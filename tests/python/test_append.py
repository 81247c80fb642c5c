"""resize, append and append_stream."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

import zarrloom


def frames(start: int, stop: int) -> np.ndarray[Any, Any]:
    """Frame t is full of t + 1."""
    return np.broadcast_to(np.arange(start + 1, stop + 1)[:, None, None], (stop - start, 5, 6))


def make(store: Any, length: int = 0, chunks: tuple[int, ...] = (4, 3, 3)) -> zarrloom.Array:
    array = zarrloom.create_array(store, shape=(length, 5, 6), chunks=chunks, dtype="int32")
    array[...] = frames(0, length)
    return array


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("start", [0, 3, 4])
@pytest.mark.parametrize("block", [1, 3, 50])
def test_append_stream(path: str, start: int, block: int) -> None:
    array = make(path, start)
    other = zarrloom.open(path)
    with array.append_stream() as stream:
        for at in range(start, 47, block):
            stream.append(frames(at, min(at + block, 47)))
        assert stream.length == 47
        assert array.shape == (start, 5, 6)
    assert array.shape == (47, 5, 6)
    np.testing.assert_array_equal(array[...], frames(0, 47))
    np.testing.assert_array_equal(zarrloom.open(path)[...], frames(0, 47))
    assert other.shape == (start, 5, 6)
    assert zarrloom._core.bytes_in_flight() == 0


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_append_is_concatenate(path: str, axis: int, zarr_format: Any) -> None:
    rng = np.random.default_rng(0)
    array = zarrloom.create_array(
        path, shape=(3, 5, 6), chunks=(2, 3, 4), dtype="int16", zarr_format=zarr_format
    )
    expected = rng.integers(0, 1000, (3, 5, 6))
    array[...] = expected
    for extent in [1, 4, 0, 7]:
        shape = list(expected.shape)
        shape[axis] = extent
        more = rng.integers(0, 1000, shape)
        expected = np.concatenate([expected, more], axis)
        assert array.append(more, axis) == expected.shape
        np.testing.assert_array_equal(array[...], expected)


def test_frames_lists_and_types(path: str) -> None:
    array = zarrloom.create_array(path, shape=(0, 2), chunks=(3, 2), dtype="float32")
    with array.append_stream() as stream:
        stream.append([1, 2])
        stream.append([[3.0, 4.0], [5.0, 6.0]])
        stream.append(np.array([7, 8], "uint8"))
        with pytest.raises(zarrloom.InvalidArgumentError, match=r"\(1, 3\).*\(0, 2\)"):
            stream.append([1, 2, 3])
    np.testing.assert_array_equal(array[...], np.arange(1, 9).reshape(4, 2))
    with pytest.raises(zarrloom.InvalidArgumentError, match="closed"):
        stream.append([1, 2])
    with pytest.raises(zarrloom.InvalidArgumentError, match="axis 2"):
        array.append_stream(axis=2)


def test_flush_shows_what_was_appended(path: str) -> None:
    array = make(path)
    with array.append_stream() as stream:
        stream.append(frames(0, 6))
        assert zarrloom.open(path).shape == (0, 5, 6)
        stream.flush()
        assert array.shape == zarrloom.open(path).shape == (6, 5, 6)
        array[5] = -1  # others may change what is flushed
        stream.append(frames(6, 11))
    expected = frames(0, 11).copy()
    expected[5] = -1
    np.testing.assert_array_equal(array[...], expected)


def test_an_exception_keeps_what_was_appended_before(path: str) -> None:
    array = make(path)
    with pytest.raises(KeyError, match="mine"), array.append_stream() as stream:
        stream.append(frames(0, 6))
        raise KeyError("mine")
    np.testing.assert_array_equal(array[...], frames(0, 6))


def test_another_process_changes_the_shape(path: str) -> None:
    array = make(path)
    stream = array.append_stream()
    stream.append(frames(0, 2))
    other = "import sys, zarrloom; zarrloom.open(sys.argv[1]).append([[[5] * 6] * 5] * 3)"
    subprocess.run([sys.executable, "-c", other, path], check=True)
    with pytest.raises(zarrloom.ConflictError, match=r"\(3, 5, 6\).*open it again"):
        stream.close()
    stream.close()
    for change in [array.append_stream, lambda: array.resize((1, 5, 6))]:
        with pytest.raises(zarrloom.ConflictError):
            change()
    assert (zarrloom.open(path)[...] == np.full((3, 5, 6), 5)).all()


def test_one_appends_at_a_time(path: str) -> None:
    array = make(path)
    other = zarrloom.open(path)
    with array.append_stream() as stream:
        stream.append(frames(0, 2))
        for change in [other.append_stream, lambda: other.resize((1, 5, 6))]:
            with pytest.raises(zarrloom.ConflictError, match="close that first"):
                change()
    assert array.shape == (2, 5, 6)
    array.append(frames(2, 4))
    np.testing.assert_array_equal(array[...], frames(0, 4))


def test_appending_threads_lose_nothing(path: str) -> None:
    """Whoever is not told of a conflict has appended."""
    make(path)
    done: list[int] = []

    def append(value: int) -> None:
        for _ in range(30):
            try:
                zarrloom.open(path).append(np.full((3, 5, 6), value))
                done.append(value)
            except zarrloom.ConflictError:
                pass

    workers = [threading.Thread(target=append, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    blocks = zarrloom.open(path)[...].reshape(-1, 3, 5, 6)
    assert (blocks == blocks[:, :1, :1, :1]).all()
    assert sorted(blocks[:, 0, 0, 0]) == sorted(done)
    assert done


def test_threads_append_whole_blocks(path: str) -> None:
    array = make(path)
    with array.append_stream() as stream:

        def append(value: int) -> None:
            for _ in range(20):
                stream.append(np.full((3, 5, 6), value))

        workers = [threading.Thread(target=append, args=(n,)) for n in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    blocks = array[...].reshape(80, 3, 5, 6)
    assert (blocks == blocks[:, :1, :1, :1]).all()
    assert sorted(blocks[:, 0, 0, 0]) == sorted([0, 1, 2, 3] * 20)


def test_memory_limit_holds(path: str) -> None:
    row = 1 << 20
    with zarrloom.config(threads=4, memory_limit=3 * row):
        before = zarrloom._core.highest_bytes_in_flight()
        array = zarrloom.create_array(path, shape=(0, row), chunks=(1, row // 4), dtype="uint8")
        with array.append_stream() as stream:
            for n in range(40):
                stream.append(np.full((1, row), n, "uint8"))
        assert zarrloom._core.highest_bytes_in_flight() <= max(before, 3 * row)
    np.testing.assert_array_equal(array[:, ::4096], np.repeat(np.arange(40), 256).reshape(40, 256))


def test_e1_a_stream_of_before_a_fork_says_so_in_the_child(path: str) -> None:
    array = make(path)
    stream = array.append_stream()
    stream.append(frames(0, 30))
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with contextlib.suppress(zarrloom.InvalidArgumentError):
                stream.append(frames(0, 1))
                code = 2
            with contextlib.suppress(zarrloom.InvalidArgumentError):
                stream.close()
                code = 3
            del stream
            mine = make(path + ".child")
            mine.append(frames(0, 9))
            code = 0 if code == 1 and mine.shape[0] == 9 else code
        finally:
            os._exit(code)
    deadline = time.monotonic() + 30
    done, status = 0, 0
    while not done and time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.01)
    assert (done, status) == (pid, 0)
    stream.close()
    np.testing.assert_array_equal(array[...], frames(0, 30))


def test_e5_a_stream_at_the_end_of_the_process(path: str) -> None:
    """What was not flushed is not part of the array, and nothing hangs or crashes."""
    make(path)
    script = """
import sys, threading, numpy as np, zarrloom
a = zarrloom.open(sys.argv[1])
stream = a.append_stream()
stream.append(np.ones((30, 5, 6)))
stream.flush()
stream.append(np.ones((30, 5, 6)))
def endless():
    w = zarrloom.create_array(zarrloom.MemoryStore(), shape=(9,), chunks=(3,), dtype="int8")
    w.write_chunks(((k % 3,), 1) for k in range(1 << 60))
threading.Thread(target=endless, daemon=True).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (zarrloom.open(path)[...] == np.ones((30, 5, 6))).all()


def test_read_only(path: str) -> None:
    make(path, 3)
    reader = zarrloom.open(path, mode="r")
    for change in [
        reader.append_stream,
        lambda: reader.append(frames(3, 4)),
        lambda: reader.resize((2, 5, 6)),
    ]:
        with pytest.raises(zarrloom.ReadOnlyError):
            change()


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_resize(path: str, zarr_format: Any) -> None:
    rng = random.Random(2)
    array = zarrloom.create_array(
        path, shape=(9, 11), chunks=(4, 3), dtype="int32", fill_value=-7, zarr_format=zarr_format
    )
    array.attrs["unit"] = "K"
    expected = np.arange(99).reshape(9, 11)
    array[...] = expected
    for _ in range(30):
        shape = (rng.randrange(15), rng.randrange(15))
        grown = np.full(shape, -7)
        common = tuple(slice(min(a, b)) for a, b in zip(shape, expected.shape, strict=True))
        grown[common] = expected[common]
        expected = grown
        array.resize(shape)
        assert array.shape == shape
        np.testing.assert_array_equal(array[...], expected)
        np.testing.assert_array_equal(zarrloom.open(path)[...], expected)
    assert array.attrs["unit"] == "K"
    with pytest.raises(zarrloom.InvalidArgumentError):
        array.resize((3,))
    with pytest.raises(zarrloom.InvalidArgumentError):
        array.resize((3, -1))


def test_resize_by_a_number(path: str) -> None:
    array = zarrloom.create_array(path, shape=(4,), chunks=(4,), dtype="int32")
    array.resize(9)
    assert array.shape == (9,)
    assert len(array) == 9


def test_e10_a_stream_goes_on_with_the_shape_it_began_with(path: str) -> None:
    array = make(path, 12)
    stream = array.chunk_stream(parallel=1)
    next(stream)
    array.append(frames(12, 40))
    assert sum(1 for _ in stream) == 3 * 2 * 2 - 1
    assert array.nchunks == 10 * 2 * 2


def test_zarr_python_reads_what_was_appended(path: str) -> None:
    zarr = pytest.importorskip("zarr")
    array = make(path, 3)
    array.append(frames(3, 14))
    np.testing.assert_array_equal(zarr.open_array(path, mode="r")[...], frames(0, 14))


KILLED = """
import sys, numpy as np, zarrloom
a = zarrloom.open(sys.argv[1])
with a.append_stream() as stream:
    print("begun", flush=True)
    for t in range(stream.length, 1 << 40):
        stream.append(np.full((5, 6), t + 1))
        if t % 7 == 0:
            stream.flush()
            print(t + 1, flush=True)
"""


def test_killed_at_any_moment_the_shape_is_true(path: str) -> None:
    """SIGKILL: what was flushed is there, all below the shape is right, appending goes on."""
    make(path)
    rng = random.Random(5)
    length = 0
    for _ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(rng.random() * 0.08)
            process.send_signal(signal.SIGKILL)
            lines = process.stdout.read().split("\n")
        flushed = max([length, *(int(line) for line in lines[:-1])])
        array = zarrloom.open(path)
        length = array.shape[0]
        assert length >= flushed
        np.testing.assert_array_equal(array[...], frames(0, length))
    assert length > 0
    array.append(frames(length, length + 3))
    np.testing.assert_array_equal(zarrloom.open(path)[...], frames(0, length + 3))
