"""Codecs in Python as the core sees them: bytes in, bytes out.

`encode` and `decode` are called with the GIL, from threads of the core or of the caller.
"""

from __future__ import annotations

import functools
import importlib
import json
from typing import Any, Protocol

import numpy as np

from zarrloom.errors import CorruptDataError, InvalidArgumentError, UnsupportedError


class BridgedCodec(Protocol):
    """What the core needs of a codec."""

    kind: str  # "bytes-bytes", "array-bytes" or "array-array"
    configuration: str  # JSON, complete
    encoded: tuple[tuple[int, ...], str, bytes] | None  # array-array: shape, dtype, fill value

    def encode(self, data: bytearray) -> bytes:
        """Encode the elements or bytes, which are the codec's to keep."""

    def decode(self, data: bytearray) -> bytes:
        """The reverse."""


def plain_json(configuration: dict[str, Any]) -> str:
    """Write what a codec says of itself."""
    try:
        return json.dumps(configuration, default=_plain)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"its configuration is no JSON: {error}") from None


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "value"):  # an enumeration
        return value.value
    raise TypeError(f"{value!r}")


def _bytes_of(result: Any) -> bytes:
    """Give the memory of what a codec for numcodecs returns, in the order that it has."""
    array = result if isinstance(result, np.ndarray) else np.frombuffer(result, np.uint8)
    if array.dtype.hasobject:
        raise UnsupportedError("it gave Python objects")
    return array.tobytes(order="A")


class NumcodecsCodec:
    """A `numcodecs.abc.Codec`, as a filter or compressor.

    The first codec behind the elements is given an array of the chunk's shape and type, as
    zarr-python gives it in format 2; all others are given bytes.
    """

    kind = "bytes-bytes"
    encoded: tuple[tuple[int, ...], str, bytes] | None = None

    def __init__(
        self, codec: Any, shape: tuple[int, ...], dtype: np.dtype[Any], serialized: str
    ) -> None:
        if serialized == "no":
            raise UnsupportedError(
                "codecs for numcodecs stand behind the serializer in format 3; one that works on "
                "arrays needs a class for zarr-python"
            )
        self._codec = codec
        self._shape = shape if serialized in ("native", "swapped") else (-1,)
        self._dtype = dtype if serialized == "native" else np.dtype("u1")
        if serialized == "swapped":
            self._dtype = dtype.newbyteorder()
        configuration = dict(codec.get_config())
        configuration.pop("id", None)
        self.configuration = plain_json(configuration)

    def encode(self, data: bytearray) -> bytes:
        """Encode the elements or bytes."""
        return _bytes_of(self._codec.encode(np.frombuffer(data, self._dtype).reshape(self._shape)))

    def decode(self, data: bytearray) -> bytes:
        """Give the elements or bytes."""
        return _bytes_of(self._codec.decode(data))


class ZarrCodec:
    """A codec of zarr-python's classes for format 3."""

    def __init__(
        self,
        cls: type[Any],
        name: str,
        configuration: dict[str, Any],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        fill_value: Any,
    ) -> None:
        abc = importlib.import_module("zarr.abc.codec")
        kinds = {
            "bytes-bytes": abc.BytesBytesCodec,
            "array-bytes": abc.ArrayBytesCodec,
            "array-array": abc.ArrayArrayCodec,
        }
        self.kind = next((kind for kind, base in kinds.items() if issubclass(cls, base)), "")
        if not self.kind:
            raise UnsupportedError(f"{cls!r} is no codec of zarr-python 3")
        self._spec = _array_spec(shape, dtype, fill_value)
        named = {"name": name, "configuration": configuration}
        self._codec = cls.from_dict(named).evolve_from_array_spec(self._spec)
        self.configuration = plain_json(self._codec.to_dict().get("configuration", {}))
        self.encoded: tuple[tuple[int, ...], str, bytes] | None = None
        self._encoded_spec = self._codec.resolve_metadata(self._spec)
        if self.kind == "array-array":
            self.encoded = _spec_of(self._encoded_spec)

    def encode(self, data: bytearray) -> bytes:
        """Encode one chunk."""
        given = self._bytes(data) if self.kind == "bytes-bytes" else self._array(data, self._spec)
        result = _run(self._codec.encode, given, self._spec)
        if self.kind == "array-array":
            return self._elements(result, self._encoded_spec)
        return bytes(result.to_bytes())

    def decode(self, data: bytearray) -> bytes:
        """Decode one chunk."""
        given = (
            self._array(data, self._encoded_spec)
            if self.kind == "array-array"
            else self._bytes(data)
        )
        result = _run(self._codec.decode, given, self._spec)
        if self.kind == "bytes-bytes":
            return bytes(result.to_bytes())
        return self._elements(result, self._spec)

    def _bytes(self, data: bytearray) -> Any:
        return self._spec.prototype.buffer.from_bytes(data)

    def _array(self, data: bytearray, spec: Any) -> Any:
        array = np.frombuffer(data, _native_dtype(spec)).reshape(spec.shape)
        return spec.prototype.nd_buffer.from_numpy_array(array)

    def _elements(self, result: Any, spec: Any) -> bytes:
        array = result.as_numpy_array()
        if array.shape != spec.shape:
            raise CorruptDataError(f"an array of shape {array.shape} came out, not {spec.shape}")
        return np.ascontiguousarray(array, _native_dtype(spec)).tobytes()


def _native_dtype(spec: Any) -> np.dtype[Any]:
    native = spec.dtype.to_native_dtype() if hasattr(spec.dtype, "to_native_dtype") else spec.dtype
    dtype: np.dtype[Any] = np.dtype(native).newbyteorder("=")
    return dtype


def _array_spec(shape: tuple[int, ...], dtype: np.dtype[Any], fill_value: Any) -> Any:
    spec = importlib.import_module("zarr.core.array_spec")
    buffer = importlib.import_module("zarr.core.buffer")
    types = importlib.import_module("zarr.core.dtype")
    return spec.ArraySpec(
        shape=shape,
        dtype=types.get_data_type_from_native_dtype(dtype),
        fill_value=fill_value,
        config=spec.ArrayConfig.from_dict({"order": "C", "write_empty_chunks": True}),
        prototype=buffer.default_buffer_prototype(),
    )


def _spec_of(spec: Any) -> tuple[tuple[int, ...], str, bytes]:
    from zarrloom.creation import dtype_name

    dtype = _native_dtype(spec)
    fill = np.zeros((), dtype) if spec.fill_value is None else np.asarray(spec.fill_value)
    return tuple(spec.shape), dtype_name(dtype), fill.astype(dtype).tobytes()


def _run(method: Any, data: Any, spec: Any) -> Any:
    """Run an asynchronous method on one chunk, on zarr-python's own event loop."""
    result = next(iter(_sync()(method([(data, spec)]))))
    if result is None:
        raise UnsupportedError("it gave nothing for a chunk")
    return result


@functools.cache
def _sync() -> Any:
    return importlib.import_module("zarr.core.sync").sync
