"""The byte budget, proved by what the system counts: bench/memory.py asserted."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

LIMIT = 32 << 20
BENCH: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "memory.py"))


@pytest.mark.parametrize("chunk", [64 << 10, 1 << 20])
def test_peak_memory_of_a_shard_of_a_gigabyte(tmp_path: Path, chunk: int) -> None:
    expected = BENCH["fill_shard"](tmp_path, 1 << 30, chunk)
    for case in (*BENCH["STREAMS"], "map a sum"):
        peak = BENCH["measure"](case, tmp_path, LIMIT, expected)
        assert peak < LIMIT + (64 << 20), case


@pytest.mark.parametrize("chunk", [1 << 20, 8 << 20])
@pytest.mark.parametrize("rows_of", ["raw", "zstd"])
def test_peak_memory_stays_near_the_budget(tmp_path: Path, rows_of: str, chunk: int) -> None:
    expected = BENCH["fill"](tmp_path, LIMIT, chunk, rows_of)
    for case in BENCH["CASES"]:
        peak = BENCH["measure"](case, tmp_path, LIMIT, expected)
        assert peak < LIMIT + (64 << 20), case
