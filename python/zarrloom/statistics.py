"""What zarrloom has done, and how long each stage took."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from zarrloom import _core


def stats() -> dict[str, Any]:
    """Give what this process has done since it began.

    Returns
    -------
    dict
        For each stage (``queue``: waiting for a place or a thread, ``io``: reading, ``decode``,
        ``encode``, ``write``: storing, ``function``: a map's) a dict of ``count``, ``seconds`` in
        all, ``longest`` in seconds and ``bytes``. Further ``missing_chunks``, ``cache_hits``,
        ``retries``, ``failures`` by code, ``bytes_in_flight`` and ``highest_bytes_in_flight``.
    """
    return _core.stats()


class Span(NamedTuple):
    """Something that took its time.

    Times are seconds of ``time.perf_counter()``, `thread` is the system's number of it.
    """

    stage: str
    begin: float
    end: float
    bytes: int
    thread: int
    key: str


class Trace:
    """Everything that happens while it runs, in all threads. Made by `trace`."""

    def __init__(self, most: int) -> None:
        self._native = _core.Trace(most)

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take down nothing more."""
        self._native.stop()

    @property
    def spans(self) -> list[Span]:
        """What was taken down, in the order in which it ended."""
        return [Span(*span) for span in self._native.spans()]

    @property
    def left_out(self) -> int:
        """Spans beyond the most that are kept."""
        return self._native.left_out

    def summary(self) -> dict[str, dict[str, float]]:
        """Give ``count``, ``seconds``, ``longest`` and ``bytes`` for each stage that was met."""
        stages: dict[str, dict[str, float]] = {}
        for span in self.spans:
            took = span.end - span.begin
            stage = stages.setdefault(
                span.stage, {"count": 0, "seconds": 0.0, "longest": 0.0, "bytes": 0}
            )
            stage["count"] += 1
            stage["seconds"] += took
            stage["longest"] = max(stage["longest"], took)
            stage["bytes"] += span.bytes
        return stages

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save it in Chrome's trace format, which Perfetto and chrome://tracing show."""
        process = os.getpid()
        events = [
            {
                "name": span.stage,
                "cat": "zarrloom",
                "ph": "X",
                "ts": span.begin * 1e6,
                "dur": (span.end - span.begin) * 1e6,
                "pid": process,
                "tid": span.thread,
                "args": {"key": span.key, "bytes": span.bytes},
            }
            for span in self.spans
        ]
        Path(path).write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}))


def trace(most: int = 1_000_000) -> Trace:
    """Take down every read, decoding, encoding, writing and call of a map's function.

    Parameters
    ----------
    most : int, default 1000000
        Spans that are kept; what comes after them is counted in ``left_out``.

    Returns
    -------
    Trace
        Runs until it is stopped: ``with zarrloom.trace() as t: ...``. Several may run at a time.
    """
    return Trace(most)
