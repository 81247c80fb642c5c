"""Reading and writing what a selection has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zarrloom.arguments import workers
from zarrloom.array_info import ArrayInfo
from zarrloom.errors import InvalidArgumentError
from zarrloom.indexed import IndexedSelection
from zarrloom.indexers import BlockIndex, OrthogonalIndex, VectorIndex
from zarrloom.lazy import LazyView
from zarrloom.loops import current_hub
from zarrloom.selection import Selection, parse_any, split_fields
from zarrloom.variable import as_objects
from zarrloom.writing import Batch, write_many

Place = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # start, step, count


class ArraySelections(ArrayInfo):
    """An array as numpy would index it."""

    def __getitem__(self, index: Any) -> Any:
        fields, index = split_fields(index, self._dtype)
        selection = parse_any(index, self._shape)
        box = np.empty(selection.count, self._dtype)
        selection.read(self._native, box)
        result = selection.result_of(box)
        return result if fields is None else result[fields]

    def __setitem__(self, index: Any, value: Any) -> None:
        fields, index = split_fields(index, self._dtype)
        selection = parse_any(index, self._shape)
        if fields is None:
            selection.write(self._native, self._box(selection, value))
            return
        named = {fields: value} if isinstance(fields, str) else {n: value[n] for n in fields}
        for name, values in named.items():
            # Nothing else of an element is written: others may write other fields meanwhile.
            box = self._box(selection, values, self._dtype[name].base)
            selection.write(self._native, box, 0, name)

    @property
    def oindex(self) -> OrthogonalIndex:
        """Index each dimension by itself: ``a.oindex[[5, 1], :, mask]`` is an outer product."""
        return OrthogonalIndex(self)

    @property
    def vindex(self) -> VectorIndex:
        """Index points: ``a.vindex[[0, 1], [5, 6]]`` are the elements (0, 5) and (1, 6).

        Arrays are broadcast against each other and their axes come first in the result, whatever
        stands between them. A mask of the array's shape selects its elements.
        """
        return VectorIndex(self)

    @property
    def blocks(self) -> BlockIndex:
        """Index whole chunks by their place in the grid: ``a.blocks[0, 2:4]``."""
        return BlockIndex(self)

    @property
    def lazy(self) -> LazyView:
        """A view on all of it, which is indexed without reading: ``a.lazy[2:5].T.read()``."""
        return LazyView.whole(self)

    def _box(
        self, selection: Selection | IndexedSelection, value: Any, dtype: Any = None
    ) -> np.ndarray[Any, Any]:
        """Cast what is assigned and see it as the box, as numpy does. Copied only to be cast."""
        return selection.box_of(_broadcast(self._cast(value, dtype), selection.shape()))

    def _cast(self, value: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
        if self._variable:
            return as_objects(value, self._native.dtype_name, self._dtype)
        wanted = self._dtype if dtype is None else dtype
        if isinstance(value, np.ndarray) and value.dtype == wanted:
            return value
        if wanted.names is not None and isinstance(value, tuple | list):
            return np.array(value, wanted)  # a tuple is one element
        cast = np.empty(np.shape(value), wanted)
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
            Integers, slices of any step, Ellipsis, None, lists, index arrays and masks, as between
            brackets.
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
        parsed = parse_any(selection, self._shape)
        return self._read(parsed, out, parallel)

    def _read(
        self,
        parsed: Selection | IndexedSelection,
        out: np.ndarray[Any, Any] | None,
        parallel: int | None,
    ) -> np.ndarray[Any, Any]:
        box = self._memory(parsed, out)
        parsed.read(self._native, box, workers(parallel))
        return _result(parsed, box, out)

    def _memory(
        self, parsed: Selection | IndexedSelection, out: np.ndarray[Any, Any] | None
    ) -> np.ndarray[Any, Any]:
        """Give the box to read into."""
        return np.empty(parsed.count, self._dtype) if out is None else _out_box(parsed, out)

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
            As in ``array[...]``, also lists, index arrays and masks. They may overlap.
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
        boxes = [parse_any(each, self._shape) for each in wanted]
        targets = [(b, self._memory(b, o)) for b, o in zip(boxes, places, strict=True)]
        parts = [each.part(box) for each, box in targets]
        self._native.read_many(parts, workers(parallel))
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

    def write_many(self, updates: Iterable[tuple[Any, Any]], parallel: int | None = None) -> None:
        """Write many selections as one: each stored object is read at most once and written once.

        Parameters
        ----------
        updates : iterable of (selection, value)
            Each as in ``array[selection] = value``, also with lists, index arrays and masks. Where
            they overlap the later one counts.
        parallel : int, optional
            Threads of this call. Default: ``zarrloom.config.threads``.

        Raises
        ------
        SelectionError, InvalidArgumentError
            An update does not fit; nothing is written.
        StorageError, CorruptDataError, PermissionDeniedError
            A chunk could not be read or written; the error names it. Others may have been written.
        """
        write_many(self, updates, workers(parallel))

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
        return Batch(self, max_bytes, workers(parallel))

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> np.ndarray[Any, Any]:
        if copy is False:
            raise ValueError("an array that lies in a store cannot be had without a copy")
        values: np.ndarray[Any, Any] = self[...]
        return values if dtype is None else values.astype(dtype, copy=False)

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
        parsed = parse_any(selection, self._shape)
        box = self._memory(parsed, out)
        await current_hub().run(parsed.starter(self._native, box, workers(parallel), False))
        return _result(parsed, box, out)

    async def awrite(self, selection: Any, value: Any, parallel: int | None = None) -> None:
        """Write as ``array[selection] = value`` does, without blocking the event loop.

        `value` must not be changed until it returns. Cancelling the task stops the writing: each
        chunk is the old one or the new one then.
        """
        parsed = parse_any(selection, self._shape)
        box = self._box(parsed, value)
        await current_hub().run(parsed.starter(self._native, box, workers(parallel), True))


def _result(
    parsed: Selection | IndexedSelection,
    box: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any] | None,
) -> np.ndarray[Any, Any]:
    if out is None:
        result: np.ndarray[Any, Any] = parsed.result_of(box)  # a scalar, where it has no axes
        return result
    if not np.may_share_memory(box, out):  # its axes could not be seen as the memory's
        out[...] = parsed.result_of(box)
    return out


def _row(out: Any, i: int) -> np.ndarray[Any, Any]:
    row: np.ndarray[Any, Any] = out[i, ...] if isinstance(out, np.ndarray) else out[i]
    return row


def _out_box(
    parsed: Selection | IndexedSelection, out: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
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
