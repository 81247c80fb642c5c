"""The attributes of arrays and groups."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from zarrloom import _core
from zarrloom.errors import InvalidArgumentError


class Attributes(MutableMapping[str, Any]):
    """Attributes: JSON values by name. Every change is stored at once.

    Every access reads the stored document, so that it sees what others have changed. Changes by the
    threads of one process never undo each other; two processes that change attributes at the same
    moment may. A changed value inside a list or dict has to be assigned to be stored.
    """

    def __init__(self, native: _core.Array | _core.Group) -> None:
        self._native = native

    def _read(self) -> dict[str, Any]:
        attributes: dict[str, Any] = json.loads(self._native.read_attributes())
        return attributes

    def _write(self, attributes: Mapping[str, Any]) -> None:
        self._native.write_attributes(to_json(attributes, self._native.zarr_format))

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __delitem__(self, name: str) -> None:
        with _attributes_lock:
            attributes = self._read()
            del attributes[name]
            self._write(attributes)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set many at once, with one write."""
        with _attributes_lock:
            self._write({**self._read(), **dict(*args, **kwargs)})

    def put(self, attributes: Mapping[str, Any]) -> None:
        """Replace all of them."""
        with _attributes_lock:
            self._write(attributes)

    def asdict(self) -> dict[str, Any]:
        """Give a copy as a plain dict."""
        return self._read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return f"<Attributes {self._read()!r}>"


_attributes_lock = threading.Lock()  # over reading, changing and writing a document


def _renew_lock() -> None:
    """Another thread of the parent may have held the lock when this process was forked."""
    global _attributes_lock
    _attributes_lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def to_json(attributes: Mapping[str, Any], zarr_format: int) -> str:
    """Write attributes as JSON. Only format 2 can hold NaN and infinities."""
    try:
        return json.dumps(dict(attributes), allow_nan=zarr_format == 2)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"attributes cannot be stored as JSON: {error}") from None
