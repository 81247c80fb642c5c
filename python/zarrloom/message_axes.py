"""Between messages of `zarrloom.ndsel` and the axes of views."""

from __future__ import annotations

from typing import Any

import numpy as np

from zarrloom.errors import SelectionError, UnsupportedError
from zarrloom.indexed import Axis
from zarrloom.ndsel import MessageError

_Map = dict[str, Any]


def axes_of_message(body: dict[str, Any], shape: tuple[int, ...]) -> list[Axis]:
    """Give a canonical transform as axes over dimensions of that shape.

    One for each input dimension, in their order, then one without a shape for each dimension in
    which a single position is selected.
    """
    maps: list[_Map] = body["output"]
    if not maps and body["input_rank"] == 1 and _plain(body["input_exclusive_max"][0]) == 0:
        maps = [{"offset": 0, "stride": 1, "index_array": []} for _ in shape]  # no points
    if len(maps) != len(shape):
        raise SelectionError(
            f"a message for {len(maps)} dimensions does not fit an array of {len(shape)}"
        )
    lows, counts = _domain(body, maps, shape)
    users: list[list[int]] = [[] for _ in counts]
    lists: dict[int, np.ndarray[Any, Any]] = {}
    fixed: list[int] = []  # dimensions in which one position is selected
    for dim, each in enumerate(maps):
        at = each.get("input_dimension")
        if "index_array" in each:
            lists[dim], at = _listed(each, counts, dim)
        if at is None:
            fixed.append(dim)
        else:
            users[at].append(dim)
    for i, count in enumerate(counts):
        if count == 0 and not users[i] and fixed:  # a list of nothing, written as a constant
            users[i].append(fixed.pop(0))
            lists[users[i][0]] = np.zeros(0, np.int64)
    alone = [_integer_axis(dim, maps[dim], lists.get(dim), shape[dim]) for dim in fixed]
    made = [_axis(users[i], maps, lists, lows[i], counts[i], shape) for i in range(len(counts))]
    return made + alone


def _plain(bound: Any) -> Any:
    return bound[0] if isinstance(bound, list) else bound


def _domain(
    body: dict[str, Any], maps: list[_Map], shape: tuple[int, ...]
) -> tuple[list[int], list[int]]:
    """Give the first position and the number of positions of each input dimension."""
    lows, counts = [], []
    bounds = zip(body["input_inclusive_min"], body["input_exclusive_max"], strict=True)
    for i, (low, high) in enumerate(bounds):
        first, end = _plain(low), _plain(high)
        if isinstance(low, list) or isinstance(high, list) or "inf" in f"{first}{end}":
            least, most = _reach(i, maps, shape)
            first = least if isinstance(low, list) or first == "-inf" else first
            end = most if isinstance(high, list) or end == "+inf" else end
        if not isinstance(first, int) or not isinstance(end, int):
            raise SelectionError(f"input dimension {i} has no elements between its bounds")
        lows.append(first)
        counts.append(max(0, end - first))
    return lows, counts


def _reach(i: int, maps: list[_Map], shape: tuple[int, ...]) -> tuple[int, int]:
    """Give the positions of an input dimension that lie inside the array."""
    ends = []
    for dim, each in enumerate(maps):
        if each.get("input_dimension") != i or each["stride"] == 0:
            continue
        offset, stride, extent = each["offset"], each["stride"], shape[dim]
        if stride > 0:
            ends.append((-(offset // stride), -((offset - extent) // stride)))
        else:
            ends.append((-((extent - 1 - offset) // -stride), offset // -stride + 1))
    if not ends:
        raise SelectionError(f"nothing says where input dimension {i} ends")
    return max(low for low, _ in ends), min(high for _, high in ends)


def _listed(each: _Map, counts: list[int], dim: int) -> tuple[np.ndarray[Any, Any], int | None]:
    """Give the coordinates of a list, and the input dimension that it runs over, if any."""
    try:
        indices = np.array(each["index_array"])
        if indices.size and indices.dtype.kind != "i":
            raise ValueError(f"they are of type {indices.dtype}")
    except ValueError as error:  # lists of different lengths
        raise MessageError("invalid_json", f"output[{dim}].index_array: {error}") from None
    _check_index_bounds(indices, each.get("index_array_bounds", ("-inf", "+inf")), dim)
    if indices.size == 0:
        indices = np.zeros([0 if count == 0 else 1 for count in counts], np.int64)
    if indices.ndim > len(counts):
        raise MessageError("rank_mismatch", f"output[{dim}].index_array has too many dimensions")
    indices = indices.reshape((1,) * (len(counts) - indices.ndim) + indices.shape)
    runs = [i for i, extent in enumerate(indices.shape) if extent != 1]
    for i in runs:
        if indices.shape[i] != counts[i]:
            raise MessageError(
                "rank_mismatch",
                f"output[{dim}].index_array has {indices.shape[i]} entries along input dimension "
                f"{i} of {counts[i]}",
            )
    if len(runs) > 1:
        raise UnsupportedError(
            f"the coordinates of dimension {dim} run over the input dimensions {runs} at once; "
            "lists over one are supported"
        )
    return each["offset"] + each["stride"] * indices.ravel(), runs[0] if runs else None


def _integer_axis(dim: int, each: _Map, listed: Any, extent: int) -> Axis:
    position = each["offset"] if listed is None else int(listed[0])
    _check(position, position, extent, dim)
    return Axis((dim,), 1, (), position, 1)


def _check_index_bounds(indices: np.ndarray[Any, Any], bounds: Any, dim: int) -> None:
    for bound, outside in zip(bounds, (np.less, np.greater), strict=True):
        if isinstance(bound, int) and outside(indices, bound).any():
            raise MessageError("invalid_json", f"output[{dim}].index_array exceeds its bounds")


def _axis(
    dims: list[int],
    maps: list[_Map],
    lists: dict[int, np.ndarray[Any, Any]],
    low: int,
    count: int,
    shape: tuple[int, ...],
) -> Axis:
    """Give the axis of one input dimension, which these dimensions of the array depend on."""
    if not dims:
        if count == 1:
            return Axis((), 1, (1,))
        raise UnsupportedError(
            f"an input dimension of {count} elements that no coordinate depends on; of 1 is "
            "supported"
        )
    if len(dims) == 1 and dims[0] not in lists and maps[dims[0]]["stride"] != 0:
        offset, stride = maps[dims[0]]["offset"], maps[dims[0]]["stride"]
        start = offset + stride * low
        if count:
            _check(start, start + stride * (count - 1), shape[dims[0]], dims[0])
        return Axis((dims[0],), count, (count,), start if count else 0, stride)
    columns = []
    for dim in dims:
        at = lists.get(dim)
        if at is None:
            at = maps[dim]["offset"] + maps[dim]["stride"] * (low + np.arange(count))
        if at.size:
            _check(int(at.min()), int(at.max()), shape[dim], dim)
        columns.append(at.astype(np.int64))
    return Axis(tuple(dims), count, (count,), points=np.stack(columns, axis=-1))


def _check(first: int, last: int, extent: int, dim: int) -> None:
    for at in (first, last):
        if not 0 <= at < extent:
            raise SelectionError(
                f"coordinate {at} is out of bounds for dimension {dim} with size {extent}; "
                "messages count none from the end"
            )


def message_of_axes(kept: list[Axis], gone: list[Axis], rank: int) -> dict[str, Any]:
    """Give axes over an array of that rank as a message."""
    output: list[_Map] = [{"offset": 0} for _ in range(rank)]
    for i, axis in enumerate(kept):
        for column, dim in enumerate(axis.dims):
            output[dim] = _map_of(axis, column, i, len(kept))
    for axis in gone:
        positions = axis.coordinates(np.arange(1))
        for column, dim in enumerate(axis.dims):
            output[dim] = {"offset": int(positions[0, column])}
    return {
        "kind": "transform",
        "input_rank": len(kept),
        "input_inclusive_min": [0] * len(kept),
        "input_exclusive_max": [axis.count for axis in kept],
        "input_labels": [""] * len(kept),
        "output": output,
    }


def _map_of(axis: Axis, column: int, i: int, rank: int) -> _Map:
    if axis.points is None:
        return {"offset": int(axis.start), "stride": int(axis.step), "input_dimension": i}
    listed = axis.points[:, column]
    if axis.count < 2:  # one coordinate, or none: the domain says how many
        return {"offset": int(listed[0]) if axis.count else 0}
    full = listed.reshape([axis.count if d == i else 1 for d in range(rank)])
    return {
        "offset": 0,
        "stride": 1,
        "index_array": full.tolist(),
        "index_array_bounds": ["-inf", "+inf"],
    }
