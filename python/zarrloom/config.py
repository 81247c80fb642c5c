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


class Config:
    """Limits that hold for the whole process, over any number of threads that call.

    They are read and set as attributes; 0 stands for the default. Call the object for a context
    manager: ``with zarrloom.config(threads=1): ...``. The environment variables
    ``ZARRLOOM_THREADS``, ``ZARRLOOM_IO_CONCURRENCY`` and ``ZARRLOOM_MEMORY_LIMIT`` give the values
    at import.

    Attributes
    ----------
    threads : int
        Threads that decode and encode for one call, the caller among them. Default: the CPUs that
        the process may use (affinity mask and cgroup quota).
    io_concurrency : int
        Requests in flight to a remote store. Default 64. Local stores are read by the threads.
    memory_limit : int
        Bytes in flight: chunks read ahead, but not yet taken. Default: an eighth of the memory that
        the machine or cgroup allows. Also given as a string such as "2GiB".
    """

    _names = ("threads", "io_concurrency", "memory_limit")

    def _set(self, **changes: int | str) -> None:
        options = _core.get_options()
        for name, value in changes.items():
            if name not in self._names:
                raise InvalidArgumentError(
                    f"there is no setting {name!r}; there are {', '.join(self._names)}"
                )
            options[name] = parse_bytes(value) if name == "memory_limit" else _whole(name, value)
        _core.set_options(**options)

    @property
    def threads(self) -> int:
        return _core.get_options()["threads"]

    @threads.setter
    def threads(self, value: int) -> None:
        self._set(threads=value)

    @property
    def io_concurrency(self) -> int:
        return _core.get_options()["io_concurrency"]

    @io_concurrency.setter
    def io_concurrency(self, value: int) -> None:
        self._set(io_concurrency=value)

    @property
    def memory_limit(self) -> int:
        return _core.get_options()["memory_limit"]

    @memory_limit.setter
    def memory_limit(self, value: int | str) -> None:
        self._set(memory_limit=value)

    @contextmanager
    def _restoring(self, before: dict[str, int]) -> Iterator[Config]:
        try:
            yield self
        finally:
            _core.set_options(**before)

    def __call__(self, **changes: int | str) -> Any:
        """Set limits; as a context manager, set them back at its end."""
        before = _core.get_options()
        self._set(**changes)
        return self._restoring(before)

    def show(self) -> None:
        """Print the limits in force, and what is in flight."""
        for name, value in _core.get_options().items():
            print(f"{name:16} {value}")
        print(f"{'bytes in flight':16} {_core.bytes_in_flight()}")

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
            config._set(**{name: value})


_read_environment()
