"""Single chunks of an array, and what is stored of it."""

from __future__ import annotations

import math
from typing import Any

from zarrloom.array_selections import ArraySelections

ChunkIndex = tuple[int, ...]


class ArrayChunks(ArraySelections):
    """An array as the chunks that are stored."""

    def chunk_bounds(self, chunk_index: ChunkIndex) -> tuple[slice, ...]:
        """Give the slices of the array that a chunk holds, clipped at the array's edge."""
        return self._native.chunk_bounds(chunk_index)

    def chunk_key(self, chunk_index: ChunkIndex) -> str:
        """Give the key under which a chunk is stored: that of its shard, where there are shards."""
        return self._native.chunk_key(chunk_index)

    def chunk_exists(self, chunk_index: ChunkIndex) -> bool:
        """Say whether a chunk is stored. One that is not reads as fill values."""
        return self._native.chunk_exists(chunk_index)

    def delete_chunk(self, chunk_index: ChunkIndex) -> None:
        """Make a chunk's elements fill values, of which nothing is stored.

        A chunk inside a shard is taken out of it; the others stay encoded as they are.
        """
        self._native.delete_chunk(chunk_index)

    def read_raw_chunk(self, chunk_index: ChunkIndex) -> bytes | None:
        """Read a chunk as it is stored, encoded.

        Parameters
        ----------
        chunk_index : tuple of int
            Its place in the chunk grid; of an inner chunk, where there are shards.

        Returns
        -------
        bytes or None
            None if it is not stored.
        """
        return self._native.read_raw_chunk(chunk_index)

    def write_raw_chunk(self, chunk_index: ChunkIndex, data: bytes) -> None:
        """Store encoded bytes as a chunk, as they are.

        Parameters
        ----------
        chunk_index : tuple of int
            Its place in the chunk grid; of an inner chunk, where there are shards.
        data : bytes
            What the array's codecs decode to a chunk. They are decoded once, as a check.

        Raises
        ------
        CorruptDataError
            The bytes cannot be decoded; nothing is stored.
        """
        self._native.write_raw_chunk(chunk_index, bytes(data))

    def fill(self, value: Any) -> None:
        """Set all elements to a value. Of chunks that hold nothing but fill values none is stored.

        Parameters
        ----------
        value : scalar
            Cast to the array's data type as numpy does.
        """
        self[...] = value

    @property
    def nchunks_initialized(self) -> int:
        """Number of chunks that are stored; inner chunks count by themselves.

        Counted each time, by one listing, and by reading the index of each shard.
        """
        return self._native.count_stored()[1]

    def nbytes_stored(self) -> int:
        """Count the bytes of all stored chunks or shards, without metadata."""
        return self._native.count_stored()[2]

    def info_complete(self) -> str:
        """Make the table of `info`, and what is stored: looks at every stored chunk or shard."""
        objects, chunks, stored = self._native.count_stored()
        rows = {
            **(
                {"Shards stored": f"{objects} of {math.prod(self._native.object_grid)}"}
                if self.has_shards
                else {}
            ),
            "Chunks stored": f"{chunks} of {self.nchunks}",
            "Bytes stored": f"{stored} ({stored / 2**20:.1f} MiB)",
            "Storage ratio": f"{self.nbytes / stored:.1f}" if stored else "-",
        }
        return "\n".join([self.info, *(f"{name:17}: {value}" for name, value in rows.items())])
