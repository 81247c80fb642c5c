"""Writing many chunks, and many updates of the same chunks."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from operator import length_hint
from typing import TYPE_CHECKING, Any

import numpy as np

from zarrloom import _core
from zarrloom.config import config, parse_bytes
from zarrloom.errors import ChunkErrors, InvalidArgumentError, ZarrloomError
from zarrloom.indexed import IndexedSelection
from zarrloom.progress import Progress, ProgressLike
from zarrloom.selection import parse_any
from zarrloom.stream import ChunkIndex

if TYPE_CHECKING:
    from zarrloom.array_selections import ArraySelections

# (start, step, count, data) of a box of elements, or (axes, data) of lists.
Part = tuple[Any, ...]


def to_part(array: ArraySelections, index: Any, value: Any) -> Part:
    """See an assignment ``array[index] = value`` as what it writes."""
    selection = parse_any(index, array.shape)
    if isinstance(selection, IndexedSelection):
        selection.check(array.shape)
    return selection.part(array._box(selection, value))


def write_many(array: ArraySelections, updates: Iterable[tuple[Any, Any]], parallel: int) -> None:
    """Write all of them as one; see `Array.write_many`."""
    _core.write_many(array._native, [to_part(array, *update) for update in updates], parallel)


class WriteReport:
    """What became of the chunks given to `Array.write_chunks`.

    Attributes
    ----------
    written : list of tuple of int
        Indices of the chunks that are stored, in the order in which they were given.
    failed : list of ZarrloomError
        An error for each chunk that is not, with ``chunk_index`` and ``key``.
    """

    def __init__(
        self,
        array: ArraySelections,
        parallel: int,
        written: list[ChunkIndex],
        failed: list[tuple[ZarrloomError, np.ndarray[Any, Any] | None]],
    ) -> None:
        self.written = written
        self.failed = [error for error, _ in failed]
        self._kept = failed
        self._array = array
        self._parallel = parallel

    def __bool__(self) -> bool:
        """Whether all is written."""
        return not self.failed

    def __repr__(self) -> str:
        return f"<WriteReport written={len(self.written)} failed={len(self.failed)}>"

    def retry(self, progress: ProgressLike = None) -> WriteReport:
        """Write the failed chunks again, from copies of their data that the report holds.

        Chunks whose data did not fit them, and those beyond a quarter of
        ``zarrloom.config.memory_limit``, have no copy; they are failed in the new report too.
        """
        again = [(e.chunk_index or (), data) for e, data in self._kept if data is not None]
        report = write_chunks(self._array, again, self._parallel, progress, collect=True)
        report._kept += [(error, data) for error, data in self._kept if data is None]
        report.failed = [error for error, _ in report._kept]
        return report

    def raise_if_failed(self) -> None:
        """Raise `ChunkErrors` with all failures, if there are any."""
        if self.failed:
            total = len(self.failed) + len(self.written)
            raise ChunkErrors(f"{len(self.failed)} of {total} chunks were not written", self.failed)


def write_chunks(
    array: ArraySelections,
    chunks: Iterable[tuple[ChunkIndex, Any]],
    parallel: int,
    show: ProgressLike,
    collect: bool,
) -> WriteReport:
    """Write whole chunks in the background of the iterable; see `Array.write_chunks`."""
    writer = _core.ChunkWriter(array._native, parallel=parallel, keep_going=collect)
    progress = Progress(show, length_hint(chunks, math.prod(array._native.object_grid)))
    pushed = 0
    try:
        for index, data in chunks:
            writer.push(index, array._cast(data))
            pushed += 1
            _advance(progress, writer.wait(-1))
        while progress.done < pushed:
            _advance(progress, writer.wait(progress.done))
        written, failed = writer.finish()
    finally:
        progress.close()
        del writer  # waits for what was pushed
    return WriteReport(array, parallel, written, failed)


def _advance(progress: Progress, done: int) -> None:
    while progress.done < done:
        progress.total = max(progress.total, progress.done + 1)  # the length was only guessed
        progress.step()


class Batch:
    """Updates that are collected and written together; made by `Array.batch`.

    ``batch[index] = value`` keeps a copy of `value`. `flush` merges what was collected, in the
    order of assignment, and reads each stored object at most once and writes it once. It is called
    at the end of the ``with`` block and whenever `max_bytes` are collected.

    When the block ends by an exception, what was not flushed is dropped: of the batch nothing is
    written then except what a flush, called or by itself, has written before.

    Several threads may assign to one batch. A reader sees nothing of an update before its flush.
    """

    def __init__(self, array: ArraySelections, max_bytes: int | str | None, parallel: int) -> None:
        limit = config.memory_limit // 4 if max_bytes is None else parse_bytes(max_bytes)
        self._array = array
        self._max_bytes = max(limit, 1)
        self._parallel = parallel
        self._lock = threading.Lock()
        self._parts: list[Part] = []  # guarded by _lock
        self._nbytes = 0  # guarded by _lock
        self._closed = False  # guarded by _lock

    def __setitem__(self, index: Any, value: Any) -> None:
        copy = np.array(value, copy=True, order="C")
        part = to_part(self._array, index, copy)
        with self._lock:
            if self._closed:
                raise InvalidArgumentError("this batch has ended; begin a new one")
            self._parts.append(part)
            self._nbytes += copy.size * self._array.dtype.itemsize
            if self._nbytes >= self._max_bytes:
                self._write()

    @property
    def nbytes(self) -> int:
        """Bytes of the updates that are collected and not yet written."""
        return self._nbytes

    def flush(self) -> None:
        """Write what is collected; after a failure all of it is still there, to be flushed again.

        Raises
        ------
        StorageError, CorruptDataError, PermissionDeniedError
            A stored object could not be read or written; the error names the chunk. Other objects
            of the batch may have been written.
        """
        with self._lock:
            self._write()

    def _write(self) -> None:
        _core.write_many(self._array._native, self._parts, self._parallel)
        self._parts = []
        self._nbytes = 0

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        with self._lock:
            self._closed = True
            if kind is None:
                self._write()
            self._parts = []
            self._nbytes = 0
