"""What calls are given, as the core wants it."""

from __future__ import annotations

from zarrloom.errors import InvalidArgumentError


def nanoseconds(timeout: float | None) -> int:
    """Give the core's number, whose 0 is for ever."""
    if timeout is not None and not timeout > 0:
        raise InvalidArgumentError(f"timeout must be above 0 seconds, not {timeout}")
    return 0 if timeout is None else max(1, int(min(timeout, 1e9) * 1e9))


def workers(parallel: int | None) -> int:
    """Give the core's number, whose 0 is the default."""
    if parallel is not None and parallel < 1:
        raise InvalidArgumentError(f"parallel must be at least 1, not {parallel}")
    return parallel or 0
