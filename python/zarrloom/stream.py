"""Streams of chunks."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zarrloom import _core
from zarrloom.errors import ChunkError
from zarrloom.loops import Hub, current_hub
from zarrloom.policy import LEFT_OUT, Policy, Skipped, chunk_error
from zarrloom.progress import Progress

ChunkIndex = tuple[int, ...]
Chunk = tuple[ChunkIndex, np.ndarray[Any, Any]]
Buffers = np.ndarray[Any, Any] | Sequence[np.ndarray[Any, Any]] | None


class ChunkStream:
    """An iterator over ``(chunk_index, data)``, read and decoded ahead by native threads.

    Made by `Array.chunk_stream`. Several threads may take from one stream, or several tasks of an
    event loop by ``async for``; each chunk goes to one of them. As a context manager (``with`` or
    ``async with``), and when it is dropped, it stops reading ahead and frees everything.
    """

    def __init__(
        self,
        native: _core.Stream,
        progress: Progress,
        policy: Policy,
        key_of: Callable[[ChunkIndex], str],
    ) -> None:
        self._native = native
        self._progress = progress
        self._policy = policy
        self._key_of = key_of
        self._skipped = Skipped()
        self._lock = threading.Lock()  # guards _progress
        self._lent = threading.local()  # .buffer: the number of that which this thread holds
        self._hub: Hub | None = None
        self._token = 0
        _streams.add(self)

    # ---- Taking ----

    def __iter__(self) -> ChunkStream:
        return self

    def __next__(self) -> Chunk:
        self._give_back()
        while True:
            item = self._settle(self._native.next())
            if item is None:
                raise StopIteration
            if item[1] is not LEFT_OUT:
                return item

    def __aiter__(self) -> ChunkStream:
        return self

    async def __anext__(self) -> Chunk:
        self._give_back()
        hub = self._listen()
        while True:
            found = self._native.poll()
            if found is False:
                await hub.wait(self._token)
                continue
            item = self._settle(found)
            if item is None:
                raise StopAsyncIteration
            if item[1] is not LEFT_OUT:
                return item

    def _settle(self, found: Any) -> Chunk | None:
        """Count what was found, and let the policy say what a failure becomes."""
        if found is None:
            self._progress.close()
            return None
        index, data, buffer = found
        if isinstance(data, BaseException):
            error = chunk_error(index, self._key_of(index), data)
            data = self._policy.settle(error, self._skipped)
        if buffer is not None:
            self._lent.buffer = buffer
        with self._lock:
            self._progress.step()
        return index, data

    def _give_back(self) -> None:
        buffer = getattr(self._lent, "buffer", None)
        if buffer is not None:
            self._lent.buffer = None
            self._native.give_back(buffer)

    def _listen(self) -> Hub:
        hub = current_hub()
        if hub is not self._hub:
            self._token = hub.new_token()
            self._native.listen(hub.notifier, self._token)
            self._hub = hub
        return hub

    # ---- The rest ----

    def __len__(self) -> int:
        """Chunks that the whole stream gives, those that will fail included."""
        return self._native.total

    @property
    def skipped(self) -> list[ChunkError]:
        """The failures of the chunks that ``on_error="skip"`` has left out until now."""
        return self._skipped.errors()

    def close(self) -> None:
        """Stop reading ahead, wait for what runs, free everything. Iteration ends."""
        self._native.close()
        self._progress.close()

    def __enter__(self) -> ChunkStream:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> ChunkStream:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()


_streams: weakref.WeakSet[ChunkStream] = weakref.WeakSet()


@atexit.register
def _close_streams() -> None:
    """Nothing is read ahead while the process takes itself apart."""
    try:
        streams = list(_streams)
    except RuntimeError:
        return  # a daemon thread makes streams still; the core copes with those by itself
    for stream in streams:
        stream.close()


def make_stream(
    native: _core.Array,
    *,
    filter: Callable[[ChunkIndex], bool] | None,
    progress: Callable[[int], Progress],
    policy: Policy,
    chunks: Any = None,
    **options: Any,
) -> ChunkStream:
    """Make a stream; `filter` has seen every chunk before anything is read."""
    if filter is not None:
        # A stream reads nothing until it is asked: this one only says which chunks there are.
        every = native.stream(chunks=chunks, selection=options.get("selection"))
        indices = (every.chunk(i) for i in range(every.total))
        chunks = [index for index in indices if filter(index)]
    made = native.stream(chunks=chunks, keep_going=not policy.raises, **options)
    return ChunkStream(made, progress(made.total), policy, native.chunk_key)


def as_buffers(out: Buffers) -> list[np.ndarray[Any, Any]]:
    """Give the arrays that chunks are to be decoded into."""
    if out is None:
        return []
    return [out] if isinstance(out, np.ndarray) else list(out)
