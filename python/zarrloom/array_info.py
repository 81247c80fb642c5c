"""What an array is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from zarrloom import _core
from zarrloom.attributes import Attributes
from zarrloom.stores import Store
from zarrloom.variable import fill_value, is_variable

_SHARDS = "sharding_indexed"


class ArrayInfo:
    """The properties of an array, known since it was opened."""

    def __init__(self, native: _core.Array, store: Store, write_empty_chunks: bool = False) -> None:
        self._native = native
        self._store = store
        self._write_empty_chunks = write_empty_chunks
        self._shape = native.shape
        self._dtype = native.dtype
        self._variable = is_variable(native.dtype_name)
        store._prepare(native.path)

    # ---- What it is ----

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements in each dimension."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The elements' type, in native byte order whatever order is stored.

        Text of variable size is numpy's ``StringDType`` (from numpy 2 on), other elements of
        variable size are objects.
        """
        return self._dtype

    @property
    def chunks(self) -> tuple[int, ...]:
        """Elements of a chunk in each dimension.

        Raises
        ------
        UnsupportedError
            Chunks have not all one shape (chunk grid "rectilinear"): see `read_chunk_sizes`.
        """
        return self._native.chunks

    @property
    def shards(self) -> tuple[int, ...] | None:
        """Elements of a shard in each dimension: what is stored as one object, of many chunks.

        None where each chunk is stored by itself.

        Raises
        ------
        UnsupportedError
            Shards have not all one shape (chunk grid "rectilinear"): see `write_chunk_sizes`.
        """
        return self._native.shards

    @property
    def read_chunk_sizes(self) -> tuple[tuple[int, ...], ...]:
        """Elements of each chunk along each dimension, clipped at the array's edge.

        What dask calls ``chunks``. Of an array with shards the chunks in them.
        """
        return self._native.chunk_sizes(by_shard=False)

    @property
    def write_chunk_sizes(self) -> tuple[tuple[int, ...], ...]:
        """Elements of each shard along each dimension, of each chunk where there are no shards."""
        return self._native.chunk_sizes(by_shard=True)

    @property
    def has_shards(self) -> bool:
        """Whether many chunks are stored as one object."""
        return self._native.has_shards

    def _creation_grid(self) -> dict[str, Any]:
        """Give the grid as `create_array` takes it."""
        sizes = self._native.rectilinear
        if sizes is None:
            return {"chunks": self.chunks, "shards": self.shards}
        if self.has_shards:
            return {"chunks": self.chunks, "shards": json.loads(sizes)}
        return {"chunks": json.loads(sizes), "shards": None}

    def _described_grid(self) -> dict[str, Any]:
        grid = self._creation_grid()
        return {"Chunks": grid["chunks"], **({"Shards": grid["shards"]} if self.has_shards else {})}

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self._shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements, not compressed."""
        return self.size * self._dtype.itemsize

    @property
    def cdata_shape(self) -> tuple[int, ...]:
        """Chunks in each dimension."""
        return self._native.grid

    @property
    def nchunks(self) -> int:
        """Number of chunks, stored or not."""
        return math.prod(self._native.grid)

    @property
    def attrs(self) -> Attributes:
        """The attributes; changes are stored at once."""
        return Attributes(self._native)

    @property
    def fill_value(self) -> Any:
        """What elements of missing chunks are."""
        if self._variable:
            return fill_value(self._native.fill_value, self._native.dtype_name)
        return np.frombuffer(self._native.fill_value, self._dtype)[0]

    @property
    def dimension_names(self) -> tuple[str | None, ...] | None:
        """A name or None for each dimension; None if the metadata has none."""
        names = self._native.dimension_names
        return None if names is None else tuple(names)

    @property
    def codecs(self) -> tuple[dict[str, Any], ...]:
        """The whole codec chain as format 3 writes it, for format 2 too."""
        return tuple(json.loads(self._native.codecs_json))

    @property
    def filters(self) -> tuple[dict[str, Any], ...]:
        """The codecs ahead of the serializer (array to array)."""
        return self._split_codecs()[0]

    @property
    def serializer(self) -> dict[str, Any]:
        """The codec that turns elements into bytes."""
        return self._split_codecs()[1]

    @property
    def compressors(self) -> tuple[dict[str, Any], ...]:
        """The codecs behind the serializer (bytes to bytes)."""
        return self._split_codecs()[2]

    def _split_codecs(
        self,
    ) -> tuple[tuple[dict[str, Any], ...], dict[str, Any], tuple[dict[str, Any], ...]]:
        codecs = self.codecs
        if self.has_shards:
            configuration = next(c for c in codecs if c["name"] == _SHARDS)["configuration"]
            codecs = tuple(configuration["codecs"])
        at = self._native.serializer_index
        return codecs[:at], codecs[at], codecs[at + 1 :]

    @property
    def zarr_format(self) -> int:
        """2 or 3."""
        return self._native.zarr_format

    @property
    def order(self) -> str:
        """The order of elements inside chunks of format 2, "C" or "F"; "C" in format 3."""
        return self._native.v2_order

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata document (``zarr.json`` or ``.zarray``) as it was when opened."""
        document: dict[str, Any] = json.loads(self._native.metadata_json)
        return document

    @property
    def store(self) -> Store:
        """Where it lies."""
        return self._store

    @property
    def path(self) -> str:
        """Its path in the store, "" at the root."""
        return self._native.path

    @property
    def name(self) -> str:
        """The path with a leading slash."""
        return "/" + self.path

    @property
    def read_only(self) -> bool:
        """Whether writing is refused."""
        return self._native.read_only

    @property
    def python_codecs(self) -> tuple[str, ...]:
        """Names of the codecs that are written in Python: they run one at a time, under the GIL."""
        known = _core.codec_names()
        return tuple(name for name in _names(self.codecs) if name not in known)

    @property
    def info(self) -> str:
        """A table of what it is, for people to read."""
        slow = self.python_codecs
        rows = {
            "Place": self._native.store.locate(self.path),
            "Zarr format": self.zarr_format,
            "Shape": self.shape,
            **self._described_grid(),
            "Data type": self.dtype,
            "Fill value": self.fill_value,
            "Codecs": " > ".join(codec["name"] for codec in self.codecs),
            **({"Slow codecs": f"{', '.join(slow)} (in Python, under the GIL)"} if slow else {}),
            "Read-only": self.read_only,
            "Number of chunks": self.nchunks,
            "Bytes": f"{self.nbytes} ({self.nbytes / 2**20:.1f} MiB)",
        }
        return "\n".join(f"{name:17}: {value}" for name, value in rows.items())

    def __repr__(self) -> str:
        place = self._native.store.locate(self.path)
        return f"<zarrloom.Array {place} shape={self.shape} dtype={self.dtype}>"

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("len() of unsized object")
        return self._shape[0]


def _names(codecs: Iterable[dict[str, Any]]) -> Iterator[str]:
    for codec in codecs:
        yield codec["name"]
        if codec["name"] == _SHARDS:
            yield from _names(codec["configuration"]["codecs"])
