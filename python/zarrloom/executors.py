"""Where the function of a chunk map runs: threads, an executor's workers, other processes, dask."""

from __future__ import annotations

import itertools
import mmap
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from zarrloom.chunk_map import ChunkIndex, Invoke
from zarrloom.config import config

if TYPE_CHECKING:
    from zarrloom.array import Array

Function = Callable[[ChunkIndex, Any], Any]


def is_dask_client(executor: Any) -> bool:
    """Whether it is a client of dask.distributed, which need not be installed."""
    return any(
        (kind.__module__.split(".")[0], kind.__name__) == ("distributed", "Client")
        for kind in type(executor).__mro__
    )


def default_concurrency(executor: Any) -> int:
    """Give the number of calls that an executor makes at one time."""
    if executor is None:
        return config.threads
    if is_dask_client(executor):
        threads: int = sum(executor.nthreads().values())
        return max(1, threads)
    workers: int = getattr(executor, "_max_workers", config.threads)
    return workers


def in_threads(fn: Function) -> Invoke:
    """Call on the map's own threads."""
    return lambda index, data, buffer: fn(index, data)


def in_executor(executor: Executor, fn: Function) -> Invoke:
    """Call on any executor's workers, and wait here for each."""
    return lambda index, data, buffer: executor.submit(fn, index, data).result()


# ---- Other processes ----


class _Block(NamedTuple):
    """Memory that other processes can open, and that is gone with the last of them."""

    process: int
    descriptor: int
    serial: int  # descriptors are used again
    size: int


class _InSlot(NamedTuple):
    """A result that was left in the slot of its chunk."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class SharedSlots:
    """Slots of a chunk each, which a stream decodes into and worker processes see."""

    _serials = itertools.count()

    def __init__(self, count: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        probe = np.empty(shape, dtype)
        self._slot = max(probe.nbytes, 1)
        size = count * self._slot
        self._descriptor = os.memfd_create("zarrloom-chunks", os.MFD_CLOEXEC)
        os.ftruncate(self._descriptor, size)
        self._memory = mmap.mmap(self._descriptor, size)
        self._block = _Block(os.getpid(), self._descriptor, next(self._serials), size)
        self.arrays = [
            np.ndarray(shape, dtype, self._memory, offset=i * self._slot) for i in range(count)
        ]

    def __del__(self) -> None:
        os.close(self._descriptor)  # the mapping goes with the last array on it

    def invoke(self, executor: Executor, fn: Function, give_back: Callable[[int], None]) -> Invoke:
        """Call in other processes. Chunks and results that are arrays cross without pickling."""

        def call(index: ChunkIndex, data: Any, buffer: int | None) -> Any:
            assert buffer is not None
            try:
                offset = buffer * self._slot
                where = (self._block, offset, self._slot, data.shape, data.dtype)
                result = executor.submit(_call_in_slot, fn, index, where).result()
                if isinstance(result, _InSlot):
                    left = np.ndarray(result.shape, result.dtype, self._memory, offset)
                    return left.copy()
                return result
            finally:
                give_back(buffer)

        return call


_opened: dict[_Block, mmap.mmap] = {}  # guarded by _opening
_opening = threading.Lock()


def _open(block: _Block) -> mmap.mmap:
    with _opening:
        memory = _opened.get(block)
        if memory is None:
            descriptor = os.open(f"/proc/{block.process}/fd/{block.descriptor}", os.O_RDWR)
            try:
                memory = mmap.mmap(descriptor, block.size)
            finally:
                os.close(descriptor)
            _opened.clear()  # of maps that are over
            _opened[block] = memory
        return memory


def _call_in_slot(fn: Function, index: ChunkIndex, where: tuple[Any, ...]) -> Any:
    """Run in the worker process."""
    block, offset, size, shape, dtype = where
    memory = _open(block)
    result = fn(index, np.ndarray(shape, dtype, memory, offset))
    if not isinstance(result, np.ndarray) or result.dtype.hasobject or result.nbytes > size:
        return result
    slot: np.ndarray[Any, Any] = np.ndarray(result.shape, result.dtype, memory, offset)
    np.copyto(slot, result)
    return _InSlot(result.shape, result.dtype)


# ---- dask ----


class Indices:
    """The chunks of a map whose workers read for themselves."""

    def __init__(self, indices: list[ChunkIndex]) -> None:
        self.total = len(indices)
        self._left = iter(indices)  # guarded by the map's lock for taking

    def next(self) -> tuple[ChunkIndex, None, None] | None:
        index = next(self._left, None)
        return None if index is None else (index, None, None)

    def close(self) -> None:
        """Nothing runs ahead."""


def on_dask_workers(
    client: Any,
    fn: Function,
    array: Array,
    selection: Any,
    out: Array | None,
    by: Literal["chunk", "shard"],
) -> Invoke:
    """Call on the workers, which read the chunk (and write the result) where they are."""

    def call(index: ChunkIndex, data: Any, buffer: int | None) -> Any:
        arguments = (fn, array, index, selection, out, by)
        return client.submit(_read_and_call, *arguments, pure=False).result()

    return call


def with_dask_data(client: Any, fn: Function) -> Invoke:
    """Call on the workers with data that is sent to them."""

    def call(index: ChunkIndex, data: Any, buffer: int | None) -> Any:
        return client.submit(fn, index, client.scatter(data, hash=False), pure=False).result()

    return call


def _read_and_call(
    fn: Function,
    array: Array,
    index: ChunkIndex,
    selection: Any,
    out: Array | None,
    by: Literal["chunk", "shard"],
) -> Any:
    """Run on a worker of dask."""
    with array.chunk_stream(parallel=1, chunks=[index], selection=selection, by=by) as stream:
        _, data = next(stream)
        result = fn(index, data)
        return result if out is None else Sink(out, stream._native.place).put(index, result)


class Sink:
    """The array that the results of a map are written to, each where its chunk came from."""

    def __init__(self, out: Array, place: Callable[[ChunkIndex], Any]) -> None:
        self._out = out
        self._place = place

    def put(self, index: ChunkIndex, result: Any) -> ChunkIndex:
        """Encode and write on this thread, without the GIL."""
        self._out._write_place(self._place(index), result)
        return index

    def after(self, invoke: Invoke) -> Invoke:
        """Write what a call gives; the chunk's index is its result then."""
        return lambda index, data, buffer: self.put(index, invoke(index, data, buffer))
