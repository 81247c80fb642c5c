"""Statistics and traces of what was done."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

VALUES = np.arange(20 * 100, dtype="int64").reshape(20, 100)


@pytest.fixture
def array(path: str, threads: int) -> zarrloom.Array:
    made = zarrloom.create_array(path, shape=VALUES.shape, chunks=(1, 100), dtype="int64")
    made[...] = VALUES
    return made


def grown(before: dict[str, Any]) -> dict[str, Any]:
    after = zarrloom.stats()
    return {
        name: value["count"] - before[name]["count"] if "count" in value else value
        for name, value in after.items()
        if isinstance(value, dict) and name != "failures"
    } | {"missing": after["missing_chunks"] - before["missing_chunks"]}


def test_every_stage_is_counted(array: zarrloom.Array, path: str) -> None:
    before = zarrloom.stats()
    array[...] = VALUES
    found = grown(before)
    assert (found["encode"], found["write"], found["io"]) == (19, 19, 0) or found["encode"] == 20
    array.store.erase("c/3/0")
    before = zarrloom.stats()
    array.parallel_chunk_map(lambda index, data: None).run()
    found = grown(before)
    assert (found["io"], found["decode"], found["function"], found["missing"]) == (20, 19, 20, 1)
    stats = zarrloom.stats()
    for stage in ("io", "decode", "encode", "write", "function"):
        assert 0 < stats[stage]["longest"] <= stats[stage]["seconds"]
    (Path(path) / "c" / "5" / "0").write_bytes(b"broken")
    with pytest.raises(zarrloom.CorruptDataError):
        array[5]
    failures = zarrloom.stats()["failures"]
    assert failures["corrupt_data"] == stats["failures"].get("corrupt_data", 0) + 1


def test_a_trace_holds_what_happens_while_it_runs(array: zarrloom.Array, tmp_path: Path) -> None:
    began = time.perf_counter()
    with zarrloom.trace() as trace:
        array.parallel_chunk_map(lambda index, data: time.sleep(0.001), 2).run()
    ended = time.perf_counter()
    array[...]
    summary = trace.summary()
    assert {stage: entry["count"] for stage, entry in summary.items() if stage != "queue"} == {
        "io": 20,
        "decode": 20,
        "function": 20,
    }
    assert summary["decode"]["bytes"] == VALUES.nbytes
    assert summary["function"]["seconds"] >= 0.02
    assert all(began <= span.begin <= span.end <= ended for span in trace.spans)
    keys = {span.key for span in trace.spans if span.stage == "io"}
    assert keys == {f"c/{i}/0" for i in range(20)}
    trace.save(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(events) == len(trace.spans)
    assert {"name", "ph", "ts", "dur", "pid", "tid"} <= set(events[0])


def test_a_trace_is_bounded(array: zarrloom.Array) -> None:
    with zarrloom.trace(most=5) as trace:
        array[...]
    assert len(trace.spans) == 5
    assert trace.left_out >= 35


def test_limits_hold_over_sixteen_threads(array: zarrloom.Array) -> None:
    with zarrloom.config(io_concurrency={"file": 3}), zarrloom.trace() as trace:
        workers = [threading.Thread(target=lambda: array[...]) for _ in range(16)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        allowed = {"io": 3, "decode": zarrloom.config.threads}
    for stage, most in allowed.items():
        events = sorted(
            (when, change)
            for span in trace.spans
            if span.stage == stage
            for when, change in ((span.begin, 1), (span.end, -1))
        )
        now, seen = 0, 0
        for _, change in events:
            now += change
            seen = max(seen, now)
        assert 0 < seen <= most
    used = zarrloom._core.in_use()
    del used["index_cache"]  # which keeps what it has
    assert set(used.values()) == {0}


def test_few_open_files_are_enough(path: str) -> None:
    zarrloom.save(path, VALUES, chunks=(1, 100))
    script = f"""
import threading, numpy as np, zarrloom
array = zarrloom.open({path!r})
expected = np.arange(2000).reshape(20, 100)
wrong = []
def work():
    for _ in range(20):
        try:
            if not (array[...] == expected).all():
                wrong.append("values")
        except Exception as error:
            wrong.append(error)
threads = [threading.Thread(target=work) for _ in range(16)]
for t in threads: t.start()
for t in threads: t.join()
print(wrong[:1], zarrloom.config.io_concurrency["file"] <= 8)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "ZARRLOOM_IO_CONCURRENCY": "file=1000", "ZARRLOOM_THREADS": "16"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)),
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "[] True", done.stderr
