"""What zarrloom raises. Each class is also the built-in exception that one would expect."""

from __future__ import annotations

from collections.abc import Sequence


class ZarrloomError(Exception):
    """The base of all errors of zarrloom.

    Attributes
    ----------
    code : str
        What went wrong in the core's words ("corrupt_data"), "" for an error of the Python side.
    chunk_index : tuple of int or None
        The chunk's place in the chunk grid, where a single chunk is concerned.
    key : str or None
        The stored object's key in its store, where one is concerned.
    """

    code: str = ""
    chunk_index: tuple[int, ...] | None = None
    key: str | None = None


class InvalidArgumentError(ZarrloomError, ValueError):
    """Values that make no sense together."""


class SelectionError(ZarrloomError, IndexError):
    """An index or range outside the array, or of a kind that is not supported."""


class NodeNotFoundError(ZarrloomError, FileNotFoundError, KeyError):
    """There is no array, or no group, at this place."""


class NodeExistsError(ZarrloomError, FileExistsError):
    """Something is there already, and overwriting was not asked for."""


class CorruptDataError(ZarrloomError, ValueError):
    """Stored bytes are not what the metadata says: cut, too long, damaged, or of another codec."""


class MetadataError(CorruptDataError):
    """Metadata is not valid JSON, or breaks the Zarr specification."""


class UnsupportedError(ZarrloomError, NotImplementedError):
    """Valid, but not known to this version: a codec, a data type, an extension."""


class ReadOnlyError(ZarrloomError, ValueError):
    """The array or its store is open for reading only."""


class StorageError(ZarrloomError, OSError):
    """The store failed. ``errno`` is set where a system call did."""


class PermissionDeniedError(StorageError, PermissionError):
    """The store refused. Never taken for a missing chunk."""


class DeadlineError(ZarrloomError, TimeoutError):
    """Something took longer than it was given."""


class ConflictError(ZarrloomError):
    """A condition on a write did not hold: somebody else was faster."""


class CancelledError(ZarrloomError):
    """The work was given up on request."""


class FunctionError(ZarrloomError):
    """A native function said that it failed, by returning another number than 0."""


class OutOfMemoryError(ZarrloomError, MemoryError):
    """Memory for a chunk was not to be had."""


class ChunkError(ZarrloomError):
    """What happened to one chunk, where it stands in place of the chunk's data or result.

    Attributes
    ----------
    chunk_index, index : tuple of int
        The chunk's place in the chunk grid.
    key : str
        Where it is stored.
    cause : BaseException
        What was raised: by reading or decoding it, or by the function that was given it.
    """

    def __init__(
        self, message: str, index: tuple[int, ...], key: str, cause: BaseException
    ) -> None:
        super().__init__(message)
        self.chunk_index = index
        self.index = index
        self.key = key
        self.cause = cause
        self.__cause__ = cause
        self.code = getattr(cause, "code", "")

    def __reduce__(self) -> tuple[type[ChunkError], tuple[object, ...]]:
        return type(self), (str(self), self.index, self.key, self.cause)


class ChunkErrors(ZarrloomError, ExceptionGroup[ZarrloomError]):
    """Several chunks failed: `exceptions` has one error for each, which names its chunk and key."""

    def derive(self, excs: Sequence[ZarrloomError]) -> ChunkErrors:  # type: ignore[override]
        """Make a group of some of the errors, as ``except*`` needs it."""
        return ChunkErrors(self.message, excs)
