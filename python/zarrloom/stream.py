"""Streams of chunks, and functions mapped over them."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np

from zarrloom import _core
from zarrloom.errors import DeadlineError, InvalidArgumentError
from zarrloom.progress import Progress

ChunkIndex = tuple[int, ...]
Chunk = tuple[ChunkIndex, np.ndarray[Any, Any]]
Result = TypeVar("Result")
MapFunction = Callable[[ChunkIndex, np.ndarray[Any, Any]], Result]


class ChunkStream:
    """An iterator over ``(chunk_index, data)``, read and decoded ahead by native threads.

    Made by `Array.chunk_stream`. Several threads may take from one stream; each chunk goes to one
    of them. As a context manager, and when it is dropped, it stops reading ahead and frees
    everything.
    """

    def __init__(self, native: _core.Stream, progress: Progress) -> None:
        self._native = native
        self._progress = progress
        self._lock = threading.Lock()  # guards _progress
        _streams.add(self)

    def __iter__(self) -> ChunkStream:
        return self

    def __next__(self) -> Chunk:
        item: Chunk | None = self._native.next()
        if item is None:
            self._progress.close()
            raise StopIteration
        with self._lock:
            self._progress.step()
        return item

    def __len__(self) -> int:
        """Chunks that the whole stream gives."""
        return self._native.total

    def close(self) -> None:
        """Stop reading ahead, wait for what runs, free everything. Iteration ends."""
        self._native.close()
        self._progress.close()

    def __enter__(self) -> ChunkStream:
        return self

    def __exit__(self, *exc_info: object) -> None:
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


class _Call:
    """One call of the mapped function, or the failure to read its chunk."""

    def __init__(self, index: ChunkIndex | None) -> None:
        self.index = index
        self.began = time.monotonic()
        self.took = 0.0  # seconds, once it is finished
        self.finished = False
        self.result: Any = None
        self.error: BaseException | None = None


class _Work(Generic[Result]):
    """What the threads of a map share with the one that takes results.

    The threads keep this object alive, and not the map: a map that is dropped can end them.
    """

    def __init__(self, stream: ChunkStream, fn: MapFunction[Result], window: int) -> None:
        self.changed = threading.Condition()
        self.calls: list[_Call] = []  # begun and not taken, oldest first; guarded by changed
        self.live = 0  # threads; guarded by changed
        self.closed = False  # guarded by changed
        self._stream = stream
        self._fn = fn
        self._window = window
        self._taking = threading.Lock()  # so that calls stand in the order of the stream

    def run(self) -> None:
        """Be one of the threads."""
        try:
            while self._call_once():
                pass
        finally:
            with self.changed:
                self.live -= 1
                self.changed.notify_all()

    def _call_once(self) -> bool:
        with self._taking:
            with self.changed:
                self.changed.wait_for(lambda: self.closed or len(self.calls) < self._window)
                if self.closed:
                    return False
            try:
                index, data = next(self._stream)
            except StopIteration:
                return False
            except BaseException as error:
                self._append(_Call(None), error)
                return False
            call = self._append(_Call(index))
        try:
            call.result = self._fn(index, data)
        except BaseException as error:
            call.error = error
        with self.changed:
            call.took = time.monotonic() - call.began
            call.finished = True
            self.changed.notify_all()
        return True

    def _append(self, call: _Call, error: BaseException | None = None) -> _Call:
        with self.changed:
            call.error = error
            call.finished = error is not None
            self.calls.append(call)
            self.changed.notify_all()
        return call

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self._stream.close()


class ChunkMap(Generic[Result]):
    """An iterator over the results of a function that is called for every chunk.

    Made by `Array.parallel_chunk_map`. Native threads read and decode later chunks while Python
    threads run the function. Closing or dropping it stops both.
    """

    def __init__(
        self,
        stream: ChunkStream,
        fn: MapFunction[Result],
        workers: int,
        ordered: bool,
        timeout: float | None,
    ) -> None:
        if workers < 1:
            raise InvalidArgumentError(f"max_concurrency must be at least 1, not {workers}")
        self._work = _Work(stream, fn, window=2 * workers)
        self._workers = workers
        self._ordered = ordered
        self._timeout = timeout
        self._process = os.getpid()

    def __iter__(self) -> Iterator[Result]:
        return self

    def __next__(self) -> Result:
        if self._process != os.getpid():
            raise InvalidArgumentError(
                "this map was made before the process forked; make a new one in the child"
            )
        self._start()
        try:
            call = self._wait()
            if call is None:
                raise StopIteration
            if call.error is not None:
                raise call.error
        except BaseException:  # the end, the first failure, Ctrl-C
            self.close()
            raise
        result: Result = call.result
        return result

    def _start(self) -> None:
        """Make the threads, at the first result that is asked for."""
        work, workers = self._work, self._workers
        self._workers = 0
        with work.changed:
            work.live += workers
        for number in range(workers):
            # Daemons: a function that never returns must not keep the process alive.
            name = f"zarrloom-map-{number}"
            threading.Thread(target=work.run, name=name, daemon=True).start()

    def _wait(self) -> _Call | None:
        """Wait for the next finished call; None at the end."""
        work = self._work
        with work.changed:
            while True:
                if work.closed or (work.live == 0 and not work.calls):
                    return None
                ready = work.calls[:1] if self._ordered else work.calls
                for call in ready:
                    if call.finished:
                        work.calls.remove(call)
                        work.changed.notify_all()
                        self._check_in_time(call, call.took)
                        return call
                work.changed.wait(self._patience())

    def _patience(self) -> float:
        """Seconds until the next deadline, and never so long that Ctrl-C would have to wait."""
        if self._timeout is None:
            return 1.0
        now = time.monotonic()
        patience = 1.0
        for call in self._work.calls:
            if not call.finished:
                self._check_in_time(call, now - call.began)
                patience = min(patience, call.began + self._timeout - now)
        return patience

    def _check_in_time(self, call: _Call, seconds: float) -> None:
        if self._timeout is None or seconds < self._timeout:
            return
        error = DeadlineError(
            f"chunk {call.index}: the function has run for more than {self._timeout} s"
        )
        error.chunk_index = call.index
        raise error

    def close(self) -> None:
        """Start no more calls and stop reading ahead. Calls that run end by themselves."""
        if self._process != os.getpid():
            return  # its threads are in the parent, and one of them may hold its lock for ever
        self._workers = 0
        self._work.close()

    def __enter__(self) -> ChunkMap[Result]:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_process"):  # the last that is set
            self.close()
