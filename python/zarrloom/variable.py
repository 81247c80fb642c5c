"""Elements of variable size: text, bytes and arrays of numbers, which numpy holds as objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from zarrloom.errors import InvalidArgumentError

_TEXT = "string"
_BYTES = "variable_length_bytes"
_NUMBERS = "variable_length_array"
_SPELLED = {str: _TEXT, "str": _TEXT, "string": _TEXT}
_SPELLED |= {bytes: _BYTES, "bytes": _BYTES, _BYTES: _BYTES}


def variable_name(dtype: Any, codecs: list[Any], data: Any) -> str | None:
    """Give the core's name of a type of variable size, or None for another dtype.

    What objects are is told by a codec, else by the data.
    """
    if isinstance(dtype, str | type) and dtype in _SPELLED:
        return _SPELLED[dtype]
    if isinstance(dtype, str) and dtype.startswith(_NUMBERS):
        return dtype
    try:
        kind = np.dtype(dtype).kind
    except TypeError:  # a name that numpy does not know
        return None
    if kind == "T":
        return _TEXT
    if kind != "O":
        return None
    return _by_codecs(codecs) or _by_data(data)


def _by_codecs(codecs: list[Any]) -> str | None:
    for codec in codecs:
        name = str(codec["name"]).removeprefix("numcodecs.")
        if name in ("vlen-utf8", "categorize"):
            return _TEXT
        if name == "vlen-bytes":
            return _BYTES
        if name == "vlen-array":
            return f"{_NUMBERS}[{np.dtype(codec['configuration']['dtype']).str}]"
    return None


def _by_data(data: Any) -> str:
    types = set() if data is None else {type(item) for item in np.asarray(data).flat}
    if types == {str}:
        return _TEXT
    if types == {bytes}:
        return _BYTES
    raise InvalidArgumentError(
        "dtype object does not tell what the objects are: give dtype "
        f'"{_TEXT}", "{_BYTES}" or "{_NUMBERS}[<i4]" (or any other type of numbers)'
    )


def numbers_dtype(name: str) -> np.dtype[Any]:
    """Give the type of the numbers in the elements of "variable_length_array[<i4]"."""
    return np.dtype(name.removeprefix(_NUMBERS)[1:-1])


def fill_bytes(fill_value: Any, name: str) -> bytes | None:
    """Give the bytes of a fill value."""
    if fill_value is None:
        return None
    if name == _TEXT and isinstance(fill_value, str):
        return fill_value.encode()
    if name == _BYTES and isinstance(fill_value, bytes):
        return fill_value
    if name.startswith(_NUMBERS):
        return np.atleast_1d(np.asarray(fill_value, numbers_dtype(name))).tobytes()
    raise InvalidArgumentError(f"fill_value {fill_value!r} is no element of type {name}")


def fill_value(content: bytes, name: str) -> Any:
    """Give a fill value of its bytes."""
    if name == _TEXT:
        return content.decode()
    return content if name == _BYTES else np.frombuffer(content, numbers_dtype(name))


def is_variable(name: str) -> bool:
    """Tell whether the core's type of this name has elements of variable size."""
    return name in (_TEXT, _BYTES) or name.startswith(_NUMBERS)


def as_objects(value: Any, name: str, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Cast what is assigned. An ndarray of numbers is one element, a list of them many."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "OT":
        return value
    if dtype.kind == "T":
        text: np.ndarray[Any, Any] = np.empty(
            np.shape(value),
            np.dtypes.StringDType(coerce=False),  # type: ignore[attr-defined,unused-ignore]
        )
        text[...] = value  # None is no text
        return text
    if name.startswith(_NUMBERS):
        return _arrays(value)
    objects: np.ndarray[Any, Any] = np.empty(np.shape(value), object)
    objects[...] = value
    return objects


def _arrays(value: Any) -> np.ndarray[Any, Any]:
    if not isinstance(value, list | tuple):
        one: np.ndarray[Any, Any] = np.empty((), object)
        one[()] = np.atleast_1d(value)
        return one
    many: np.ndarray[Any, Any] = np.empty(len(value), object)
    for i, item in enumerate(value):
        many[i] = np.atleast_1d(item)
    return many
