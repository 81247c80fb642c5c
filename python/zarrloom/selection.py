"""numpy's index expressions as native selections: the only place that knows numpy's rules."""

from __future__ import annotations

from collections.abc import Callable
from operator import index as to_int
from typing import Any

import numpy as np

from zarrloom import _core
from zarrloom.errors import SelectionError
from zarrloom.indexed import IndexedSelection, has_lists, parse_indexed

_ALL = slice(None)
_REVERSED = slice(None, None, -1)


class Selection:
    """A box of elements, read in ascending order, and how it becomes what was asked for.

    ``start``, ``step`` (at least 1) and ``count`` have an entry for each dimension of the array.
    ``view`` is the index that turns the box, an array of shape ``count``, into the result: it
    reverses descending slices, drops integer dimensions and adds new ones. None if the box is the
    result.
    """

    __slots__ = ("count", "start", "step", "view")

    def __init__(
        self,
        start: tuple[int, ...],
        step: tuple[int, ...],
        count: tuple[int, ...],
        view: tuple[Any, ...] | None,
    ) -> None:
        self.start = start
        self.step = step
        self.count = count
        self.view = view

    def part(self, box: np.ndarray[Any, Any]) -> tuple[Any, ...]:
        """Give it as one of many, with its memory."""
        return self.start, self.step, self.count, box

    def shape(self) -> tuple[int, ...]:
        """Give the shape of the result."""
        if self.view is None:
            return self.count
        extents = iter(self.count)
        pairs = [(part, 1 if part is None else next(extents)) for part in self._parts()]
        return tuple(extent for part, extent in pairs if part is None or isinstance(part, slice))

    def box_of(self, result: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """See an array of the result's shape as the box: the opposite of ``box[view]``."""
        if self.view is None:
            return result
        undo = tuple(0 if part is None else None if part == 0 else part for part in self._parts())
        box: np.ndarray[Any, Any] = result[(*undo, Ellipsis)]
        return box

    def reduction(self, axes: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Say for each dimension of the box if it is descending and if the axes reduce it (0, 1).

        `axes` are dimensions of the result. Dimensions that the result has not are kept: they have
        one element.
        """
        if self.view is None:
            return (0,) * len(self.count), tuple(int(d in axes) for d in range(len(self.count)))
        descending: list[int] = []
        reduced: list[int] = []
        axis = 0
        for part in self._parts():
            if part is not None:
                descending.append(int(part == _REVERSED))
                reduced.append(int(isinstance(part, slice) and axis in axes))
            axis += part is None or isinstance(part, slice)
        return tuple(descending), tuple(reduced)

    def _parts(self) -> tuple[Any, ...]:
        return tuple(part for part in self.view or () if part is not Ellipsis)

    def result_of(self, box: np.ndarray[Any, Any]) -> Any:
        """See the box that was read as what was asked for. Integers alone make a scalar, a copy."""
        return box if self.view is None else box[self.view]

    def read(self, array: _core.Array, box: np.ndarray[Any, Any], parallel: int = 0) -> None:
        """Read it into the box."""
        array.read(self.start, self.step, self.count, box, parallel)

    def write(
        self,
        array: _core.Array,
        box: np.ndarray[Any, Any],
        parallel: int = 0,
        field: str | None = None,
    ) -> None:
        """Write it from the box: all of each element, or a field."""
        array.write(self.start, self.step, self.count, box, parallel, field)

    def starter(
        self, array: _core.Array, box: np.ndarray[Any, Any], parallel: int, writing: bool
    ) -> Callable[[Any, int], Any]:
        """Give the function that starts it without waiting."""
        start = array.start_write if writing else array.start_read
        place = self.start, self.step, self.count
        return lambda notifier, token: start(*place, box, parallel, notifier, token)


def split_fields(index: Any, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Take the fields out of an index of a structured array: a name, a list of names or None."""
    if dtype.names is None:
        return None, index
    given = index if isinstance(index, tuple) else (index,)
    named = [item for item in given if _is_fields(item)]
    if not named:
        return None, index
    if len(named) > 1:
        raise SelectionError("an index has one field or one list of fields")
    for name in [named[0]] if isinstance(named[0], str) else named[0]:
        if name not in dtype.names:
            raise SelectionError(f"there is no field {name!r}; there are {', '.join(dtype.names)}")
    rest = tuple(item for item in given if not _is_fields(item))
    return named[0], rest if rest else Ellipsis


def _is_fields(item: Any) -> bool:
    if isinstance(item, list):
        return bool(item) and all(isinstance(name, str) for name in item)
    return isinstance(item, str)


def parse_any(index: Any, shape: tuple[int, ...]) -> Selection | IndexedSelection:
    """Parse an index as numpy takes it: basic, or with lists, arrays and masks."""
    given = index if isinstance(index, tuple) else (index,)
    return parse_indexed(index, shape, "numpy") if has_lists(given) else parse(index, shape)


def parse(index: Any, shape: tuple[int, ...]) -> Selection:
    """Parse a basic index: integers, slices, Ellipsis and None.

    Parameters
    ----------
    index : object
        What stands between the brackets of ``array[...]``.
    shape : tuple of int
        The array's shape, in elements.

    Raises
    ------
    SelectionError
        An integer is out of bounds, there are too many indices, or one is of another kind.
    ValueError
        A slice's step is 0.
    """
    if index is Ellipsis:
        return Selection((0,) * len(shape), (1,) * len(shape), shape, None)
    given = index if isinstance(index, tuple) else (index,)
    items, has_ellipsis = _expand(given, len(shape))
    start: list[int] = []
    step: list[int] = []
    count: list[int] = []
    view: list[Any] = []
    plain = bool(items) or has_ellipsis
    scalar = not has_ellipsis
    for item in items:
        if item is None:
            view.append(None)
            plain = scalar = False
            continue
        extent = shape[len(start)]
        part: Any = 0
        if isinstance(item, slice):
            begin, stride, length, part = _slice(item, extent)
            scalar = False
            plain = plain and part is _ALL
        else:
            begin, stride, length = _integer(item, extent, len(start)), 1, 1
            plain = False
        start.append(begin)
        step.append(stride)
        count.append(length)
        view.append(part)
    if not scalar:
        view.append(Ellipsis)  # else integers alone would make a scalar of the box
    return Selection(tuple(start), tuple(step), tuple(count), None if plain else tuple(view))


def _expand(items: tuple[Any, ...], rank: int) -> tuple[tuple[Any, ...], bool]:
    """Write out the Ellipsis, or the one that numpy adds at the end. True if one was given."""
    given = 0
    at = len(items)
    ellipses = 0
    for i, item in enumerate(items):
        if item is Ellipsis:
            at = i
            ellipses += 1
        elif item is not None:
            given += 1
    if ellipses > 1:
        raise SelectionError("an index can only have a single ellipsis ('...')")
    if given > rank:
        raise SelectionError(
            f"too many indices for array: array is {rank}-dimensional, but {given} were indexed"
        )
    if given == rank and not ellipses:
        return items, False
    return (*items[:at], *(_ALL,) * (rank - given), *items[at + 1 :]), bool(ellipses)


def _slice(item: slice, extent: int) -> tuple[int, int, int, slice]:
    """Start, step, count of a slice in ascending order, and what makes the slice of that."""
    if item is _ALL:
        return 0, 1, extent, _ALL
    try:
        begin, end, stride = item.indices(extent)
    except TypeError as error:
        raise SelectionError(f"{item} is no slice of integers: {error}") from None
    if stride == 1:
        return (begin, 1, end - begin, _ALL) if end > begin else (0, 1, 0, _ALL)
    length = len(range(begin, end, stride))
    if length == 0:
        return 0, 1, 0, _ALL
    if stride > 0:
        return begin, stride, length, _ALL
    return begin + (length - 1) * stride, -stride, length, _REVERSED


def _integer(item: Any, extent: int, axis: int) -> int:
    if type(item) is not int:
        item = _to_int(item)
    if not -extent <= item < extent:
        raise SelectionError(f"index {item} is out of bounds for axis {axis} with size {extent}")
    position: int = item + extent if item < 0 else item
    return position


def _to_int(item: Any) -> int:
    if isinstance(item, bool | np.bool_):
        raise SelectionError("a single bool is no index here; use a mask or None")
    try:
        return to_int(item)
    except TypeError:
        raise SelectionError(
            f"an index of type {type(item).__name__} is none here: integers, slices, Ellipsis and "
            "None (newaxis) are"
        ) from None
