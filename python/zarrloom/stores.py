"""Where arrays lie."""

from __future__ import annotations

import os
from typing import Any

from zarrloom import _core


class Store:
    """A place that maps keys to objects (bytes). Use `FileStore` or `MemoryStore`."""

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
                os.fspath(path),
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


StoreLike = Store | str | os.PathLike[str]


def to_store(store: StoreLike) -> Store:
    """Turn a path, a ``file://`` or ``memory://`` URL or a store into a store."""
    if isinstance(store, Store):
        return store
    if not isinstance(store, str | os.PathLike):
        raise TypeError(
            f"a store is a path, a URL, FileStore(...) or MemoryStore(), not {type(store).__name__}"
        )
    if isinstance(store, os.PathLike) or not str(store).startswith("memory://"):
        return FileStore(store)
    return MemoryStore()
