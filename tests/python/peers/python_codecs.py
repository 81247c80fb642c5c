"""Codecs in Python, for the tests of the bridge; a module, so that entry points find it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numcodecs.abc
import numpy as np
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec


class Xor(numcodecs.abc.Codec):
    """All bytes turned over, with a byte of its own ahead."""

    codec_id = "test_xor"

    def __init__(self, mask: int = 255) -> None:
        self.mask = mask

    def encode(self, buf: Any) -> bytes:
        turned: np.ndarray[Any, Any] = ensure_contiguous_ndarray(buf).view("u1") ^ self.mask
        return b"X" + turned.tobytes()

    def decode(self, buf: Any, out: Any = None) -> Any:
        encoded = ensure_contiguous_ndarray(buf).view("u1")
        if encoded[:1].tobytes() != b"X":
            raise ValueError("no X ahead")
        decoded = encoded[1:] ^ self.mask
        return decoded if out is None else ndarray_copy(decoded, out)


class Halve(numcodecs.abc.Codec):
    """A filter that looks at the elements: it needs the chunk's type."""

    codec_id = "test_halve"

    def encode(self, buf: Any) -> Any:
        assert buf.dtype.kind == "i", buf.dtype
        assert buf.ndim > 0
        return (buf // 2).astype("<i2")

    def decode(self, buf: Any, out: Any = None) -> Any:
        decoded = np.frombuffer(buf, "<i2").astype("<i4") * 2
        return decoded if out is None else ndarray_copy(decoded, out)


@dataclass(frozen=True)
class _Named:
    name: ClassVar[str]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**data.get("configuration", {}))

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "configuration": dict(self.__dict__)}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        raise NotImplementedError


@dataclass(frozen=True)
class Reverse(_Named, BytesBytesCodec):
    """Bytes from the last to the first."""

    name = "test.reverse"
    is_fixed_size = False
    times: int = 1

    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        data = await asyncio.to_thread(lambda: bytes(chunk_data.to_bytes())[::-1])
        return chunk_spec.prototype.buffer.from_bytes(data)

    _decode_single = _encode_single


@dataclass(frozen=True)
class Text(_Named, ArrayBytesCodec):
    """Numbers as decimal digits."""

    name = "test.text"
    is_fixed_size = False
    separator: str = ","

    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        numbers = chunk_data.as_numpy_array().reshape(-1)
        text = self.separator.join(str(number) for number in numbers)
        return chunk_spec.prototype.buffer.from_bytes(text.encode())

    async def _decode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        numbers = bytes(chunk_data.to_bytes()).decode().split(self.separator)
        dtype = chunk_spec.dtype.to_native_dtype()
        array = np.array([int(number) for number in numbers], dtype).reshape(chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)


@dataclass(frozen=True)
class Widen(_Named, ArrayArrayCodec):
    """Elements as int64, negated."""

    name = "test.widen"
    is_fixed_size = True

    def resolve_metadata(self, chunk_spec: Any) -> Any:
        from zarr.core.dtype import Int64

        return replace(chunk_spec, dtype=Int64(), fill_value=np.int64(0))

    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_data.__class__(-chunk_data.as_numpy_array().astype("i8"))

    async def _decode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        dtype = chunk_spec.dtype.to_native_dtype()
        return chunk_data.__class__((-chunk_data.as_numpy_array()).astype(dtype))
