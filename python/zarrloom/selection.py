"""numpy's index expressions as native selections: the only place that knows numpy's rules."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index as to_int
from typing import Any

from zarrloom.errors import SelectionError


@dataclass(slots=True)
class Selection:
    """A box of elements, read in ascending order.

    ``start``, ``step`` (at least 1) and ``count`` have an entry for each dimension of the array.
    ``view`` is the index that turns the box, an array of shape ``count``, into the result: it
    reverses descending slices, drops integer dimensions and adds new ones. None if the box is the
    result.
    """

    start: tuple[int, ...]
    step: tuple[int, ...]
    count: tuple[int, ...]
    view: tuple[Any, ...] | None
    scalar: bool


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
    """
    if index is Ellipsis:
        zeros = (0,) * len(shape)
        return Selection(zeros, (1,) * len(shape), shape, None, False)
    items = _expand(index if isinstance(index, tuple) else (index,), len(shape))
    start: list[int] = []
    step: list[int] = []
    count: list[int] = []
    view: list[Any] = []
    plain = True
    extents = iter(shape)
    for item in items:
        if item is None:
            view.append(None)
            plain = False
            continue
        if isinstance(item, slice):
            begin, stride, length, turned = _slice(item, next(extents))
            view.append(_REVERSED if turned else _ALL)
            plain = plain and not turned
        else:
            begin, stride, length = _integer(item, next(extents), len(start)), 1, 1
            view.append(0)
            plain = False
        start.append(begin)
        step.append(stride)
        count.append(length)
    scalar = _is_scalar(index, view, len(shape))
    return Selection(
        tuple(start), tuple(step), tuple(count), None if plain else tuple(view), scalar
    )


_ALL = slice(None)
_REVERSED = slice(None, None, -1)


def _is_scalar(index: Any, view: list[Any], rank: int) -> bool:
    """Whether numpy gives a scalar: integers alone, and no Ellipsis."""
    if len(view) != rank or any(part != 0 for part in view):
        return False
    return not any(part is Ellipsis for part in (index if isinstance(index, tuple) else (index,)))


def _expand(items: tuple[Any, ...], rank: int) -> list[Any]:
    """Write out the Ellipsis, or the one that numpy adds at the end."""
    ellipses = sum(item is Ellipsis for item in items)
    if ellipses > 1:
        raise SelectionError("an index can only have a single ellipsis ('...')")
    missing = rank - sum(item is not None and item is not Ellipsis for item in items)
    if missing < 0:
        raise SelectionError(
            f"too many indices for array: array is {rank}-dimensional, "
            f"but {rank - missing} were indexed"
        )
    at = next((i for i, item in enumerate(items) if item is Ellipsis), len(items))
    return [*items[:at], *(_ALL,) * missing, *items[at + 1 :]]


def _slice(item: slice, extent: int) -> tuple[int, int, int, bool]:
    """Start, step, count of a slice in ascending order, and whether it descends."""
    try:
        begin, end, stride = item.indices(extent)
    except TypeError as error:
        raise SelectionError(f"{item} is no slice of integers: {error}") from None
    length = len(range(begin, end, stride))
    if length == 0:
        return 0, 1, 0, False
    if stride > 0:
        return begin, stride, length, False
    return begin + (length - 1) * stride, -stride, length, True


def _integer(item: Any, extent: int, axis: int) -> int:
    if isinstance(item, bool):
        raise SelectionError("a boolean index is not supported; use integers and slices")
    try:
        position = to_int(item)
    except TypeError:
        raise SelectionError(
            f"an index of type {type(item).__name__} is not supported: integers, slices, "
            "Ellipsis and None (newaxis) are; read a box and index the numpy array"
        ) from None
    if not -extent <= position < extent:
        raise SelectionError(
            f"index {position} is out of bounds for axis {axis} with size {extent}"
        )
    return position + extent if position < 0 else position
