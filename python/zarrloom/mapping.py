"""How a chunk map is put together: its chunks, where its function runs, where results go."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

from zarrloom import executors
from zarrloom.chunk_map import ChunkMap, Invoke
from zarrloom.config import config
from zarrloom.errors import InvalidArgumentError
from zarrloom.native_function import native_function
from zarrloom.policy import Policy
from zarrloom.progress import Progress

if TYPE_CHECKING:
    from zarrloom.array import Array


def make_map(
    array: Array,
    fn: Any,
    *,
    max_concurrency: int | None,
    executor: Any,
    out: Array | None,
    timeout: float | None,
    timeout_ns: int,
    ordered: bool,
    selection: Any,
    chunks: Iterable[Any] | None,
    on_timeout: Policy,
    on_error: Policy,
    progress: Callable[[int], Progress],
    by: Literal["chunk", "shard"],
) -> ChunkMap[Any]:
    """Make the map of `Array.parallel_chunk_map`."""
    if out is not None:
        _check_same_grid(array, out, by)
    workers = max_concurrency
    if workers is None:
        workers = executors.default_concurrency(executor)
    if workers < 1:
        raise InvalidArgumentError(f"max_concurrency must be at least 1, not {workers}")
    native = native_function(fn)
    if native is not None and executor is not None:
        raise InvalidArgumentError(
            "a native function runs in zarrloom's own threads, not in an executor"
        )
    options = {
        "parallel": max(2, workers) if native is None else workers,
        "ordered": ordered,
        "chunks": chunks,
        "selection": array._box_of(selection),
        "timeout_ns": timeout_ns,
        "keep_going": True,
        "function": native,
        "by_shard": by == "shard",
        # What is on its way to another array is gone soon, so it can be counted until then.
        "count_taken": out is not None,
    }
    source, invoke = _parts(array, fn, executor, workers, options, selection, out, by)
    return ChunkMap(
        source,
        invoke,
        workers=workers,
        ordered=ordered,
        timeout=timeout,
        on_timeout=on_timeout,
        on_error=on_error,
        progress=progress(source.total),
        key_of=array._native.object_key if by == "shard" else array.chunk_key,
    )


def _parts(
    array: Array,
    fn: Any,
    executor: Any,
    workers: int,
    options: dict[str, Any],
    selection: Any,
    out: Array | None,
    by: Literal["chunk", "shard"],
) -> tuple[Any, Invoke]:
    """Give where the chunks come from, and how the function is called for one."""
    if executors.is_dask_client(executor) and _can_be_pickled(array, out):
        stream = array._native.stream(**options)  # for the plan of it alone
        indices = [stream.chunk(i) for i in range(stream.total)]
        remote = executors.on_dask_workers(executor, fn, array, selection, out, by)
        return executors.Indices(indices), remote
    if isinstance(executor, ProcessPoolExecutor) and not array._variable:
        shape = array._native.largest_chunk(by == "shard")
        slots = executors.SharedSlots(_slot_count(array, shape, workers), shape, array.dtype)
        stream = array._native.stream(**options, buffers=slots.arrays)
        invoke = slots.invoke(executor, fn, stream.give_back)
    else:
        stream = array._native.stream(**options)
        invoke = _simple_invoke(fn, executor, options["function"] is not None)
    if out is not None:
        invoke = executors.Sink(out, stream.place).after(invoke)
    return stream, invoke


def _simple_invoke(fn: Any, executor: Any, is_native: bool) -> Invoke:
    if is_native:
        return lambda index, data, buffer: data  # the pool has called it
    if executor is None:
        return executors.in_threads(fn)
    if executors.is_dask_client(executor):
        return executors.with_dask_data(executor, fn)
    if not hasattr(executor, "submit"):
        raise InvalidArgumentError(
            "executor must be a concurrent.futures.Executor or a dask.distributed.Client, not "
            f"{executor!r}"
        )
    return executors.in_executor(executor, fn)


def _slot_count(array: Array, shape: tuple[int, ...], workers: int) -> int:
    """Give chunks enough for the workers and as many read ahead, within the memory limit."""
    chunk = max(1, array.dtype.itemsize * math.prod(shape))
    return max(1, min(2 * workers, config.memory_limit // chunk))


def _can_be_pickled(*arrays: Array | None) -> bool:
    try:
        pickle.dumps([array.store for array in arrays if array is not None])
    except (TypeError, pickle.PicklingError):
        return False
    return True


def _check_same_grid(array: Array, out: Array, by: str) -> None:
    if array._native.same_chunks(out._native, by == "shard"):
        return
    ours, theirs = (one._native.largest_chunk(by == "shard") for one in (array, out))
    raise InvalidArgumentError(
        f"out has shape {out.shape} in {by}s of {theirs}; results go to where their {by}s "
        f"come from only in an array of shape {array.shape} in {by}s of {ours}, cut alike"
    )
