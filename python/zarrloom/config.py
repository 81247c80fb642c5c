"""The limits of this process."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zarrloom import _core
from zarrloom.errors import InvalidArgumentError

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_bytes(size: int | str) -> int:
    """Read a number of bytes: 1000000, "512MiB", "2GiB", "64k" (all powers of 1024)."""
    match = re.fullmatch(r"\s*(\d+)\s*([kmgt]?)(i?b)?\s*", str(size).lower())
    if match is None:
        raise InvalidArgumentError(f"{size!r} is no number of bytes, such as 1000000 or '2GiB'")
    return int(match[1]) * _UNITS[match[2]]


def parse_io(value: Any) -> dict[str, int]:
    """Read requests in flight: a number for all kinds of stores, {"s3": 128} or "s3=128"."""
    kinds = _core.get_options()["io_concurrency"]
    if isinstance(value, str) and "=" in value:
        value = dict(part.split("=", 1) for part in value.split(","))
    if not isinstance(value, dict):
        value = dict.fromkeys(kinds, value)
    for kind in value:
        if kind not in kinds:
            raise InvalidArgumentError(
                f"there is no kind of store {kind!r} with a limit; there are {', '.join(kinds)}"
            )
    return {kind: _whole("io_concurrency", number) for kind, number in value.items()}


class Config:
    """Limits that hold for the whole process, over any number of threads that call.

    They are read and set as attributes; 0 stands for the default. Call the object for a context
    manager: ``with zarrloom.config(threads=1): ...``. The environment variables
    ``ZARRLOOM_THREADS``, ``ZARRLOOM_IO_CONCURRENCY``, ``ZARRLOOM_MEMORY_LIMIT`` and so on give the
    values at import.

    Attributes
    ----------
    threads : int
        Threads that decode and encode, and those of one call, the caller among them. Default: the
        CPUs that the process may use (affinity mask and cgroup quota).
    io_concurrency : dict of str to int
        Requests in flight, by kind of store. Set a number for all kinds, or a dict of some.
        Default: ``file`` 2 x CPUs and at least 8, ``http`` 32, ``s3`` 64. Files never take more
        than a quarter of the files that the process may have open.
    memory_limit : int
        Bytes in flight: chunks read ahead, but not yet taken. Default: an eighth of the memory that
        the machine or cgroup allows. Also given as a string such as "2GiB".
    index_cache : int
        Bytes of shard indexes that are remembered from call to call. Default 64 MiB.
    coalesce_gap : int
        Chunks of a shard are read by one request if no more bytes than this lie between them.
        Default 64 KiB.
    coalesce_maximum : int
        Bytes of such a request at the most. Default 8 MiB.
    inline : bool
        No threads at all: everything runs on the thread that asks, for debugging. Default False.
    """

    _sizes = ("memory_limit", "index_cache", "coalesce_gap", "coalesce_maximum")
    _names = ("threads", "io_concurrency", *_sizes, "inline")

    def __init__(self) -> None:
        self._sources = dict.fromkeys(self._names, "default")

    def _set(self, source: str, changes: dict[str, Any]) -> None:
        options = _core.get_options()
        for name, value in changes.items():
            if name not in self._names:
                raise InvalidArgumentError(
                    f"there is no setting {name!r}; there are {', '.join(self._names)}"
                )
            if name == "io_concurrency":
                options[name] |= parse_io(value)
            elif name in self._sizes:
                options[name] = parse_bytes(value)
            else:
                options[name] = _whole(name, value)
        _core.set_options(**options)
        for name in changes:
            self._sources[name] = source

    @property
    def threads(self) -> int:
        threads: int = _core.get_options()["threads"]
        return threads

    @threads.setter
    def threads(self, value: int) -> None:
        self._set("set", {"threads": value})

    @property
    def io_concurrency(self) -> dict[str, int]:
        kinds: dict[str, int] = _core.get_options()["io_concurrency"]
        return kinds

    @io_concurrency.setter
    def io_concurrency(self, value: int | dict[str, int]) -> None:
        self._set("set", {"io_concurrency": value})

    @property
    def memory_limit(self) -> int:
        limit: int = _core.get_options()["memory_limit"]
        return limit

    @memory_limit.setter
    def memory_limit(self, value: int | str) -> None:
        self._set("set", {"memory_limit": value})

    @property
    def index_cache(self) -> int:
        size: int = _core.get_options()["index_cache"]
        return size

    @index_cache.setter
    def index_cache(self, value: int | str) -> None:
        self._set("set", {"index_cache": value})

    @property
    def coalesce_gap(self) -> int:
        size: int = _core.get_options()["coalesce_gap"]
        return size

    @coalesce_gap.setter
    def coalesce_gap(self, value: int | str) -> None:
        self._set("set", {"coalesce_gap": value})

    @property
    def coalesce_maximum(self) -> int:
        size: int = _core.get_options()["coalesce_maximum"]
        return size

    @coalesce_maximum.setter
    def coalesce_maximum(self, value: int | str) -> None:
        self._set("set", {"coalesce_maximum": value})

    @property
    def inline(self) -> bool:
        return bool(_core.get_options()["inline"])

    @inline.setter
    def inline(self, value: bool) -> None:
        self._set("set", {"inline": value})

    @contextmanager
    def _restoring(self, options: dict[str, Any], sources: dict[str, str]) -> Iterator[Config]:
        try:
            yield self
        finally:
            _core.set_options(**options)
            self._sources = sources

    def __call__(self, **changes: Any) -> Any:
        """Set limits; as a context manager, set them back at its end."""
        before = _core.get_options(), dict(self._sources)
        self._set("set", changes)
        return self._restoring(*before)

    def show(self) -> None:
        """Print the limits in force, where they come from, and what of them is in use."""
        used = _core.in_use()
        print(f"{'limit':22} {'value':>14} {'in use':>14}  from")
        for name, value in _core.get_options().items():
            rows = {f"{name} {kind}": kind for kind in value} if isinstance(value, dict) else {}
            for label, kind in (rows or {name: name}).items():
                number = value[kind] if rows else value
                print(f"{label:22} {number:>14} {used.get(kind, ''):>14}  {self._sources[name]}")

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in _core.get_options().items())
        return f"zarrloom.config({settings})"


def _whole(name: str, value: int | str) -> int:
    number = int(value)
    if number < 0:
        raise InvalidArgumentError(f"{name} must not be negative, as {value} is")
    return number


config = Config()


def _read_environment() -> None:
    for name in Config._names:
        value = os.environ.get(f"ZARRLOOM_{name.upper()}")
        if value:
            config._set("environment", {name: value})


_read_environment()
