"""Where arrays lie."""

from __future__ import annotations

import atexit
import logging
import os
import re
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal

from zarrloom import _core
from zarrloom.errors import InvalidArgumentError, ZarrloomError


class Store:
    """A place that maps keys to objects (bytes): `FileStore`, `MemoryStore`, `ZipStore`."""

    def __init__(self, native: _core.Store) -> None:
        self._native = native

    def read(self, key: str) -> bytes | None:
        """Give the object at `key`, None if there is none."""
        return self._native.read(key)

    def write(self, key: str, value: bytes) -> None:
        """Store an object. Readers see the old one or the new one, never a mixture."""
        self._native.write(key, value)

    def erase(self, key: str) -> None:
        """Erase an object. No error if there is none."""
        self._native.erase(key)

    def exists(self, key: str) -> bool:
        """Whether there is an object at `key`."""
        return self._native.exists(key)

    def list(self, prefix: str = "") -> list[str]:
        """Give the keys below `prefix`, relative to it, sorted."""
        return self._native.list(prefix)

    def flush(self) -> None:
        """Let others see what was written. Only zip archives wait with that."""

    def _prepare(self, path: str) -> None:
        """Get ready for an array to be read; only references that are loaded late need that."""

    def delayed(self, seconds: float) -> Store:
        """Give this store with a latency added to every request, to try out one that is far away.

        Reads answer later, as from object storage: any number of them are in flight without a
        thread for each.
        """
        return _PacedStore(self, "make_latency_store", (seconds,))

    def limited(self, requests_per_second: float, burst: float | None = None) -> Store:
        """Give this store with a limit to its requests per second; others wait for their turn.

        Parameters
        ----------
        requests_per_second : float
            Over all threads and arrays that use the store that is returned.
        burst : float, optional
            How many may go at once after a rest. Default: those of a tenth of a second.
        """
        return _PacedStore(self, "make_rate_limited_store", (requests_per_second, burst))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._native.locate('')}>"


class _PacedStore(Store):
    """A store around another one."""

    def __init__(self, inner: Store, make: str, arguments: tuple[Any, ...]) -> None:
        self._made_by = (inner, make, arguments)
        super().__init__(getattr(_core, make)(inner._native, *arguments))

    def flush(self) -> None:
        self._made_by[0].flush()

    def _prepare(self, path: str) -> None:
        self._made_by[0]._prepare(path)

    def __reduce__(self) -> Any:
        return _PacedStore, self._made_by


class MemoryStore(Store):
    """A store in this process's memory, forgotten with its last handle."""

    def __init__(self) -> None:
        super().__init__(_core.make_memory_store())

    def __reduce__(self) -> Any:
        raise TypeError("a memory store lives in one process and cannot be pickled")


class FileStore(Store):
    """A folder. It is made by the first write.

    Parameters
    ----------
    path : str or os.PathLike
        The folder, or a ``file://`` URL.
    read_only : bool, default False
        Refuse to write.
    fsync : bool, default False
        Return from writing only when the bytes are on the disk. Without it a chunk is whole after a
        crash of the process, but a crash of the machine may lose the latest ones.
    follow_symlinks : bool, default True
        Whether a symbolic link below the folder may lead out of it. Set False for folders that you
        do not trust.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        fsync: bool = False,
        follow_symlinks: bool = True,
    ) -> None:
        self._arguments = (os.fspath(path), read_only, fsync, follow_symlinks)
        super().__init__(
            _core.open_store(
                _folder_url(os.fspath(path)),
                read_only=read_only,
                fsync=fsync,
                follow_symlinks=follow_symlinks,
            )
        )

    @property
    def path(self) -> str:
        """The folder as it was given."""
        return self._arguments[0]

    def __reduce__(self) -> Any:
        return _file_store, (os.path.abspath(_plain(self.path)), *self._arguments[1:])


def _plain(path: str) -> str:
    return path.removeprefix("file://")


def _file_store(path: str, read_only: bool, fsync: bool, follow_symlinks: bool) -> FileStore:
    return FileStore(path, read_only=read_only, fsync=fsync, follow_symlinks=follow_symlinks)


def _is_url(text: str) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def _folder_url(path: str) -> str:
    """Name a folder so that nothing else is made of it, whatever it is called."""
    return path if not path or _is_url(path) else "file://" + os.path.abspath(path)


class ZipStore(Store):
    """A zip archive.

    What is written goes behind the old members; `flush` and `close` write the directory that makes
    it a part of the archive. Until then others see the archive as it was, and so they do after a
    crash. Close the store, or use it as a context manager; it is also closed at the end of the
    process and with its last array. Room of objects that were replaced is not used again.

    Parameters
    ----------
    path : str or os.PathLike
        The archive, or a ``zip://`` URL.
    mode : {"a", "r", "w", "x"}, default "a"
        "r" reads only; "a" reads and appends, and makes the archive if it is not there; "w" makes a
        new one, which takes the old one's place when it is flushed; "x" makes one and fails if
        something is there.
    compression : {"stored", "deflated"}, default "stored"
        How new members are kept. Chunks are compressed by their codecs already.
    fsync : bool, default False
        Return from `flush` and `close` only when the archive is on the disk.
    inflate_limit : int, default 1 GiB
        Refuse deflated members that are larger, in bytes.

    Raises
    ------
    NodeNotFoundError, NodeExistsError
        The archive is not there (mode "r"), or it is (mode "x").
    ConflictError
        Another handle, in any process, has it open for writing.
    CorruptDataError
        It is no zip archive, or a damaged one.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        mode: ZipMode = "a",
        compression: Literal["stored", "deflated"] = "stored",
        fsync: bool = False,
        inflate_limit: int = 1 << 30,
    ) -> None:
        if mode not in ("a", "r", "w", "x"):
            raise InvalidArgumentError(f"mode must be a, r, w or x, not {mode!r}")
        if compression not in ("stored", "deflated"):
            raise InvalidArgumentError(
                f'compression must be "stored" or "deflated", not {compression!r}'
            )
        self._start(os.fspath(path), mode, compression == "deflated", fsync, inflate_limit)

    def _start(self, path: str, mode: str, deflate: bool, fsync: bool, inflate_limit: int) -> None:
        self._path = path.removeprefix("zip://")
        self._zip = _core.make_zip_store(
            self._path, mode=mode, deflate=deflate, fsync=fsync, inflate_limit=inflate_limit
        )
        super().__init__(self._zip)
        self._closed = False
        if mode != "r":
            _open_zips[id(self)] = self

    @classmethod
    def _opened(cls, path: str) -> ZipStore:
        """Give the handle that may be writing the archive, or one that writes when it must."""
        real = os.path.realpath(path.removeprefix("zip://"))
        for known in _zips_to_close():
            if known._zip.is_writing() and os.path.realpath(known.path) == real:
                return known
        store = cls.__new__(cls)
        store._start(path, "on demand", False, False, 1 << 30)
        return store

    @property
    def path(self) -> str:
        """The archive as it was given."""
        return self._path

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def flush(self) -> None:
        """Make what was written a part of the archive. If it fails it may be tried again."""
        self._zip.flush()

    def close(self) -> None:
        """Flush, and give the file and its lock back. Reads and writes then fail."""
        self._zip.close()
        self._closed = True

    def __enter__(self) -> ZipStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> Any:
        """Another process reads the archive as it is now; only one writes."""
        if not self.closed:
            self.flush()
        return _read_zip, (os.path.abspath(self._path),)


ZipMode = Literal["a", "r", "w", "x"]

# Those that may have something to write.
_open_zips: weakref.WeakValueDictionary[int, ZipStore] = weakref.WeakValueDictionary()


def _zips_to_close() -> list[ZipStore]:
    # valuerefs() copies in one step, whatever other threads open meanwhile.
    return [zip for ref in _open_zips.valuerefs() if (zip := ref()) is not None]


@atexit.register
def _close_zips() -> None:
    for store in _zips_to_close():
        try:
            store.close()
        except ZarrloomError as error:
            logging.getLogger("zarrloom").error("not closed: %s", error)


def _read_zip(path: str) -> ZipStore:
    return ZipStore(path, mode="r")


StoreLike = Store | str | os.PathLike[str]


def to_store(store: StoreLike, storage_options: Mapping[str, Any] | None = None) -> Store:
    """Turn a path, a URL (file, zip, reference, memory, http, s3) or a store into a store."""
    if isinstance(store, str) and store.startswith(("http://", "https://", "s3://")):
        from zarrloom.remote import HttpStore, S3Store

        kind = S3Store if store.startswith("s3://") else HttpStore
        return kind(store, **(storage_options or {}))
    if storage_options:
        raise InvalidArgumentError("storage_options are for URLs of stores in the network")
    if isinstance(store, Store):
        return store
    if not isinstance(store, str | os.PathLike):
        raise TypeError(
            f"a store is a path, a URL, FileStore(...) or MemoryStore(), not {type(store).__name__}"
        )
    text = os.fspath(store)
    if isinstance(store, str) and text.startswith("memory://"):
        return MemoryStore()
    if _names_zip(text):
        return ZipStore._opened(text)
    if text.startswith("reference://"):
        from zarrloom.references import ReferenceStore

        return ReferenceStore(text)
    return FileStore(text)


def _names_zip(text: str) -> bool:
    if _is_url(text):
        return text.startswith("zip://")
    return text.endswith(".zip") and not os.path.isdir(text)
