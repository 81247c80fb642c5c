"""Views that are indexed without reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zarrloom.errors import InvalidArgumentError, SelectionError
from zarrloom.indexed import Axis, IndexedSelection, parse_indexed
from zarrloom.message_axes import axes_of_message, message_of_axes
from zarrloom.ndsel import normalize

if TYPE_CHECKING:
    from zarrloom.array_selections import ArraySelections


class LazyView:
    """A part of an array, made by ``array.lazy[...]``; nothing is read before `read`.

    Views are indexed and transposed again, as numpy would do it to what they stand for: integers,
    slices of any step, Ellipsis, None, lists, index arrays of one dimension and masks. The axes of
    the view know which elements of the array they are, so that a chain of views costs one read, and
    each chunk is decoded once.
    """

    def __init__(self, array: ArraySelections, axes: tuple[Axis, ...]) -> None:
        self._array = array
        self._axes = axes  # those with shape () are integers, which the view has not any more

    @staticmethod
    def whole(array: ArraySelections) -> LazyView:
        """See all of an array."""
        extents = enumerate(array.shape)
        return LazyView(array, tuple(Axis((d,), extent, (extent,)) for d, extent in extents))

    # ---- What it is ----

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements along each axis."""
        return self._selection().shape()

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The elements' type."""
        return self._array.dtype

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<zarrloom.LazyView shape={self.shape} dtype={self.dtype} of {self._array!r}>"

    def _selection(self) -> IndexedSelection:
        return IndexedSelection(self._axes)

    # ---- Views of the view ----

    def __getitem__(self, index: Any) -> LazyView:
        kept = [axis for axis in self._axes if axis.shape]
        gone = tuple(axis for axis in self._axes if not axis.shape)
        parsed = parse_indexed(index, self.shape, "numpy")
        axes = tuple(_compose(axis, kept) for axis in parsed.axes)
        return LazyView(self._array, axes + gone)

    def transpose(self, *axes: int) -> LazyView:
        """Give the view with its axes in another order.

        Parameters
        ----------
        *axes : int
            For each new axis the old one; negative ones count from the end. Default: reversed.
        """
        kept = [axis for axis in self._axes if axis.shape]
        gone = tuple(axis for axis in self._axes if not axis.shape)
        order = axes or tuple(reversed(range(len(kept))))
        if sorted(a % len(kept) if kept else a for a in order) != list(range(len(kept))):
            raise InvalidArgumentError(f"axes {order} are no order of {len(kept)} axes")
        return LazyView(self._array, tuple(kept[a] for a in order) + gone)

    def select(self, message: Any) -> LazyView:
        """Give the elements that a message means: a selection as JSON (see `zarrloom.ndsel`).

        Parameters
        ----------
        message : mapping, str or bytes
            Of any kind. Its coordinates count from the view's first element in each dimension, and
            none is counted from the end. Bounds that are infinite or implicit end with the view.

        Returns
        -------
        LazyView
            With an axis for each input dimension of the message.

        Raises
        ------
        zarrloom.ndsel.MessageError
            It is no message; ``reason`` is the code of what is wrong with it.
        SelectionError
            It means elements outside the view, or is for another number of dimensions.
        UnsupportedError
            One list of coordinates runs over several input dimensions, or a dimension that selects
            nothing has more than one element.
        """
        kept = [axis for axis in self._axes if axis.shape]
        gone = tuple(axis for axis in self._axes if not axis.shape)
        chosen = axes_of_message(normalize(message), self.shape)
        return LazyView(self._array, tuple(_compose(axis, kept) for axis in chosen) + gone)

    def to_message(self) -> dict[str, Any]:
        """Give the view as a message of kind "transform" for the array that it is of.

        Returns
        -------
        dict
            To be stored or sent as JSON; ``array.lazy.select`` makes the view of it again.
        """
        kept = [axis for axis in self._axes if axis.shape]
        gone = [axis for axis in self._axes if not axis.shape]
        return message_of_axes(kept, gone, self._array.ndim)

    @property
    def T(self) -> LazyView:
        """The view with its axes reversed."""
        return self.transpose()

    # ---- Elements ----

    def read(self, out: np.ndarray[Any, Any] | None = None, parallel: int | None = None) -> Any:
        """Read what the view stands for.

        Parameters
        ----------
        out : ndarray, optional
            Where to put it: of the view's shape and dtype.
        parallel : int, optional
            Threads of this call. Default: ``zarrloom.config.threads``.

        Returns
        -------
        ndarray
            `out`, or a new array.
        """
        return self._array._read(self._selection(), out, parallel)

    def write(self, value: Any) -> None:
        """Write what the view stands for; `value` is broadcast to it.

        Of an element that the view has more than once the last value stays.
        """
        selection = self._selection()
        selection.write(self._array._native, self._array._box(selection, value))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if copy is False:
            raise ValueError("a view on an array in a store cannot be had without a copy")
        values: np.ndarray[Any, Any] = np.asarray(self.read())
        return values if dtype is None else values.astype(dtype, copy=False)


def _compose(axis: Axis, under: list[Axis]) -> Axis:
    """See an axis over the axes of a view as one over the array's dimensions."""
    if not axis.dims:
        return axis
    if axis.points is None:
        base = under[axis.dims[0]]
        if not base.dims:
            return _kept_or_dropped(axis)
        if base.points is None:
            start = base.start + axis.start * base.step
            return Axis(base.dims, axis.count, axis.shape, start, axis.step * base.step)
        taken = base.coordinates(axis.start + axis.step * np.arange(axis.count))
        return Axis(base.dims, axis.count, axis.shape, points=taken)
    if len(axis.shape) > 1:
        raise SelectionError("a lazy view takes index arrays of one dimension")
    parts = []
    for column, dim in enumerate(axis.dims):
        parts.append(under[dim].coordinates(_inside(axis.points[:, column], under[dim], dim)))
    dims = tuple(d for dim in axis.dims for d in under[dim].dims)
    if not dims:
        return _kept_or_dropped(axis)
    return Axis(dims, axis.count, axis.shape, points=np.concatenate(parts, axis=1))


def _kept_or_dropped(axis: Axis) -> Axis:
    if axis.count == 1:
        return Axis((), 1, axis.shape)
    raise SelectionError("an axis that None has made can be kept or dropped, not selected from")


def _inside(at: np.ndarray[Any, Any], base: Axis, dim: int) -> np.ndarray[Any, Any]:
    """Count negative positions from the end; refuse what is outside."""
    outside = (at < -base.count) | (at >= base.count)
    if outside.any():
        raise SelectionError(
            f"index {at[outside][0]} is out of bounds for axis {dim} with size {base.count}"
        )
    return np.where(at < 0, at + base.count, at)
