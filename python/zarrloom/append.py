"""Growing an array along one dimension."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from zarrloom import _core
from zarrloom.errors import InvalidArgumentError, ZarrloomError

if TYPE_CHECKING:
    from zarrloom.array import Array


class AppendStream:
    """Appends frames to an array; chunks are stored in the background.

    Made by `Array.append_stream`.

    Frames are collected until they fill a row of chunks. Full rows are encoded and stored by
    native threads, as many at a time as ``zarrloom.config.memory_limit`` allows; one row is held
    whatever its size. The array's shape changes at `flush` and `close`, after the chunks are
    stored, so that a crash leaves the array as it was at the last flush.

    As a context manager it is closed at the end, also by an exception: whole blocks that were
    appended before are kept then. A stream that is dropped without being closed leaves the array
    as it was at the last flush. Several threads may append; blocks are kept whole.
    """

    def __init__(self, array: Array, axis: int) -> None:
        self._array = array
        self._axis = normalized_axis(axis, array.ndim)
        self._native = _core.AppendStream(array._native, self._axis)
        self._lock = threading.Lock()  # held while the native stream works

    @property
    def length(self) -> int:
        """Frames along the axis, with those that are appended and not yet flushed."""
        return self._native.length

    def append(self, block: npt.ArrayLike) -> None:
        """Append frames; they are copied at once.

        Parameters
        ----------
        block : array_like
            Of the array's shape but along the axis, where it may have any extent; or one frame
            without that dimension.

        Raises
        ------
        InvalidArgumentError
            The block does not fit, or the stream is closed.
        StorageError, PermissionDeniedError
            A chunk could not be stored, perhaps one of an earlier block; the stream is at its end
            and what was flushed before is what the array has.
        ConflictError
            The array's shape was changed by somebody else.
        """
        data = self._array._cast(block)
        if data.ndim == self._array.ndim - 1:
            data = np.expand_dims(data, self._axis)
        with self._lock:
            self._native.append(data)

    def flush(self) -> None:
        """Store all that was appended, then the new shape; the array's handle has it from then on.

        Raises what `append` does.
        """
        with self._lock:
            self._array._adopt(self._native.flush())

    def close(self) -> None:
        """Flush, and append no more, also if that fails. Closing again does nothing."""
        with self._lock:
            self._array._adopt(self._native.close())

    def __enter__(self) -> AppendStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        try:
            self.close()
        except ZarrloomError as failure:
            if not isinstance(error, BaseException):
                raise
            error.add_note(f"and what was appended could not be flushed: {failure}")


def append_by_resizing(array: Array, data: npt.ArrayLike, axis: int) -> tuple[int, ...]:
    """Append one block as zarr-python does it: another shape first, then its elements."""
    block = array._cast(data)
    if block.ndim == array.ndim - 1:
        block = np.expand_dims(block, axis)
    old = array.shape
    if (*block.shape[:axis], *block.shape[axis + 1 :]) != (*old[:axis], *old[axis + 1 :]):
        raise InvalidArgumentError(
            f"a block of shape {block.shape} cannot be appended along axis {axis} of an array of "
            f"shape {old}"
        )
    shape = list(old)
    shape[axis] += block.shape[axis]
    array.resize(tuple(shape))
    array[(slice(None),) * axis + (slice(old[axis], None),)] = block
    return array.shape


def normalized_axis(axis: int, rank: int) -> int:
    """Give the axis counted from the first."""
    if not -rank <= axis < rank:
        raise InvalidArgumentError(f"there is no axis {axis} in an array of {rank} dimensions")
    return axis % rank
