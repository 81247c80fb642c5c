"""Waiting on an event loop, asyncio's (uvloop's too) or trio's, with no thread that waits."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from zarrloom import _core
from zarrloom.errors import InvalidArgumentError

Start = Callable[[_core.Notifier, int], _core.Operation]


class Hub:
    """One event loop's end of the core's notifier: native threads tell it, it wakes tasks."""

    def __init__(self) -> None:
        self.notifier = _core.Notifier()
        self.process = os.getpid()
        self._tokens = itertools.count(1)
        self._waiting: dict[int, list[Any]] = {}  # only the loop's thread uses it

    def new_token(self) -> int:
        """Make the name of somebody who may have news."""
        return next(self._tokens)

    async def wait(self, token: int) -> None:
        """Wait for news of `token`; may return without any. Whatever cancels the task is raised."""
        wake, waiting = self._make_wake()
        self._waiting.setdefault(token, []).append(wake)
        try:
            await waiting()
        finally:
            wakes = self._waiting.get(token, [])
            if wake in wakes:
                wakes.remove(wake)
            if not wakes:
                self._waiting.pop(token, None)

    async def run(self, start: Start) -> None:
        """Start a read or write and wait for its end.

        If the task is cancelled the operation is given up, and the cancellation goes on when
        nothing touches the caller's memory any more.
        """
        token = self.new_token()
        operation = start(self.notifier, token)
        try:
            while not operation.done:
                await self.wait(token)
        except BaseException:
            operation.cancel()
            await self._wait_shielded(operation, token)
            raise
        operation.result()

    def _drain(self) -> None:
        for token in self.notifier.take():
            for wake in self._waiting.pop(token, ()):
                self._wake(wake)

    def _make_wake(self) -> tuple[Any, Callable[[], Awaitable[Any]]]:
        raise NotImplementedError

    def _wake(self, wake: Any) -> None:
        raise NotImplementedError

    async def _wait_shielded(self, operation: _core.Operation, token: int) -> None:
        raise NotImplementedError


class _AsyncioHub(Hub):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        loop.add_reader(self.notifier.fileno(), self._drain)

    def _make_wake(self) -> tuple[Any, Callable[[], Awaitable[Any]]]:
        future = asyncio.get_running_loop().create_future()

        async def waiting() -> None:
            await future

        return future, waiting

    def _wake(self, wake: asyncio.Future[None]) -> None:
        if not wake.done():
            wake.set_result(None)

    async def _wait_shielded(self, operation: _core.Operation, token: int) -> None:
        while not operation.done:
            try:
                await self.wait(token)
            except asyncio.CancelledError:
                continue  # the first one is what will be raised


class _TrioHub(Hub):
    def __init__(self) -> None:
        super().__init__()
        import trio

        trio.lowlevel.spawn_system_task(self._listen)

    async def _listen(self) -> None:
        import trio

        while True:
            await trio.lowlevel.wait_readable(self.notifier.fileno())
            self._drain()

    def _make_wake(self) -> tuple[Any, Callable[[], Awaitable[Any]]]:
        import trio

        event = trio.Event()
        return event, event.wait

    def _wake(self, wake: Any) -> None:
        wake.set()

    async def _wait_shielded(self, operation: _core.Operation, token: int) -> None:
        import trio

        with trio.CancelScope(shield=True):
            while not operation.done:
                await self.wait(token)


# By event loop, or by trio's token of a run.
_hubs: weakref.WeakKeyDictionary[Any, Hub] = weakref.WeakKeyDictionary()


def current_hub() -> Hub:
    """Give the hub of the event loop that runs here.

    Raises
    ------
    InvalidArgumentError
        No event loop runs on this thread that is known: asyncio's or trio's.
    """
    loop, make = _running_loop()
    hub = _hubs.get(loop)
    if hub is None or hub.process != os.getpid():
        hub = _hubs[loop] = make()
    return hub


def _running_loop() -> tuple[Any, Callable[[], Hub]]:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return loop, lambda: _AsyncioHub(loop)
    trio = sys.modules.get("trio")
    if trio is not None:
        try:
            return trio.lowlevel.current_trio_token(), _TrioHub
        except RuntimeError:
            pass
    raise InvalidArgumentError("no event loop of asyncio or trio is running on this thread")
