"""The handle on an array."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from zarrloom import _core
from zarrloom.append import AppendStream
from zarrloom.attributes import Attributes
from zarrloom.chunk_map import ChunkMap
from zarrloom.errors import InvalidArgumentError
from zarrloom.loops import current_hub
from zarrloom.mapping import make_map
from zarrloom.policy import OnError, Policy
from zarrloom.progress import Progress, ProgressLike
from zarrloom.selection import Selection, parse
from zarrloom.stores import Store
from zarrloom.stream import Buffers, ChunkIndex, ChunkStream, as_buffers, make_stream
from zarrloom.writing import Batch, WriteReport, write_chunks, write_many

Result = TypeVar("Result")
Place = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # start, step, count


class Array:
    """A Zarr array, opened by `zarrloom.open` or made by `zarrloom.create_array`.

    One handle may be used from any number of threads, and be pickled to other processes if its
    store is a file store. Reading and writing run in native threads without the GIL.
    """

    def __init__(self, native: _core.Array, store: Store, write_empty_chunks: bool = False) -> None:
        self._native = native
        self._store = store
        self._write_empty_chunks = write_empty_chunks
        self._shape = native.shape
        self._dtype = native.dtype

    # ---- What it is ----

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements in each dimension."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The elements' type, in native byte order whatever order is stored."""
        return self._dtype

    @property
    def chunks(self) -> tuple[int, ...]:
        """Elements of a chunk in each dimension."""
        return self._native.chunks

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self._shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements, not compressed."""
        return self.size * self._dtype.itemsize

    @property
    def cdata_shape(self) -> tuple[int, ...]:
        """Chunks in each dimension."""
        return self._native.grid

    @property
    def nchunks(self) -> int:
        """Number of chunks, stored or not."""
        return math.prod(self._native.grid)

    @property
    def attrs(self) -> Attributes:
        """The attributes; changes are stored at once."""
        return Attributes(self._native)

    @property
    def fill_value(self) -> Any:
        """What elements of missing chunks are."""
        return np.frombuffer(self._native.fill_value, self._dtype)[0]

    @property
    def dimension_names(self) -> tuple[str | None, ...] | None:
        """A name or None for each dimension; None if the metadata has none."""
        names = self._native.dimension_names
        return None if names is None else tuple(names)

    @property
    def codecs(self) -> tuple[dict[str, Any], ...]:
        """The whole codec chain as format 3 writes it, for format 2 too."""
        return tuple(json.loads(self._native.codecs_json))

    @property
    def filters(self) -> tuple[dict[str, Any], ...]:
        """The codecs ahead of the serializer (array to array)."""
        return self._split_codecs()[0]

    @property
    def serializer(self) -> dict[str, Any]:
        """The codec that turns elements into bytes."""
        return self._split_codecs()[1]

    @property
    def compressors(self) -> tuple[dict[str, Any], ...]:
        """The codecs behind the serializer (bytes to bytes)."""
        return self._split_codecs()[2]

    def _split_codecs(
        self,
    ) -> tuple[tuple[dict[str, Any], ...], dict[str, Any], tuple[dict[str, Any], ...]]:
        codecs = self.codecs
        at = next(i for i, codec in enumerate(codecs) if codec["name"] == "bytes")
        return codecs[:at], codecs[at], codecs[at + 1 :]

    @property
    def zarr_format(self) -> int:
        """2 or 3."""
        return self._native.zarr_format

    @property
    def order(self) -> str:
        """The order of elements inside chunks of format 2, "C" or "F"; "C" in format 3."""
        return self._native.v2_order

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata document (``zarr.json`` or ``.zarray``) as it was when opened."""
        document: dict[str, Any] = json.loads(self._native.metadata_json)
        return document

    @property
    def store(self) -> Store:
        """Where it lies."""
        return self._store

    @property
    def path(self) -> str:
        """Its path in the store, "" at the root."""
        return self._native.path

    @property
    def name(self) -> str:
        """The path with a leading slash."""
        return "/" + self.path

    @property
    def read_only(self) -> bool:
        """Whether writing is refused."""
        return self._native.read_only

    @property
    def info(self) -> str:
        """A table of what it is, for people to read."""
        rows = {
            "Place": self._native.store.locate(self.path),
            "Zarr format": self.zarr_format,
            "Shape": self.shape,
            "Chunks": self.chunks,
            "Data type": self.dtype,
            "Fill value": self.fill_value,
            "Codecs": " > ".join(codec["name"] for codec in self.codecs),
            "Read-only": self.read_only,
            "Number of chunks": self.nchunks,
            "Bytes": f"{self.nbytes} ({self.nbytes / 2**20:.1f} MiB)",
        }
        return "\n".join(f"{name:17}: {value}" for name, value in rows.items())

    def __repr__(self) -> str:
        place = self._native.store.locate(self.path)
        return f"<zarrloom.Array {place} shape={self.shape} dtype={self.dtype}>"

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("len() of unsized object")
        return self._shape[0]

    def __reduce__(self) -> Any:
        arguments = (self.zarr_format, self.read_only, self._write_empty_chunks)
        return _open_pickled, (self._store, self.path, *arguments)

    # ---- Reading and writing ----

    def __getitem__(self, index: Any) -> Any:
        selection = parse(index, self._shape)
        box = np.empty(selection.count, self._dtype)
        self._native.read(selection.start, selection.step, selection.count, box)
        return box if selection.view is None else box[selection.view]

    def __setitem__(self, index: Any, value: Any) -> None:
        selection = parse(index, self._shape)
        self._native.write(
            selection.start, selection.step, selection.count, self._box(selection, value)
        )

    def _box(self, selection: Selection, value: Any) -> np.ndarray[Any, Any]:
        """Cast what is assigned and see it as the box, as numpy does. Copied only to be cast."""
        return selection.box_of(_broadcast(self._cast(value), selection.shape()))

    def _cast(self, value: Any) -> np.ndarray[Any, Any]:
        if isinstance(value, np.ndarray) and value.dtype == self._dtype:
            return value
        cast = np.empty(np.shape(value), self._dtype)
        cast[...] = value  # by numpy's own rules of assignment
        return cast

    def read(
        self,
        selection: Any = ...,
        out: np.ndarray[Any, Any] | None = None,
        parallel: int | None = None,
    ) -> np.ndarray[Any, Any]:
        """Read a selection, into memory of the caller's if that is wanted.

        Parameters
        ----------
        selection : index expression, default all
            Integers, slices of any step, Ellipsis and None, as between brackets.
        out : ndarray, optional
            Where to put it: of the selection's shape and of the array's dtype in native byte order;
            any strides, but no element twice. Its chunks are decoded straight into it.
        parallel : int, optional
            Threads of this call. Default: ``zarrloom.config.threads``.

        Returns
        -------
        ndarray
            `out`, or a new array.

        Raises
        ------
        SelectionError
            The selection is outside the array.
        CorruptDataError, StorageError, PermissionDeniedError
            A chunk could not be read; the error names it.
        """
        parsed, box = self._target(selection, out)
        self._native.read(parsed.start, parsed.step, parsed.count, box, _workers(parallel))
        return _result(parsed, box, out)

    def _target(
        self, selection: Any, out: np.ndarray[Any, Any] | None
    ) -> tuple[Selection, np.ndarray[Any, Any]]:
        """Give the selection, and the box to read into."""
        parsed = parse(selection, self._shape)
        if out is not None:
            return parsed, _out_box(parsed, out)
        return parsed, np.empty(parsed.count, self._dtype)

    def read_many(
        self,
        selections: Iterable[Any],
        out: Sequence[np.ndarray[Any, Any]] | np.ndarray[Any, Any] | None = None,
        parallel: int | None = None,
    ) -> list[np.ndarray[Any, Any]]:
        """Read many selections in one call: each chunk is fetched and decoded once for all.

        Parameters
        ----------
        selections : iterable of index expressions
            As for `read`. They may overlap.
        out : sequence of ndarray, or ndarray, optional
            Where to put them, one for each selection, or one array whose first dimension counts
            the selections.
        parallel : int, optional
            Threads of this call. Default: ``zarrloom.config.threads``.

        Returns
        -------
        list of ndarray
            The results in the order of the selections; views of `out` if it is given.

        Raises
        ------
        SelectionError
            A selection is outside the array; nothing was read.
        CorruptDataError, StorageError, PermissionDeniedError
            A chunk could not be read; the error names it.
        """
        wanted = list(selections)
        if out is not None and len(out) != len(wanted):
            raise InvalidArgumentError(
                f"out has room for {len(out)} reads, but there are {len(wanted)} selections"
            )
        places = [None] * len(wanted) if out is None else [_row(out, i) for i in range(len(out))]
        targets = [self._target(*pair) for pair in zip(wanted, places, strict=True)]
        parts = [(each.start, each.step, each.count, box) for each, box in targets]
        self._native.read_many(parts, _workers(parallel))
        return [_result(*each, place) for each, place in zip(targets, places, strict=True)]

    def get_slice(
        self,
        start: tuple[int, ...],
        stop: tuple[int, ...],
        step: tuple[int, ...] | None = None,
    ) -> np.ndarray[Any, Any]:
        """Read the box from `start` up to `stop`, every `step`-th element."""
        result: np.ndarray[Any, Any] = self[_slices(start, stop, step)]
        return result

    def set_slice(
        self,
        data: npt.ArrayLike,
        start: tuple[int, ...],
        stop: tuple[int, ...],
        step: tuple[int, ...] | None = None,
    ) -> None:
        """Write the box from `start` up to `stop`; `data` is broadcast to it."""
        self[_slices(start, stop, step)] = data

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
            It is copied at once. Of a chunk that comes twice the later counts.
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
        return write_chunks(self, chunks, _workers(parallel), progress, on_error == "collect")

    def write_many(self, updates: Iterable[tuple[Any, Any]], parallel: int | None = None) -> None:
        """Write many selections as one: each stored object is read at most once and written once.

        Parameters
        ----------
        updates : iterable of (selection, value)
            Each as in ``array[selection] = value``. Where they overlap the later one counts.
        parallel : int, optional
            Threads of this call. Default: ``zarrloom.config.threads``.

        Raises
        ------
        SelectionError, InvalidArgumentError
            An update does not fit; nothing is written.
        StorageError, CorruptDataError, PermissionDeniedError
            A chunk could not be read or written; the error names it. Others may have been written.
        """
        write_many(self, updates, _workers(parallel))

    def batch(self, max_bytes: int | str | None = None, parallel: int | None = None) -> Batch:
        """Collect updates and write them together: ``with a.batch() as b: b[0, :5] = 1``.

        Parameters
        ----------
        max_bytes : int or str, optional
            How much is collected before it is written by itself ("64MiB"). Default: a quarter of
            ``zarrloom.config.memory_limit``.
        parallel : int, optional
            Threads that write. Default: ``zarrloom.config.threads``.

        Returns
        -------
        Batch
            A context manager. Its end writes what is left; its end by an exception drops it.
        """
        return Batch(self, max_bytes, _workers(parallel))

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> np.ndarray[Any, Any]:
        if copy is False:
            raise ValueError("an array that lies in a store cannot be had without a copy")
        values: np.ndarray[Any, Any] = self[...]
        return values if dtype is None else values.astype(dtype, copy=False)

    # ---- Chunks ----

    def chunk_bounds(self, chunk_index: ChunkIndex) -> tuple[slice, ...]:
        """Give the slices of the array that a chunk holds, clipped at the array's edge."""
        return self._native.chunk_bounds(chunk_index)

    def chunk_key(self, chunk_index: ChunkIndex) -> str:
        """Give the key under which a chunk is stored."""
        return self._native.chunk_key(chunk_index)

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
            parallel=_workers(parallel),
            ordered=ordered,
            chunks=chunks,
            timeout_ns=_nanoseconds(timeout),
            selection=self._box_of(selection),
            skip_missing=skip_missing,
            prefetch=prefetch,
            buffers=as_buffers(out),
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
            timeout_ns=_nanoseconds(timeout),
            on_timeout=Policy(on_timeout, "on_timeout"),
            on_error=Policy(on_error),
            ordered=ordered,
            progress=lambda total: Progress(progress, total),
            selection=selection,
            chunks=chunks,
            executor=executor,
            out=out,
        )

    def _write_place(self, place: Place, value: Any) -> None:
        """Write the box of a start, a step and a count on this thread."""
        start, step, count = place
        box = self._box(Selection(start, step, count, None), value)
        self._native.write(start, step, count, box, 1)

    # ---- On an event loop ----

    async def aread(
        self,
        selection: Any = ...,
        out: np.ndarray[Any, Any] | None = None,
        parallel: int | None = None,
    ) -> np.ndarray[Any, Any]:
        """Read as `read` does, without blocking the event loop (asyncio's or trio's).

        No thread waits for it. Cancelling the task gives up the requests; it ends when nothing
        touches `out` any more.
        """
        parsed, box = self._target(selection, out)
        await current_hub().run(
            lambda notifier, token: self._native.start_read(
                parsed.start, parsed.step, parsed.count, box, _workers(parallel), notifier, token
            )
        )
        return _result(parsed, box, out)

    async def awrite(self, selection: Any, value: Any, parallel: int | None = None) -> None:
        """Write as ``array[selection] = value`` does, without blocking the event loop.

        `value` must not be changed until it returns. Cancelling the task stops the writing: each
        chunk is the old one or the new one then.
        """
        parsed = parse(selection, self._shape)
        box = self._box(parsed, value)
        await current_hub().run(
            lambda notifier, token: self._native.start_write(
                parsed.start, parsed.step, parsed.count, box, _workers(parallel), notifier, token
            )
        )


def _nanoseconds(timeout: float | None) -> int:
    """Give the core's number, whose 0 is for ever."""
    if timeout is not None and not timeout > 0:
        raise InvalidArgumentError(f"timeout must be above 0 seconds, not {timeout}")
    return 0 if timeout is None else max(1, int(min(timeout, 1e9) * 1e9))


def _workers(parallel: int | None) -> int:
    """Give the core's number, whose 0 is the default."""
    if parallel is not None and parallel < 1:
        raise InvalidArgumentError(f"parallel must be at least 1, not {parallel}")
    return parallel or 0


def _result(
    parsed: Selection, box: np.ndarray[Any, Any], out: np.ndarray[Any, Any] | None
) -> np.ndarray[Any, Any]:
    """See the box that was read as what was asked for. Integers alone make a scalar, a copy."""
    if out is not None:
        return out
    result: np.ndarray[Any, Any] = box if parsed.view is None else box[parsed.view]
    return result


def _row(out: Any, i: int) -> np.ndarray[Any, Any]:
    row: np.ndarray[Any, Any] = out[i, ...] if isinstance(out, np.ndarray) else out[i]
    return row


def _out_box(parsed: Selection, out: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy array, not {type(out).__name__}")
    if out.shape != parsed.shape():
        raise InvalidArgumentError(
            f"out has shape {out.shape}, but the selection has shape {parsed.shape()}"
        )
    return parsed.box_of(out)


def _broadcast(value: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Broadcast as assignment does, which also takes more dimensions if they are of extent 1."""
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = value[0, ...]
    try:
        return np.broadcast_to(value, shape)
    except ValueError:
        raise InvalidArgumentError(
            f"could not broadcast an array of shape {value.shape} to the selection's shape {shape}"
        ) from None


def _slices(
    start: tuple[int, ...], stop: tuple[int, ...], step: tuple[int, ...] | None
) -> tuple[slice, ...]:
    steps = (1,) * len(start) if step is None else step
    return tuple(slice(*bounds) for bounds in zip(start, stop, steps, strict=True))


def _open_pickled(
    store: Store, path: str, zarr_format: int, read_only: bool, write_empty_chunks: bool
) -> Array:
    native = _core.Array.open(
        store._native,
        path,
        zarr_format=zarr_format,
        read_only=read_only,
        write_empty_chunks=write_empty_chunks,
    )
    return Array(native, store, write_empty_chunks)
