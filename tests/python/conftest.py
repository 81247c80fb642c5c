"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import zarrloom


@pytest.fixture(params=[0, 1, 4], ids=["inline", "1-thread", "4-threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Runs a test without threads, over one and over four: results must be identical."""
    with zarrloom.config(threads=max(1, request.param), inline=request.param == 0):
        yield request.param


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A place for one array."""
    return str(tmp_path / "a.zarr")
