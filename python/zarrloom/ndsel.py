"""Selections as JSON messages: ndsel, the wire form of zarr-indexing and TensorStore's transforms.

A message says which elements of an array are meant, by five kinds: ``point``, ``points``, ``box``,
``slice`` and ``transform``. `normalize` makes the last of any of them, in the one form that the
draft calls canonical. Coordinates are addresses: -1 is the element before the first, and outside
any array. `LazyView.select` and `LazyView.to_message` go from messages to views and back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from zarrloom.errors import InvalidArgumentError

__all__ = ["MessageError", "normalize"]

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_INFINITE = ("-inf", "+inf")
_MOST_DIMENSIONS = 32


class MessageError(InvalidArgumentError):
    """A message that is none; ``reason`` is the draft's code for what is wrong with it.

    One of "invalid_json", "unknown_kind", "unknown_field", "multiple_upper_bounds",
    "bounds_out_of_order", "output_map_conflict", "rank_mismatch" and "step_zero".
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


def normalize(message: Mapping[str, Any] | str | bytes) -> dict[str, Any]:
    """Give the canonical transform that a message stands for.

    Parameters
    ----------
    message : mapping, str or bytes
        A message of any kind, perhaps as JSON text.

    Returns
    -------
    dict
        ``input_rank``, ``input_inclusive_min``, ``input_exclusive_max``, ``input_labels`` and
        ``output``; the same again if it is normalized as a message of kind "transform". A bound in
        a list of its own is implicit; "-inf" and "+inf" are bounds, too.

    Raises
    ------
    MessageError
        What it is given is no message; ``reason`` tells why.
    """
    if isinstance(message, str | bytes):
        try:
            message = json.loads(message)
        except ValueError as error:
            raise MessageError("invalid_json", str(error)) from None
    if not isinstance(message, Mapping):
        raise MessageError("invalid_json", f"a message is an object, not {message!r}")
    kind = message.get("kind")
    if not isinstance(kind, str):
        raise MessageError("invalid_json", "a message names its kind")
    if kind not in _KINDS:
        raise MessageError("unknown_kind", f"{kind!r}; known are {', '.join(_KINDS)}")
    fields, make = _KINDS[kind]
    _refuse_others(message, ("kind", *fields), kind)
    body = make(message)
    if body["input_rank"] > _MOST_DIMENSIONS:
        raise MessageError("invalid_json", f"more than {_MOST_DIMENSIONS} dimensions")
    return body


# ---- Values ----


def _refuse_others(found: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for name in found:
        if name not in tuple(known):
            raise MessageError("unknown_field", f"{where} has no member {name!r}")


def _integer(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise MessageError("invalid_json", f"{where} must be an integer, not {value!r}")
    if not _LOWEST <= value <= _HIGHEST:
        raise MessageError("invalid_json", f"{where} is {value}, beyond 64 bits")
    return value


def _bound(value: Any, where: str) -> Any:
    if isinstance(value, list):
        if len(value) != 1 or isinstance(value[0], list):
            raise MessageError("invalid_json", f"{where}: an implicit bound is a list of one")
        return [_bound(value[0], where)]
    return value if value in _INFINITE else _integer(value, where)


def _label(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise MessageError("invalid_json", f"{where} must be a string, not {value!r}")
    return value


def _list(
    message: Mapping[str, Any], name: str, item: Callable[[Any, str], Any], needed: bool = False
) -> list[Any] | None:
    """Give a member that is a list of such items; None if it is not there and need not be."""
    if name not in message:
        if needed:
            raise MessageError("invalid_json", f"{name} is missing")
        return None
    return _items(message[name], name, item)


def _items(value: Any, where: str, item: Callable[[Any, str], Any]) -> list[Any]:
    if not isinstance(value, list):
        raise MessageError("invalid_json", f"{where} must be a list, not {value!r}")
    return [item(each, f"{where}[{i}]") for i, each in enumerate(value)]


def _rank_of(lists: Mapping[str, list[Any] | None], declared: int | None = None) -> int:
    rank = declared
    for name, values in lists.items():
        if values is None:
            continue
        if rank is not None and rank != len(values):
            raise MessageError("rank_mismatch", f"{name} has {len(values)} entries, not {rank}")
        rank = len(values)
    return rank or 0


# ---- Domains ----


def _plain(bound: Any) -> Any:
    return bound[0] if isinstance(bound, list) else bound


def _as_implicit_as(bound: Any, value: Any) -> Any:
    return [value] if isinstance(bound, list) else value


def _order(bound: Any) -> tuple[int, int]:
    """Compare by it: exact, where floats would not tell large integers apart."""
    value = _plain(bound)
    return (_INFINITE.index(value) * 2, 0) if value in _INFINITE else (1, value)


def _end(low: Any, given: Any, spelling: str, where: str) -> Any:
    """Give an exclusive upper bound for one that is spelled in another way."""
    value, least = _plain(given), _plain(low)
    if spelling == "exclusive":
        return given
    if spelling == "inclusive":
        end = value if value in _INFINITE else _integer(value + 1, where)
    elif value == "-inf":
        raise MessageError("invalid_json", f"{where}: no shape is below 0")
    elif value == "+inf" or least in _INFINITE:
        end = "+inf" if value == "+inf" else least
    else:
        end = _integer(least + value, where)
    return _as_implicit_as(given, end)


_SPELLINGS = {"exclusive_max": "exclusive", "inclusive_max": "inclusive", "shape": "shape"}


def _domain(message: Mapping[str, Any], prefix: str, declared: int | None = None) -> dict[str, Any]:
    """Read bounds and labels, whose members have that prefix."""
    given = [name for name in _SPELLINGS if prefix + name in message]
    if len(given) > 1:
        raise MessageError("multiple_upper_bounds", f"one of {', '.join(given)} is enough")
    low = _list(message, prefix + "inclusive_min", _bound)
    labels = _list(message, prefix + "labels", _label)
    high = _list(message, prefix + given[0], _bound) if given else None
    rank = _rank_of({"inclusive_min": low, "the upper bound": high, "labels": labels}, declared)
    if low is None:
        low = [0] * rank
    if high is None:
        high = [["+inf"]] * rank
    else:
        spelling = _SPELLINGS[given[0]]
        ends = zip(low, high, strict=True)
        high = [_end(a, b, spelling, f"{given[0]}[{i}]") for i, (a, b) in enumerate(ends)]
    for i, (first, end) in enumerate(zip(low, high, strict=True)):
        if _order(first) > _order(end):
            raise MessageError("bounds_out_of_order", f"dimension {i}: {first} to {end}")
    return _body(low, high, ["" for _ in low] if labels is None else labels, None)


def _body(low: list[Any], high: list[Any], labels: list[str], output: Any) -> dict[str, Any]:
    if output is None:
        output = [{"offset": 0, "stride": 1, "input_dimension": d} for d in range(len(low))]
    return {
        "input_rank": len(low),
        "input_inclusive_min": low,
        "input_exclusive_max": high,
        "input_labels": labels,
        "output": output,
    }


# ---- The kinds ----


def _point(message: Mapping[str, Any]) -> dict[str, Any]:
    coords = _list(message, "coords", _integer, needed=True) or []
    return _body([], [], [], [{"offset": at} for at in coords])


def _points(message: Mapping[str, Any]) -> dict[str, Any]:
    rows = _list(message, "coords", lambda v, where: _items(v, where, _integer), needed=True) or []
    rank = _rank_of({f"coords[{i}]": row for i, row in enumerate(rows)})
    columns = [[row[d] for row in rows] for d in range(rank)]
    return _body([0], [len(rows)], [""], [_index_map(0, 1, column) for column in columns])


def _index_map(offset: int, stride: int, listed: Any, bounds: Any = _INFINITE) -> dict[str, Any]:
    return {
        "offset": offset,
        "stride": stride,
        "index_array": listed,
        "index_array_bounds": list(bounds),
    }


def _box(message: Mapping[str, Any]) -> dict[str, Any]:
    return _domain(message, "")


def _slice(message: Mapping[str, Any]) -> dict[str, Any]:
    start = _list(message, "start", _integer, needed=True) or []
    stop = _list(message, "stop", _integer, needed=True) or []
    step = _list(message, "step", _integer)
    labels = _list(message, "labels", _label)
    rank = _rank_of({"start": start, "stop": stop, "step": step, "labels": labels})
    low, high, output = [], [], []
    for d, (a, b, s) in enumerate(zip(start, stop, step or [1] * rank, strict=True)):
        first, count = _lattice(a, b, s, d)
        low.append(_integer(first, f"the first position of dimension {d}"))
        high.append(_integer(first + count, f"the last position of dimension {d}"))
        output.append({"offset": a - s * first, "stride": s, "input_dimension": d})
    return _body(low, high, labels or [""] * rank, output)


def _lattice(start: int, stop: int, step: int, dim: int) -> tuple[int, int]:
    """Give the position of the first element, rounded towards 0, and how many there are."""
    if step == 0:
        raise MessageError("step_zero", f"in dimension {dim}")
    length = stop - start if step > 0 else start - stop
    if length < 0:
        raise MessageError(
            "bounds_out_of_order",
            f"dimension {dim} runs from {start} to {stop} by {step}; nothing is stop == start",
        )
    first = abs(start) // abs(step)
    return first if (start < 0) == (step < 0) else -first, -(-length // abs(step))


def _transform(message: Mapping[str, Any]) -> dict[str, Any]:
    declared = message.get("input_rank")
    if "input_rank" in message:
        declared = _integer(declared, "input_rank")
        if not 0 <= declared <= _MOST_DIMENSIONS:
            raise MessageError("invalid_json", f"input_rank {declared}: 0 to {_MOST_DIMENSIONS}")
    body = _domain(message, "input_", declared)
    output = _list(message, "output", _output_map)
    if output is None:
        return body
    for d, each in enumerate(output):
        if each.get("input_dimension", -1) >= body["input_rank"]:
            raise MessageError("rank_mismatch", f"output[{d}]: there is no such input_dimension")
    return {**body, "output": output}


_MAP_FIELDS = ("offset", "stride", "input_dimension", "index_array", "index_array_bounds")


def _output_map(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise MessageError("invalid_json", f"{where} must be an object, not {value!r}")
    _refuse_others(value, _MAP_FIELDS, where)
    if "input_dimension" in value and "index_array" in value:
        raise MessageError("output_map_conflict", f"{where} is by a dimension and by a list")
    offset = _integer(value.get("offset", 0), f"{where}.offset")
    if "input_dimension" not in value and "index_array" not in value:
        return {"offset": offset}
    stride = _integer(value.get("stride", 1), f"{where}.stride")
    if "index_array" in value:
        bounds = _index_bounds(value.get("index_array_bounds", list(_INFINITE)), where)
        return _index_map(offset, stride, value["index_array"], bounds)
    dim = _integer(value["input_dimension"], f"{where}.input_dimension")
    if dim < 0:
        raise MessageError("invalid_json", f"{where}.input_dimension is {dim}")
    return {"offset": offset, "stride": stride, "input_dimension": dim}


def _index_bounds(value: Any, where: str) -> list[Any]:
    bounds = _items(value, f"{where}.index_array_bounds", _bound)
    if len(bounds) != 2 or any(isinstance(bound, list) for bound in bounds):
        raise MessageError("invalid_json", f"{where}.index_array_bounds is a pair")
    if _order(bounds[0]) > _order(bounds[1]):
        raise MessageError("bounds_out_of_order", f"{where}.index_array_bounds: {bounds}")
    return bounds


_BOUNDS = ("inclusive_min", *_SPELLINGS, "labels")
_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "point": (("coords",), _point),
    "points": (("coords",), _points),
    "box": (_BOUNDS, _box),
    "slice": (("start", "stop", "step", "labels"), _slice),
    "transform": (("input_rank", *(f"input_{n}" for n in _BOUNDS), "output"), _transform),
}
