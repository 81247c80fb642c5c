"""Progress of long work, shown in whatever way the caller likes."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any, Protocol


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
        if not hasattr(show, "update"):
            return lambda: show(self.done, self.total)
        bar: Any = show
        bar.total = self.total
        return lambda: bar.update(1)

    def _own_bar(self, label: str) -> Callable[[], Any]:
        if importlib.util.find_spec("rich") is None or not sys.stderr.isatty():
            return self._line(label)
        from rich.console import Console
        from rich.progress import Progress as RichProgress

        bar = RichProgress(console=Console(stderr=True))
        task = bar.add_task(label, total=self.total)
        bar.start()
        self._end = bar.stop
        return lambda: bar.update(task, completed=self.done)

    def _line(self, label: str) -> Callable[[], Any]:
        every = max(1, self.total // 10)

        def tell() -> None:
            if self.done % every == 0 or self.done == self.total:
                print(f"{label}: {self.done} of {self.total}", file=sys.stderr)

        return tell

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
