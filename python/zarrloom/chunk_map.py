"""A function mapped over the chunks of an array."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from zarrloom import _core
from zarrloom.errors import ChunkError, DeadlineError, InvalidArgumentError
from zarrloom.policy import LEFT_OUT, Policy, Skipped, chunk_error
from zarrloom.progress import Progress

ChunkIndex = tuple[int, ...]
Result = TypeVar("Result")
# Calls the function for (chunk index, data, number of the buffer that data lies in or None).
Invoke = Callable[[ChunkIndex, Any, int | None], Any]


class Source(Protocol):
    """Where chunks come from: a native stream, or a list of indices where others read."""

    def next(self) -> Any: ...
    def close(self) -> None: ...


class _Call:
    """One call of the mapped function, or the failure to read its chunk."""

    def __init__(self, index: ChunkIndex | None) -> None:
        self.index = index
        self.began = time.monotonic()
        self.finished = False
        self.late = False  # it took longer than it was given
        self.result: Any = None
        self.error: BaseException | None = None


class _Work:
    """What the threads of a map share with the one that takes results.

    The threads keep this object alive, and not the map: a map that is dropped can end them.
    """

    def __init__(self, source: Source, invoke: Invoke, workers: int) -> None:
        self.changed = threading.Condition()
        self.calls: list[_Call] = []  # begun and not taken, oldest first; guarded by changed
        self.live = 0  # threads that will begin calls; guarded by changed
        self.closed = False  # guarded by changed
        self._source = source
        self._invoke = invoke
        self._window = 2 * workers
        self._taking = threading.Lock()  # so that calls stand in the order of the source

    def start_threads(self, count: int) -> None:
        with self.changed:
            self.live += count
        for _ in range(count):
            # Daemons: a function that never returns must not keep the process alive.
            threading.Thread(target=self._run, name="zarrloom-map", daemon=True).start()

    def _run(self) -> None:
        while self._call_once():
            pass

    def _call_once(self) -> bool:
        """Make one call. False if this thread is not wanted any more."""
        taken = self._take()
        if taken is None:
            with self.changed:
                self.live -= 1
                self.changed.notify_all()
            return False
        call, data, buffer = taken
        began = time.perf_counter_ns()
        try:
            result, error = self._invoke(call.index or (), data, buffer), None
        except BaseException as raised:
            result, error = None, raised
        _core.record_function(began, time.perf_counter_ns(), str(call.index))
        with self.changed:
            if call.late:
                return False  # another thread stands in for this one since its time was over
            call.result, call.error, call.finished = result, error, True
            self.changed.notify_all()
        return True

    def _take(self) -> tuple[_Call, Any, int | None] | None:
        """Take the next chunk that could be read; None at the end."""
        with self._taking:
            while True:
                with self.changed:
                    self.changed.wait_for(lambda: self.closed or len(self.calls) < self._window)
                    if self.closed:
                        return None
                try:
                    item = self._source.next()
                except BaseException as error:
                    self._append(_Call(None), error)
                    return None
                if item is None:
                    return None
                index, data, buffer = item
                if not isinstance(data, BaseException):
                    return self._append(_Call(index)), data, buffer
                self._append(_Call(index), data)

    def _append(self, call: _Call, error: BaseException | None = None) -> _Call:
        with self.changed:
            call.error = error
            call.late = isinstance(error, DeadlineError)
            call.finished = error is not None
            self.calls.append(call)
            self.changed.notify_all()
        return call

    def leave_behind_late(self, timeout: float) -> float:
        """Give up calls whose time is over. Seconds until the next one's is; holds `changed`."""
        now = time.monotonic()
        patience = 1.0  # never so long that Ctrl-C would have to wait
        for call in self.calls:
            left = call.began + timeout - now
            if call.finished:
                continue
            if left > 0:
                patience = min(patience, left)
                continue
            call.error = DeadlineError(
                f"chunk {call.index}: the function has run for more than {timeout} s"
            )
            call.error.chunk_index = call.index
            call.late = call.finished = True
            self.live -= 1  # its thread ends when the function returns
            self.start_threads(1)
        return patience

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        self._source.close()


class ChunkMap(Generic[Result]):
    """An iterator over the results of a function that is called for every chunk.

    Made by `Array.parallel_chunk_map`. Native threads read and decode later chunks while the
    function runs. Closing or dropping it stops both.
    """

    def __init__(
        self,
        source: Source,
        invoke: Invoke,
        *,
        workers: int,
        ordered: bool,
        timeout: float | None,
        on_timeout: Policy,
        on_error: Policy,
        progress: Progress,
        key_of: Callable[[ChunkIndex], str],
    ) -> None:
        if workers < 1:
            raise InvalidArgumentError(f"max_concurrency must be at least 1, not {workers}")
        self._work = _Work(source, invoke, workers)
        self._workers = workers  # to be started
        self._ordered = ordered
        self._timeout = timeout
        self._on_timeout = on_timeout
        self._on_error = on_error
        self._progress = progress
        self._key_of = key_of
        self._skipped = Skipped()
        self._process = os.getpid()

    def __iter__(self) -> Iterator[Result]:
        return self

    def __next__(self) -> Result:
        if self._process != os.getpid():
            raise InvalidArgumentError(
                "this map was made before the process forked; make a new one in the child"
            )
        workers, self._workers = self._workers, 0
        self._work.start_threads(workers)
        try:
            while True:
                call = self._wait()
                if call is None:
                    raise StopIteration
                result: Result = self._settle(call)
                self._progress.step()
                if result is not LEFT_OUT:
                    return result
        except BaseException:  # the end, a failure that is to be raised, Ctrl-C
            self.close()
            raise

    def _wait(self) -> _Call | None:
        """Wait for the next finished call; None at the end."""
        work = self._work
        with work.changed:
            while True:
                if work.closed or (work.live == 0 and not work.calls):
                    return None
                patience = 1.0
                if self._timeout is not None:
                    patience = work.leave_behind_late(self._timeout)
                for call in work.calls[:1] if self._ordered else work.calls:
                    if call.finished:
                        work.calls.remove(call)
                        work.changed.notify_all()
                        return call
                work.changed.wait(patience)

    def _settle(self, call: _Call) -> Any:
        if call.error is None:
            return call.result
        if call.index is None:
            raise call.error
        policy = self._on_timeout if call.late else self._on_error
        error = chunk_error(call.index, self._key_of(call.index), call.error)
        return policy.settle(error, self._skipped)

    @property
    def skipped(self) -> list[ChunkError]:
        """The failures of the chunks that were left out until now."""
        return self._skipped.errors()

    def run(self) -> None:
        """Run to the end for what the function does, or what ``out=`` is given; drop results."""
        for _ in self:
            pass

    def close(self) -> None:
        """Start no more calls and stop reading ahead. Calls that run end by themselves."""
        if self._process != os.getpid():
            return  # its threads are in the parent, and one of them may hold its lock for ever
        self._workers = 0
        self._work.close()
        self._progress.close()

    def __enter__(self) -> ChunkMap[Result]:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_process"):  # the last that is set
            self.close()
