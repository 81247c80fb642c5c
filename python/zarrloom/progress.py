"""Progress of long work, shown in whatever way the caller likes."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any, Protocol

from zarrloom.errors import InvalidArgumentError


class Bar(Protocol):
    """What tqdm and rich have in common."""

    total: Any

    def update(self, n: int) -> Any: ...


ProgressLike = bool | Callable[[int, int], Any] | Bar | None


class Progress:
    """Counts up to `total` and tells the caller's bar or function.

    Parameters
    ----------
    show : bool, callable, object or None
        True for a bar of our own (by rich, if it is installed), a function ``(done, total)``, or
        an object with ``update(n)`` and ``total``, such as a tqdm bar.
    total : int
        How many steps there are.
    label : str
        What a bar of our own says.
    """

    def __init__(self, show: ProgressLike, total: int, label: str = "chunks") -> None:
        self.done = 0
        self.total = total
        self._end: Callable[[], Any] | None = None
        self._tell = self._choose(show, label)

    def _choose(self, show: ProgressLike, label: str) -> Callable[[], Any] | None:
        if show is None or show is False:
            return None
        if show is True:
            return self._own_bar(label)
        update = getattr(show, "update", None)
        if update is not None:
            show.total = self.total  # type: ignore[union-attr]
            return lambda: update(1)
        if not callable(show):
            raise InvalidArgumentError(
                f"progress must be True, a function or have update(n), unlike {show!r}"
            )
        return lambda: show(self.done, self.total)

    def _own_bar(self, label: str) -> Callable[[], Any]:
        if not sys.stderr.isatty():
            return self._last_line(label)
        if importlib.util.find_spec("rich") is None:
            return lambda: print(f"\r{self._text(label)}", end=self._line_end(), file=sys.stderr)
        from rich.console import Console
        from rich.progress import Progress as RichProgress

        bar = RichProgress(console=Console(stderr=True))
        task = bar.add_task(label, total=self.total)
        bar.start()
        self._end = bar.stop
        return lambda: bar.update(task, completed=self.done)

    def _last_line(self, label: str) -> Callable[[], Any]:
        """Into a file or a log: nothing but the end."""

        def tell() -> None:
            if self.done == self.total:
                print(self._text(label), file=sys.stderr)

        return tell

    def _text(self, label: str) -> str:
        return f"{label}: {self.done} of {self.total}"

    def _line_end(self) -> str:
        return "\n" if self.done == self.total else ""

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        if self._tell is not None:
            self._tell()
        if self.done == self.total:
            self.close()

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._end is not None:
            self._end()
            self._end = None
