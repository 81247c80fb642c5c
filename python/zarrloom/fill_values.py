"""Fill values as the bytes of one element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zarrloom.errors import InvalidArgumentError, UnsupportedError


def is_ml_dtype(dtype: np.dtype[Any]) -> bool:
    """Say whether a dtype is of the package ml_dtypes: bfloat16, float8_e4m3fn, int4 and so on."""
    return dtype.type.__module__.partition(".")[0] == "ml_dtypes"


def ml_dtype(name: str) -> np.dtype[Any]:
    """Give a dtype of ml_dtypes by name."""
    try:
        import ml_dtypes
    except ImportError:
        raise UnsupportedError(
            f'data type "{name}" is held in arrays of the package ml_dtypes, which is not '
            "installed: pip install ml_dtypes"
        ) from None
    dtype: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
    return dtype


def fill_bytes(fill_value: Any, dtype: np.dtype[Any]) -> bytes | None:
    """Give an element of that dtype in native byte order, None for None."""
    if fill_value is None:
        return None
    if is_ml_dtype(dtype):
        return _ml_bytes(fill_value, dtype)
    native = dtype if dtype.fields is not None else dtype.newbyteorder("=")
    if native.kind in "iu":
        _check_integer(fill_value, native)
    if native.fields is not None:
        return np.array(fill_value, native).tobytes()
    if native.kind == "V":
        return bytes(fill_value) if isinstance(fill_value, bytes) else _void_bytes(fill_value)
    try:
        return np.asarray(fill_value).astype(native).tobytes()
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"fill_value {fill_value!r} is no {native}: {error}") from None


def _void_bytes(fill_value: Any) -> bytes:
    return np.asarray(fill_value).tobytes()


def _ml_bytes(fill_value: Any, dtype: np.dtype[Any]) -> bytes:
    """Round a float; refuse what becomes no number, infinite, or another integer."""
    if isinstance(fill_value, np.generic | np.ndarray) and fill_value.dtype == dtype:
        return fill_value.tobytes()  # a NaN's bits are kept
    try:
        wanted = float(fill_value)
        cast = np.asarray(wanted).astype(dtype)
        got = float(cast)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"fill_value {fill_value!r} is no {dtype}: {error}") from None
    if "float" in dtype.name:
        fits = got == wanted or math.isfinite(got) or (math.isnan(got) and math.isnan(wanted))
        fits &= math.isfinite(wanted) or not math.isfinite(got)
    else:
        fits = got == wanted
    if not fits:
        raise InvalidArgumentError(f"fill_value {fill_value!r} is no {dtype}")
    return cast.tobytes()


def _check_integer(fill_value: Any, dtype: np.dtype[Any]) -> None:
    """numpy's casts would wrap around or cut."""
    limits = np.iinfo(dtype)
    try:
        fits = int(fill_value) == fill_value and limits.min <= int(fill_value) <= limits.max
    except (TypeError, ValueError, OverflowError):  # a NaN, an infinity, text
        fits = False
    if not fits:
        raise InvalidArgumentError(f"fill_value {fill_value!r} is no {dtype}")
