"""What to do with chunks that failed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Literal

from zarrloom.errors import ChunkError, InvalidArgumentError, ZarrloomError

OnError = Literal["raise", "skip", "return"] | Callable[[ChunkError], Any]

LEFT_OUT = object()  # what settle() gives for a chunk that is not to be seen

_log = logging.getLogger("zarrloom")


class Policy:
    """Settles failures as the caller wants it, and keeps count of those that are skipped."""

    def __init__(self, on_error: OnError, name: str = "on_error") -> None:
        if not callable(on_error) and on_error not in ("raise", "skip", "return"):
            raise InvalidArgumentError(
                f'{name} must be "raise", "skip", "return" or a function, not {on_error!r}'
            )
        self._on_error = on_error

    @property
    def raises(self) -> bool:
        """Whether the first failure ends everything."""
        return self._on_error == "raise"

    def settle(self, error: ChunkError, skipped: Skipped) -> Any:
        """Give what stands in for the chunk, LEFT_OUT for nothing. Raises if that is wanted."""
        if self._on_error == "return":
            return error
        if callable(self._on_error):
            substitute = self._on_error(error)
            if substitute is not None:
                return substitute
        elif self._on_error == "raise":
            raise error.cause
        skipped.append(error)
        return LEFT_OUT


class Skipped:
    """The failures of chunks that were left out. Threads may add to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: list[ChunkError] = []  # guarded by _lock

    def append(self, error: ChunkError) -> None:
        with self._lock:
            self._errors.append(error)
        _log.warning("skipped %s", error)

    def errors(self) -> list[ChunkError]:
        with self._lock:
            return list(self._errors)


def chunk_error(index: tuple[int, ...], key: str, cause: BaseException) -> ChunkError:
    """Wrap whatever a chunk failed of."""
    text = str(cause) if isinstance(cause, ZarrloomError) else f"{type(cause).__name__}: {cause}"
    if not text.startswith("chunk "):
        text = f"chunk {index}: {text}"
    return ChunkError(text, index, key, cause)
