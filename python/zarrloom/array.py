"""The handle on an array."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from zarrloom import _core
from zarrloom.append import AppendStream, append_by_resizing, normalized_axis
from zarrloom.arguments import nanoseconds, workers
from zarrloom.array_chunks import ArrayChunks
from zarrloom.array_selections import Place
from zarrloom.chunk_map import ChunkMap
from zarrloom.errors import InvalidArgumentError
from zarrloom.mapping import make_map
from zarrloom.policy import OnError, Policy
from zarrloom.progress import Progress, ProgressLike
from zarrloom.selection import parse
from zarrloom.stores import Store
from zarrloom.stream import Buffers, ChunkIndex, ChunkStream, as_buffers, make_stream
from zarrloom.writing import WriteReport, write_chunks

Result = TypeVar("Result")


class Array(ArrayChunks):
    """A Zarr array, opened by `zarrloom.open` or made by `zarrloom.create_array`.

    One handle may be used from any number of threads, and be pickled to other processes if its
    store is a file store. Reading and writing run in native threads without the GIL.
    """

    def __reduce__(self) -> Any:
        arguments = (self.zarr_format, self.read_only, self._write_empty_chunks)
        return _open_pickled, (self._store, self.path, *arguments, self._native.consolidated_at)

    # ---- Another shape ----

    def _adopt(self, native: _core.Array) -> None:
        # Two steps that other threads may see between: a shape is never newer than the array.
        self._native = native
        self._shape = native.shape

    def resize(self, shape: int | tuple[int, ...]) -> None:
        """Give the array another shape, in place.

        What lies outside the new shape is erased, whole chunks as well as the rest of edge chunks;
        elements that appear have the fill value. This handle has the new shape then, others keep
        theirs until they are opened again, and reads and streams that run go on with the old one.

        Parameters
        ----------
        shape : int or tuple of int
            Elements in each dimension; as many dimensions as there are.

        Raises
        ------
        ConflictError
            The array has been given another shape since this handle was opened.
        InvalidArgumentError
            A shape of other dimensions, or negative.
        """
        extents = (shape,) if isinstance(shape, int) else tuple(shape)
        self._adopt(_core.resize(self._native, extents))

    def append(self, data: npt.ArrayLike, axis: int = 0) -> tuple[int, ...]:
        """Append along an axis: ``append_stream`` for one block.

        Where chunks along the axis have sizes of their own (chunk grid "rectilinear"), what does
        not fit into those that are there gets one chunk of its own: the array is resized and
        written, and a crash in between leaves fill values at its end.

        Parameters
        ----------
        data : array_like
            Of the array's shape but along the axis, where it may have any extent.
        axis : int, default 0
            The dimension that grows.

        Returns
        -------
        tuple of int
            The new shape.
        """
        axis = normalized_axis(axis, self.ndim)
        if self._native.has_sizes_along(axis):
            return append_by_resizing(self, data, axis)
        with self.append_stream(axis) as stream:
            stream.append(data)
        return self.shape

    def append_stream(self, axis: int = 0) -> AppendStream:
        """Append many blocks, stored in the background: ``with a.append_stream() as s: ...``.

        Parameters
        ----------
        axis : int, default 0
            The dimension that grows.

        Returns
        -------
        AppendStream
            A context manager with ``append(block)``, ``flush()`` and ``close()``.

        Raises
        ------
        ConflictError
            The array has been given another shape since this handle was opened, or is being
            appended to or resized at the moment.
        UnsupportedError
            Chunks along the axis have sizes of their own, and nothing says how large those of
            frames to come are: `append` and `resize` add one.
        """
        return AppendStream(self, axis)

    def write_chunks(
        self,
        chunks: Iterable[tuple[ChunkIndex, Any]],
        parallel: int | None = None,
        progress: ProgressLike = None,
        on_error: Literal["raise", "collect"] = "raise",
    ) -> WriteReport:
        """Write whole chunks, encoded and stored by native threads while the next ones are made.

        Parameters
        ----------
        chunks : iterable of (chunk_index, data)
            Run on the calling thread, no faster than ``zarrloom.config.memory_limit`` lets chunks
            in. `data` has the chunk's shape, clipped at the array's edge or whole, or is a scalar.
            It is copied at once. Of a chunk that comes twice the later counts. An array with shards
            takes whole shards, and their indices.
        parallel : int, optional
            Chunks being encoded or stored at one time. 1 means each before the next is asked for,
            on the calling thread. Default: ``zarrloom.config.threads``.
        progress : True, callable or object, optional
            A bar, a function ``(done, total)``, or an object with ``update(n)`` and ``total``. The
            total of an iterable that does not know its length is taken to be all chunks.
        on_error : {"raise", "collect"}, default "raise"
            "raise": the first failure stops the asking for more and is raised when nothing runs
            any more. "collect": failures are told in the report.

        Returns
        -------
        WriteReport
            What was written and what failed; its ``retry()`` writes the failed again.

        Raises
        ------
        InvalidArgumentError, SelectionError
            Data of another shape, or no such chunk; the error names the chunk.
        StorageError, PermissionDeniedError
            A chunk could not be stored; the error names it.
        Exception
            Whatever the iterable raises, when all that it gave before is written.
        """
        if on_error not in ("raise", "collect"):
            raise InvalidArgumentError(f'on_error must be "raise" or "collect", not {on_error!r}')
        return write_chunks(self, chunks, workers(parallel), progress, on_error == "collect")

    # ---- Chunks ----

    def partition(self, n: int, axis: int = 0) -> list[tuple[slice, ...]]:
        """Part the array among workers: boxes of whole chunks, along one axis.

        Parameters
        ----------
        n : int
            The number of parts; fewer are given if there are fewer chunks along the axis.
        axis : int, default 0
            Where it is cut. Negative axes count from the end.

        Returns
        -------
        list of tuple of slice
            Indices for the array. No two of them share a stored chunk.
        """
        return self._native.partition(n, axis + self.ndim if axis < 0 else axis)

    def chunk_stream(
        self,
        parallel: int | None = None,
        ordered: bool = True,
        filter: Callable[[ChunkIndex], bool] | None = None,
        progress: ProgressLike = None,
        timeout: float | None = None,
        on_error: OnError = "raise",
        chunks: Iterable[ChunkIndex] | None = None,
        selection: Any = None,
        skip_missing: bool = False,
        prefetch: int | None = None,
        out: Buffers = None,
        by: Literal["chunk", "shard"] = "chunk",
    ) -> ChunkStream:
        """Stream the chunks: read and decoded ahead, in bounded memory.

        Parameters
        ----------
        parallel : int, optional
            Chunks being read or decoded at one time. 1 means strictly one after another, each when
            it is asked for, for debugging. Default: ``zarrloom.config.threads``, or as many
            requests as a remote store is given.
        ordered : bool, default True
            In the order of the grid (the last dimension fastest), or of `chunks`; False gives
            whichever is ready.
        filter : callable, optional
            Called with each chunk index before anything is read; False leaves the chunk out.
        progress : True, callable or object, optional
            A bar, a function ``(done, total)``, or an object with ``update(n)`` and ``total``.
        timeout : float, optional
            Seconds for reading and decoding one chunk. Its request is cancelled then, and the
            error is `DeadlineError`; other chunks are not delayed.
        on_error : "raise", "skip", "return" or callable, default "raise"
            What a failed chunk becomes: an error that ends the stream; nothing, but an entry in
            ``stream.skipped`` and a warning of the logger ``zarrloom``; a `ChunkError` in place of
            the data; or what the function makes of the `ChunkError` (None leaves the chunk out).
        chunks : iterable of tuple of int, optional
            The chunks that are wanted, in this order. Default: all.
        selection : index expression, optional
            Integers and slices: only the chunks that they touch, clipped to them. Elements come
            in ascending order, whatever a slice's step.
        skip_missing : bool, default False
            Leave out chunks that are not stored: by one listing, where the store can list.
        prefetch : int, optional
            Chunks that may lie ready and not yet be taken. Default: as many as `parallel`.
        out : ndarray or sequence of ndarray, optional
            Memory of a chunk's shape and the array's dtype, C-contiguous, to decode into instead
            of new arrays. The data of an item lies at the start of one of them and is valid until
            the same thread asks for the next item. One array serves chunks one after another;
            several let reading run ahead.
        by : {"chunk", "shard"}, default "chunk"
            "shard": whole shards, and `chunks` are indices of shards. The same as "chunk" where the
            array has no shards.

        Returns
        -------
        ChunkStream
            An iterator, also an asynchronous one, over ``(chunk_index, data)``. Chunks at the
            array's edge are clipped to it. Without `out` each `data` is the caller's own.

        Raises
        ------
        ZarrloomError
            From the iterator, at the chunk that failed; the error names it and ends the stream.
        """
        return make_stream(
            self._native,
            filter=filter,
            progress=lambda total: Progress(progress, total),
            policy=Policy(on_error),
            parallel=workers(parallel),
            ordered=ordered,
            chunks=chunks,
            timeout_ns=nanoseconds(timeout),
            selection=self._box_of(selection),
            skip_missing=skip_missing,
            prefetch=prefetch,
            buffers=as_buffers(out),
            by_shard=_by_shard(by),
        )

    def _box_of(self, selection: Any) -> Place | None:
        if selection is None:
            return None
        parsed = parse(selection, self._shape)
        return parsed.start, parsed.step, parsed.count

    def parallel_chunk_map(
        self,
        fn: Callable[[ChunkIndex, np.ndarray[Any, Any]], Result] | Any,
        max_concurrency: int | None = None,
        timeout: float | None = None,
        on_timeout: OnError = "raise",
        on_error: OnError = "raise",
        ordered: bool = True,
        progress: ProgressLike = None,
        selection: Any = None,
        chunks: Iterable[ChunkIndex] | None = None,
        executor: Any = None,
        out: Array | None = None,
        by: Literal["chunk", "shard"] = "chunk",
    ) -> ChunkMap[Result]:
        """Call a function for every chunk, while later chunks are read and decoded.

        Parameters
        ----------
        fn : callable
            Called as ``fn(chunk_index, data)``, several calls at one time. Or machine code (a numba
            ``@cfunc``, a ctypes function, a SciPy ``LowLevelCallable``) of the signature ``double
            | int fn(void *data, const int64_t *shape, const int64_t *chunk_index, int64_t ndim,
            void *user)``, which native threads call without the GIL. A double is the result; an
            int of 0 means that the data, which the function may have changed, is the result.
        max_concurrency : int, optional
            How many calls run at one time. Default: ``zarrloom.config.threads``, or the workers
            that `executor` has.
        timeout : float, optional
            Seconds for reading and decoding a chunk, and again for the call of the function (from
            its submission to an `executor`). A call that takes longer is left behind, since it
            cannot be stopped, and its result is dropped.
        on_timeout, on_error : "raise", "skip", "return" or callable, default "raise"
            What becomes of a chunk that took too long, or failed otherwise: as in `chunk_stream`,
            in place of a result.
        ordered : bool, default True
            Results in the order of the grid; False gives whichever is ready.
        progress, selection, chunks
            As in `chunk_stream`.
        executor : concurrent.futures.Executor or dask.distributed.Client, optional
            Where the function is called; default: threads of the map. To a ``ProcessPoolExecutor``
            chunks cross by shared memory, and so do results that are arrays no larger than a
            chunk; `data` is valid during the call then. The workers of dask read the chunks
            themselves if the store can be pickled.
        out : Array, optional
            An array of the same shape and chunks, which each result is written to where its chunk
            came from, encoded and written by the threads that call the function.
        by : {"chunk", "shard"}, default "chunk"
            "shard": the function is called for whole shards. The same as "chunk" where the array
            has no shards. Give it where `out` has shards: by chunks each of them is written as
            often as it has chunks.

        Returns
        -------
        ChunkMap
            A lazy iterator over the results; with `out` over the indices of chunks written.
            ``.run()`` runs it to its end.

        Raises
        ------
        DeadlineError
            From the iterator: a chunk took too long; names the chunk.
        Exception
            From the iterator: what `fn` raised first, with its traceback.
        """
        return make_map(
            self,
            fn,
            max_concurrency=max_concurrency,
            timeout=timeout,
            timeout_ns=nanoseconds(timeout),
            on_timeout=Policy(on_timeout, "on_timeout"),
            on_error=Policy(on_error),
            ordered=ordered,
            progress=lambda total: Progress(progress, total),
            selection=selection,
            chunks=chunks,
            executor=executor,
            out=out,
            by="shard" if _by_shard(by) else "chunk",
        )


def _by_shard(by: str) -> bool:
    if by not in ("chunk", "shard"):
        raise InvalidArgumentError(f'by must be "chunk" or "shard", not {by!r}')
    return by == "shard"


def _open_pickled(
    store: Store,
    path: str,
    zarr_format: int,
    read_only: bool,
    write_empty_chunks: bool,
    consolidated_at: tuple[str, int] | None,
) -> Array:
    native = _core.Array.open(
        store._native,
        path,
        zarr_format=zarr_format,
        read_only=read_only,
        write_empty_chunks=write_empty_chunks,
        consolidated_at=consolidated_at,
    )
    return Array(native, store, write_empty_chunks)
