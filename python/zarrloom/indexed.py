"""Index expressions with lists, arrays and masks, as axes of coordinates for the native reader."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import index as to_int
from typing import Any, Literal

import numpy as np

from zarrloom import _core
from zarrloom.errors import SelectionError

Mode = Literal["numpy", "orthogonal", "vector"]


@dataclass(frozen=True)
class Axis:
    """One axis: a slice of a dimension (any step but 0), or points in one or more dimensions.

    ``shape`` is what the axis is in the result: () for an integer, several extents for an index
    array of several dimensions. No dims: an axis that None (newaxis) has made.
    """

    dims: tuple[int, ...]
    count: int
    shape: tuple[int, ...]
    start: int = 0
    step: int = 1
    points: np.ndarray[Any, Any] | None = None  # (count, len(dims))

    def native(self) -> tuple[Any, ...]:
        """Give it as the core takes it."""
        if self.points is not None:
            return self.dims, self.points
        return self.dims, self.start, self.step, self.count

    def coordinates(self, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Give the coordinates of the elements at these positions of the axis: (n, len(dims))."""
        if self.points is not None:
            taken: np.ndarray[Any, Any] = self.points[at]
            return taken
        alone = (self.start + at * self.step)[:, np.newaxis]
        return alone if self.dims else alone[:, :0]


class IndexedSelection:
    """A selection by lists, and how memory of its axes becomes what was asked for."""

    __slots__ = ("axes",)

    def __init__(self, axes: Sequence[Axis]) -> None:
        self.axes = tuple(axes)

    @property
    def count(self) -> tuple[int, ...]:
        """Shape of the memory to read into: elements along each axis that has dimensions."""
        return tuple(axis.count for axis in self.axes if axis.dims)

    def shape(self) -> tuple[int, ...]:
        """Give the shape of the result."""
        return tuple(extent for axis in self.axes for extent in axis.shape)

    def result_of(self, box: np.ndarray[Any, Any]) -> Any:
        """See what was read as what was asked for."""
        return box.reshape(self.shape())[() if not self.shape() else Ellipsis]

    def box_of(self, result: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """See an array of the result's shape as the memory; a copy where that takes one."""
        return result.reshape(self.count)

    def part(self, box: np.ndarray[Any, Any]) -> tuple[Any, ...]:
        """Give it as one of many, with its memory."""
        return self._native(), box

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse coordinates outside the array now, where the native writer would do it later."""
        for axis in self.axes:
            for column, dim in enumerate(axis.dims if axis.points is not None else ()):
                at, extent = axis.points[:, column], shape[dim]  # type: ignore[index]
                outside = at[(at < -extent) | (at >= extent)]
                if outside.size:
                    raise SelectionError(
                        f"index {outside[0]} is out of bounds for axis {dim} with size {extent}"
                    )

    def _native(self) -> list[tuple[Any, ...]]:
        return [axis.native() for axis in self.axes if axis.dims]

    def read(self, array: _core.Array, box: np.ndarray[Any, Any], parallel: int = 0) -> None:
        """Read it into the memory."""
        array.read_indexed(self._native(), box, parallel)

    def write(
        self,
        array: _core.Array,
        box: np.ndarray[Any, Any],
        parallel: int = 0,
        field: str | None = None,
    ) -> None:
        """Write it from the memory: all of each element, or a field."""
        array.write_indexed(self._native(), box, parallel, field)

    def starter(
        self, array: _core.Array, box: np.ndarray[Any, Any], parallel: int, writing: bool
    ) -> Callable[[Any, int], Any]:
        """Give the function that starts it without waiting."""
        start = array.start_write_indexed if writing else array.start_read_indexed
        return lambda notifier, token: start(self._native(), box, parallel, notifier, token)


def has_lists(items: tuple[Any, ...]) -> bool:
    """Whether an index has a part that is no integer, slice, Ellipsis or None."""
    return any(isinstance(item, list | tuple) or getattr(item, "ndim", 0) > 0 for item in items)


def parse_indexed(index: Any, shape: tuple[int, ...], mode: Mode) -> IndexedSelection:
    """Parse an index expression with lists.

    Parameters
    ----------
    index : object
        What stands between the brackets.
    shape : tuple of int
        The array's shape, in elements.
    mode : {"numpy", "orthogonal", "vector"}
        "numpy": arrays are broadcast against each other, and their axes stand where numpy puts
        them. "orthogonal": each array selects along its own dimension. "vector": arrays are
        broadcast, and their axes come first.

    Raises
    ------
    SelectionError
        Too many indices, one of another kind, or arrays that cannot be broadcast. That coordinates
        are inside the array is checked by the native reader.
    """
    items = _expand(index if isinstance(index, tuple) else (index,), len(shape))
    if mode == "orthogonal":
        return IndexedSelection(_orthogonal(items, shape))
    return IndexedSelection(_vectorized(items, shape, first=mode == "vector"))


class _Gap:
    """Stands where an Ellipsis was: it parts index arrays, even if it stands for nothing."""


_GAP = _Gap()


def _expand(given: tuple[Any, ...], rank: int) -> list[Any]:
    """Make arrays of lists, index arrays of masks, and slices of the Ellipsis."""
    items: list[Any] = []
    dims = 0
    for item in given:
        if item is None or item is Ellipsis:
            items.append(item)
            continue
        part = item if isinstance(item, slice) else _as_array(item)
        items.append(part)
        dims += getattr(part, "ndim", 1) if _is_mask(part) else 1
    if sum(item is Ellipsis for item in items) > 1:
        raise SelectionError("an index can only have a single ellipsis ('...')")
    if dims > rank:
        raise SelectionError(
            f"too many indices for array: array is {rank}-dimensional, but {dims} were indexed"
        )
    at = next((i for i, item in enumerate(items) if item is Ellipsis), len(items))
    fill = [slice(None)] * (rank - dims)
    return [*items[:at], *([_GAP] if at < len(items) else []), *fill, *items[at + 1 :]]


def _is_mask(item: Any) -> bool:
    return isinstance(item, np.ndarray) and item.dtype.kind == "b"


def _as_array(item: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(item)
    if _is_mask(array):
        if array.ndim == 0:
            raise SelectionError("a single bool is no index here; use a mask or None")
        return array
    if array.size == 0 and not hasattr(item, "dtype"):
        return array.astype(np.int64)
    if not np.issubdtype(array.dtype, np.integer):
        try:
            return np.asarray(to_int(item))
        except TypeError:
            raise SelectionError(
                f"an index of type {type(item).__name__} ({array.dtype}) is none: integers, "
                "slices, Ellipsis, None, and arrays of integers or bool are"
            ) from None
    return array


def _mask_indices(mask: np.ndarray[Any, Any], shape: tuple[int, ...], dim: int) -> list[Any]:
    for d, size in enumerate(mask.shape):
        if size != shape[dim + d]:
            raise SelectionError(
                f"boolean index did not match indexed array along axis {dim + d}; size of axis is "
                f"{shape[dim + d]} but size of corresponding boolean axis is {size}"
            )
    return list(np.nonzero(mask))


def slice_axis(item: slice, dim: int, extent: int) -> Axis:
    """Give a slice of a dimension as an axis."""
    try:
        start, stop, step = item.indices(extent)
    except TypeError as error:
        raise SelectionError(f"{item} is no slice of integers: {error}") from None
    count = len(range(start, stop, step))
    return Axis((dim,), count, (count,), start, step)


def _orthogonal(items: list[Any], shape: tuple[int, ...]) -> list[Axis]:
    axes: list[Axis] = []
    dim = 0
    for item in items:
        if item is _GAP:
            continue
        if item is None:
            axes.append(Axis((), 1, (1,)))
            continue
        if isinstance(item, slice):
            axes.append(slice_axis(item, dim, shape[dim]))
        else:
            if item.ndim > 1:
                raise SelectionError(
                    f"an index array for one dimension has one dimension, not {item.ndim}"
                )
            listed = _mask_indices(item, shape, dim)[0] if _is_mask(item) else item
            axes.append(Axis((dim,), listed.size, listed.shape, points=_column([listed])))
        dim += 1
    return axes


def _vectorized(items: list[Any], shape: tuple[int, ...], first: bool) -> list[Axis]:
    axes: list[Axis] = []
    arrays: list[Any] = []
    dims: list[int] = []
    at: list[int] = []  # where in `axes` each array stands
    places: list[int] = []  # and where in `items`
    dim = 0
    for place, item in enumerate(items):
        if item is _GAP:
            continue
        if item is None:
            axes.append(Axis((), 1, (1,)))
        elif isinstance(item, slice):
            axes.append(slice_axis(item, dim, shape[dim]))
            dim += 1
        else:
            found = _mask_indices(item, shape, dim) if _is_mask(item) else [item]
            arrays += found
            dims += range(dim, dim + len(found))
            at.append(len(axes))
            places.append(place)
            dim += len(found)
    if not arrays:
        return axes
    together = places == list(range(places[0], places[0] + len(places)))
    axes.insert(at[0] if together and not first else 0, _point_axis(arrays, dims))
    return axes


def _point_axis(arrays: list[Any], dims: list[int]) -> Axis:
    try:
        same = np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = " ".join(str(array.shape) for array in arrays)
        raise SelectionError(
            f"shape mismatch: indexing arrays could not be broadcast together with shapes {shapes}"
        ) from None
    shape = same[0].shape
    return Axis(tuple(dims), math.prod(shape), shape, points=_column(same))


def _column(arrays: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Put coordinates side by side: (n, number of arrays)."""
    for array in arrays:
        if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
            raise SelectionError("an index is above 2^63 - 1")
    return np.stack([array.ravel().astype(np.int64, copy=False) for array in arrays], axis=-1)
