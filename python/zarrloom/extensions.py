"""Codecs and data types of Python packages: finding them by name. They run in `python_codecs`.

The core asks here, from any thread and with the GIL, for names that it does not know itself.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from zarrloom import _core
from zarrloom.errors import InvalidArgumentError
from zarrloom.fill_values import fill_bytes
from zarrloom.python_codecs import BridgedCodec, NumcodecsCodec, ZarrCodec

_NUMCODECS = "numcodecs."
_codecs: dict[
    str, type[Any]
] = {}  # by format 3 name; entries are only added (atomic under the GIL)
_data_types: dict[str, RegisteredType] = {}  # the same


def register_codec(codec: type[Any], name: str | None = None) -> None:
    """Make a codec that is written in Python known, for arrays that are opened from now on.

    Codecs that are registered with numcodecs (`numcodecs.registry`, entry points
    ``numcodecs.codecs``) or with zarr-python (`zarr.registry`, entry points ``zarr.codecs``) are
    found by themselves. Built-in codecs win over those in Python. A codec in Python runs under the
    GIL, perhaps on several threads by turns, and `Array.info` says so.

    Parameters
    ----------
    codec : type
        A subclass of `numcodecs.abc.Codec`, or of zarr-python's ``BytesBytesCodec``,
        ``ArrayBytesCodec`` or ``ArrayArrayCodec``. Its methods are called from many threads, one
        after another.
    name : str, optional
        In format 3. Default: "numcodecs." and the ``codec_id`` of a codec for numcodecs; codecs for
        zarr-python need one. A codec for numcodecs is also known to format 2, as its ``codec_id``.

    Raises
    ------
    InvalidArgumentError
        The class is no codec, has no name, or zarrloom has a codec of that name built in.
    """
    if hasattr(codec, "from_config") and getattr(codec, "codec_id", None):
        name = name or _NUMCODECS + codec.codec_id
    elif not hasattr(codec, "from_dict"):
        raise InvalidArgumentError(f"{codec!r} is no codec for numcodecs or zarr-python")
    if not name:
        raise InvalidArgumentError(f"{codec!r} needs a name")
    if name in _core.codec_names():
        raise InvalidArgumentError(f'zarrloom has a codec "{name}" of its own')
    _codecs[name] = codec


def register_data_type(name: str, dtype: npt.DTypeLike) -> None:
    """Make a name of a data type known, for arrays that are opened from now on.

    Elements are those of a numpy type of fixed size, moved and stored as its bytes; the fill value
    is written as that type's. ``create_array(dtype=name)`` makes arrays of it. Data types that are
    registered with zarr-python (entry points ``zarr.data_type``) are found by themselves in format
    3, if they are numpy types of fixed size; arrays of them are made by zarr-python.

    Parameters
    ----------
    name : str
        What metadata calls it, in both formats.
    dtype : numpy dtype
        What its elements are in memory: bool, a number, text or bytes of fixed length, a date, or
        opaque bytes such as "V12".

    Raises
    ------
    InvalidArgumentError
        The name is one that zarrloom knows, or the numpy type is not of that kind.
    """
    from zarrloom.creation import dtype_name

    kind = np.dtype(dtype)
    if kind.hasobject or kind.fields is not None or kind.subdtype is not None:
        raise InvalidArgumentError(f"elements of {kind} cannot be had under another name")
    if not name or _core.is_dtype_name(name):
        raise InvalidArgumentError(f'"{name}" is no new name of a data type')
    _data_types[name] = RegisteredType(kind.newbyteorder("="), dtype_name(kind))


class RegisteredType:
    """A name for a numpy type; fill values as the core has them for that type."""

    def __init__(self, dtype: np.dtype[Any], base: str) -> None:
        self.dtype = dtype
        self.base = base

    def parse_fill(self, text: str, zarr_format: int) -> bytes:
        """Give the bytes of one element; `text` is JSON."""
        return _core.parse_fill_value(text, self.base, zarr_format)

    def write_fill(self, element: bytes, zarr_format: int) -> str:
        """Give the JSON."""
        return _core.write_fill_value(element, self.base, zarr_format)


class ZarrType(RegisteredType):
    """A data type of zarr-python's registry."""

    def __init__(self, type_: Any, base: str) -> None:
        super().__init__(type_.to_native_dtype().newbyteorder("="), base)
        self._type = type_

    def parse_fill(self, text: str, zarr_format: int) -> bytes:
        """As the type reads it."""
        value = self._type.from_json_scalar(json.loads(text), zarr_format=zarr_format)
        element = fill_bytes(value, self.dtype)
        assert element is not None
        return element

    def write_fill(self, element: bytes, zarr_format: int) -> str:
        """As the type writes it."""
        value = np.frombuffer(element, self.dtype)[0]
        return json.dumps(self._type.to_json_scalar(value, zarr_format=zarr_format))


# ---- What the core asks ----


def find_codec(name: str, zarr_format: int) -> str | None:
    """Give the format 3 name of a codec that somebody knows, or None."""
    if zarr_format == 2:
        name = _NUMCODECS + name
    known = _codecs.get(name) or _numcodecs_class(name) or _zarr_class(name)
    return name if known else None


def make_codec(
    name: str,
    configuration: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    fill_value: bytes,
    serialized: str,
) -> BridgedCodec:
    """Make a codec for one kind of chunk."""
    given = json.loads(configuration)
    registered = _codecs.get(name)
    if registered is None and serialized != "no":
        registered = _numcodecs_class(name)  # format 2's own; what format 3 calls the same
    cls = registered or _zarr_class(name) or _numcodecs_class(name)
    if cls is None:
        raise InvalidArgumentError(f'codec "{name}" is registered no longer')
    if hasattr(cls, "from_config"):
        return NumcodecsCodec(cls.from_config(given), shape, dtype, serialized)
    fill = np.frombuffer(fill_value, dtype)[0]
    return ZarrCodec(cls, name, given, shape, dtype, fill)


def find_data_type(name: str, configuration: str) -> RegisteredType | None:
    """Give the data type of that name that somebody has registered, or None."""
    registered = _data_types.get(name)
    if registered is not None and configuration == "{}":
        return registered
    if _core.is_dtype_name(name) or name in _NATIVE_TYPES or not _has("zarr"):
        return None
    return _find_zarr_type(name, json.loads(configuration))


def dtype_of(name: str, configuration: str) -> np.dtype[Any]:
    """Give the numpy type of a data type that was found."""
    found = find_data_type(name, configuration)
    if found is None:
        raise InvalidArgumentError(f'data type "{name}" is registered no longer')
    return found.dtype


# Names of format 3 that the core knows and numpy does not.
_NATIVE_TYPES = {
    "raw_bytes",
    "null_terminated_bytes",
    "fixed_length_utf32",
    "string",
    "bytes",
    "variable_length_bytes",
    "structured",
    "struct",
    "numpy.datetime64",
    "numpy.timedelta64",
}


def _find_zarr_type(name: str, configuration: dict[str, Any]) -> ZarrType | None:
    from zarrloom.creation import dtype_name

    registry = importlib.import_module("zarr.core.dtype").data_type_registry
    spelled = {"name": name, "configuration": configuration} if configuration else name
    try:
        found = registry.match_json(spelled, zarr_format=3)
    except (ValueError, TypeError, KeyError):  # what it raises for a name that it does not know
        return None
    dtype = found.to_native_dtype()
    fixed = isinstance(dtype, np.dtype) and not dtype.hasobject and dtype.itemsize > 0
    if not fixed or dtype.fields is not None or dtype.kind == "T":
        return None
    return ZarrType(found, dtype_name(dtype))


def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _zarr_class(name: str) -> type[Any] | None:
    """Ask zarr-python, also for its entry points."""
    if not _has("zarr"):
        return None
    registry = importlib.import_module("zarr.registry")
    if not hasattr(registry, "get_codec_class"):  # zarr-python 2
        return None
    try:
        found: type[Any] = registry.get_codec_class(name)
    except (KeyError, ValueError):
        return None
    # zarr-python has classes for all codecs of numcodecs, also for those whose library is missing.
    theirs = name.startswith(_NUMCODECS) and found.__module__.startswith(("zarr.", "numcodecs."))
    return None if theirs and _numcodecs_class(name) is None else found


def _numcodecs_class(name: str) -> type[Any] | None:
    """Ask numcodecs, also for its entry points."""
    if not name.startswith(_NUMCODECS) or not _has("numcodecs"):
        return None
    registry = importlib.import_module("numcodecs.registry")
    codec_id = name.removeprefix(_NUMCODECS)
    found: type[Any] | None = registry.codec_registry.get(codec_id)
    if found is None and codec_id in registry.entries:
        found = registry.entries[codec_id].load()
        registry.register_codec(found, codec_id=codec_id)
    return found
