"""Other ways of indexing than numpy's: ``oindex``, ``vindex`` and ``blocks``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zarrloom.errors import SelectionError
from zarrloom.indexed import IndexedSelection, Mode, parse_indexed

if TYPE_CHECKING:
    from zarrloom.array_selections import ArraySelections


class _Index(ABC):
    """Reads by ``[...]`` and writes by ``[...] = value``."""

    def __init__(self, array: ArraySelections) -> None:
        self._array = array

    @abstractmethod
    def _parse(self, index: Any) -> IndexedSelection:
        """Say which elements an index stands for."""

    def __getitem__(self, index: Any) -> Any:
        return self._array._read(self._parse(index), None, None)

    def __setitem__(self, index: Any, value: Any) -> None:
        selection = self._parse(index)
        selection.write(self._array._native, self._array._box(selection, value))


class _ListIndex(_Index):
    _mode: ClassVar[Mode]

    def _parse(self, index: Any) -> IndexedSelection:
        return parse_indexed(index, self._array.shape, self._mode)


class OrthogonalIndex(_ListIndex):
    """Each integer, slice, list or one-dimensional mask indexes its own dimension."""

    _mode = "orthogonal"


class VectorIndex(_ListIndex):
    """Index arrays are broadcast against each other and select points."""

    _mode = "vector"


class BlockIndex(_Index):
    """Integers, slices and lists count chunks; an integer keeps its dimension."""

    def _parse(self, index: Any) -> IndexedSelection:
        grid = self._array.cdata_shape
        given = index if isinstance(index, tuple) else (index,)
        if any(item is None for item in given):
            raise SelectionError("None is no index of blocks")
        blocks = parse_indexed(_keeping(given), grid, "orthogonal")
        parts = [self._elements(axis.dims[0], axis) for axis in blocks.axes]
        return parse_indexed(tuple(parts), self._array.shape, "orthogonal")

    def _elements(self, dim: int, axis: Any) -> Any:
        native = self._array._native
        if axis.points is None and axis.step == 1 and axis.count:
            first = [0] * len(self._array.shape)
            last = list(first)
            first[dim], last[dim] = axis.start, axis.start + axis.count - 1
            begin, end = (native.chunk_bounds(tuple(at))[dim] for at in (first, last))
            return slice(begin.start, end.stop)
        return native.block_points(dim, axis.coordinates(np.arange(axis.count)).ravel())


def _keeping(given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Make lists of integers, which keep their dimension."""
    return tuple(
        [item] if isinstance(item, int | np.integer) and not isinstance(item, bool) else item
        for item in given
    )
