"""Statistics over an array, computed natively while its chunks are decoded."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as to_int
from typing import Any

import numpy as np
import numpy.typing as npt

from zarrloom import _core
from zarrloom.arguments import workers
from zarrloom.array import Array
from zarrloom.errors import InvalidArgumentError, UnsupportedError
from zarrloom.selection import Selection, parse

_NATIVE = {
    "min": "min",
    "max": "max",
    "sum": "sum",
    "mean": "mean",
    "std": "variance",
    "var": "variance",
    "count": "count",
    "argmin": "argmin",
    "argmax": "argmax",
    "histogram": "histogram",
}


def reduce(
    array: Array,
    stats: str | Sequence[str],
    axis: int | tuple[int, ...] | None = None,
    selection: Any = None,
    skipna: bool = False,
    bins: int | npt.ArrayLike = 10,
    range: tuple[float, float] | None = None,
    ddof: float = 0,
    parallel: int | None = None,
) -> Any:
    """Compute statistics over an array, all of them in one pass over its chunks.

    Chunks are decoded and reduced by native threads, without the GIL and in bounded memory; one
    that is not stored is neither decoded nor filled. Results are the same to the last bit whatever
    the number of threads.

    Parameters
    ----------
    array : Array
        What to reduce: numbers or booleans. Complex numbers have "sum", "mean" and "count".
    stats : str or sequence of str
        "min", "max", "sum", "mean", "std", "var", "count", "argmin", "argmax", "histogram".
    axis : int or tuple of int, optional
        Dimensions of the selection to reduce. Default: all. "argmin" and "argmax" take one or all
        of them, "histogram" all.
    selection : index expression, optional
        Integers, slices of any step, Ellipsis and newaxis, as between brackets. Default: all.
    skipna : bool, default False
        Leave NaN out, as ``numpy.nanmin`` and its like do. Otherwise NaN gives NaN.
    bins, range : int or array_like, and (float, float), optional
        As in `numpy.histogram`. A number of bins without a range needs the smallest and the
        greatest element first: then the chunks are read twice.
    ddof : float, default 0
        "std" and "var" divide by the number of elements less this.
    parallel : int, optional
        Threads of this call. Default: ``zarrloom.config.threads``.

    Returns
    -------
    scalar, ndarray or dict
        The value of a single statistic; for a sequence a dict from name to value. Each is what
        numpy gives for ``array[selection]``, in numpy's dtype, except that sums of integers are
        exact: those that do not fit 64 bits are Python integers (an array of them has dtype
        object), where numpy would wrap. Moments of floats are accumulated in float64 and rounded
        once. "count" is the number of elements, with `skipna` of those that are not NaN.
        "histogram" is ``(counts, edges)``.

    Raises
    ------
    InvalidArgumentError
        "min", "max", "argmin" or "argmax" of no elements, or arguments that do not go together.
    UnsupportedError
        The array's dtype has no such statistic.
    ZarrloomError
        A chunk could not be read; the error names it.
    """
    names = [stats] if isinstance(stats, str) else list(stats)
    parsed = parse(... if selection is None else selection, array.shape)
    axes = _axes(names, axis, len(parsed.shape()))
    edges = None
    if "histogram" in names:
        edges = _edges(array, parsed, bins, range, skipna, parallel)
    raw = _native(array, parsed, axes, names, skipna, ddof, edges, parallel)
    shape = tuple(n for d, n in enumerate(parsed.shape()) if d not in axes)
    values = {name: _value(name, raw[_NATIVE[name]], shape, array.dtype) for name in names}
    if edges is not None:
        values["histogram"] = (raw["histogram"], edges)
    return values[stats] if isinstance(stats, str) else values


def _axes(names: list[str], axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """Check the names and the axes, and give the axes to reduce."""
    for name in names:
        if name not in _NATIVE:
            raise InvalidArgumentError(
                f'there is no statistic "{name}"; known are {", ".join(_NATIVE)}'
            )
    if axis is None:
        return tuple(np.arange(ndim).tolist())
    given = axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(d + ndim if d < 0 else d for d in map(to_int, given))
    if len(set(axes)) != len(axes) or any(not 0 <= d < ndim for d in axes):
        raise InvalidArgumentError(f"axis {axis} does not fit a selection of {ndim} dimensions")
    if len(axes) != 1 and ("argmin" in names or "argmax" in names):
        raise InvalidArgumentError("argmin and argmax take one axis, or None for all")
    if "histogram" in names and len(axes) != ndim:
        raise InvalidArgumentError("a histogram is of all elements: it takes no axis")
    return axes


def _native(
    array: Array,
    parsed: Selection,
    axes: tuple[int, ...],
    names: list[str],
    skipna: bool,
    ddof: float,
    edges: np.ndarray[Any, Any] | None,
    parallel: int | None,
) -> dict[str, np.ndarray[Any, Any]]:
    """Call the core, whose dimensions are those of the array itself."""
    reversed_, reduced = parsed.reduction(axes)
    return _core.reduce(
        array._native,
        parsed.start,
        parsed.step,
        parsed.count,
        reversed=reversed_,
        reduced=reduced,
        stats=list(dict.fromkeys(_NATIVE[name] for name in names)),
        skipna=skipna,
        ddof=ddof,
        edges=None if edges is None else edges.tolist(),
        parallel=workers(parallel),
    )


def _edges(
    array: Array,
    parsed: Selection,
    bins: int | npt.ArrayLike,
    range_: tuple[float, float] | None,
    skipna: bool,
    parallel: int | None,
) -> np.ndarray[Any, Any]:
    """Give the edges that numpy would, from two elements in place of all."""
    if isinstance(bins, str):
        raise UnsupportedError(f'bins="{bins}": give their number or their edges')
    if array.dtype.kind not in "buif":
        raise UnsupportedError(f'elements of dtype {array.dtype} have no statistic "histogram"')
    dtype = np.dtype("u1") if array.dtype.kind == "b" else array.dtype
    ends = np.empty(0, dtype)
    if range_ is None and np.ndim(bins) == 0 and 0 not in parsed.count:
        axes = tuple(np.arange(len(parsed.shape())).tolist())
        found = _native(array, parsed, axes, ["min", "max"], skipna, 0, None, parallel)
        ends = np.stack([found["min"], found["max"]]).astype(dtype)
    return np.histogram_bin_edges(ends, bins, range_)


def _value(
    name: str, raw: np.ndarray[Any, Any], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Any:
    """Give a result of the core numpy's dtype and shape."""
    if name == "histogram":
        return raw
    inexact = dtype.kind in "fc"
    if name == "sum" and not inexact:
        raw = _whole_sums(raw, dtype.kind == "u")
    elif dtype.kind == "c" and name in ("sum", "mean"):
        raw = raw.view("complex128")
    if name == "std":
        raw = np.sqrt(raw)
    if name in ("min", "max") or (inexact and name in ("sum", "mean", "std", "var")):
        with np.errstate(over="ignore"):
            raw = raw.astype(dtype, copy=False)
    return raw.reshape(shape)[()]


def _whole_sums(raw: np.ndarray[Any, Any], unsigned: bool) -> np.ndarray[Any, Any]:
    """Make 64-bit numbers of 128-bit ones, or Python integers if they do not fit."""
    low, high = raw[..., 0], raw[..., 1].view("int64")
    if unsigned and not high.any():
        return low
    if not unsigned and (high == low.view("int64") >> 63).all():
        return low.view("int64")
    return np.asarray(high.astype(object) * 2**64 + low.astype(object))
