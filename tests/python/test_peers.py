"""The matrix of writers and readers: format, codec, data type, sharding, separator and order.

Every system runs in an interpreter of its own: this one, for those that are installed here, and
those that ``ZARRLOOM_PEERS`` names (``zarr-python 2.18=/path/to/python;...``). With
``ZARRLOOM_PEER_TABLE`` set to a file the matrix is written there as a table.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import zarrloom

PEERS = Path(__file__).parent / "peers"
sys.path.insert(0, str(PEERS))
from cases import (  # noqa: E402
    V2_CODECS,
    V3_CODECS,
    VARIABLE,
    Case,
    all_cases,
    dtype_of,
    filters_of,
    place_of,
    sizes_of,
    values_of,
)

sys.path.remove(str(PEERS))
CASES = all_cases()
MODULES = {"zarr-python": "zarr", "zarrs": "zarrs", "zarrista": "zarrista"}
MODULES |= {"tensorstore": "tensorstore", "z5py": "z5py"}
Results = dict[str, str]


def _missing() -> set[str]:
    """Say which of the codecs that a build may lack this one lacks."""
    try:
        zarrloom.create_array(
            zarrloom.MemoryStore(), shape=1, dtype="i4", zarr_format=2, compressors={"id": "bz2"}
        )
    except zarrloom.UnsupportedError:
        return {"bz2"}
    return set()


MISSING = _missing()


class System(NamedTuple):
    label: str
    name: str  # as peer.py has it
    python: str


def systems() -> list[System]:
    here = [System(name, name, sys.executable) for name in MODULES]
    given = os.environ.get("ZARRLOOM_PEERS", "")
    others = [each.split("=", 1) for each in given.split(";") if each]
    return here + [System(label, label.split()[0], python) for label, python in others]


def run(system: System, verb: str, folder: Path) -> Results:
    command = [system.python, str(PEERS / "peer.py"), system.name, verb, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results: Results = json.loads(done.stdout.strip().splitlines()[-1])
    return results


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All cases, written by zarrloom."""
    folder = tmp_path_factory.mktemp("ours")
    for number, case in known():
        place = place_of(folder, number)
        group = zarrloom.create_group(place.parent, zarr_format=case["zarr_format"])
        array = group.create_array(place.name, **options_of(case))
        array[...] = values_of(case)
    return folder


def known() -> list[tuple[int, Case]]:
    return [(n, case) for n, case in enumerate(CASES) if case["codec"] not in MISSING]


def options_of(case: Case) -> dict[str, Any]:
    v3 = case["zarr_format"] == 3
    return {
        "shape": values_of(case).shape,
        "chunks": sizes_of(case) if case["rectilinear"] and not case["shards"] else (5, 4, 5),
        "shards": _shards_of(case) if case["shards"] else None,
        "dtype": case["dtype"] if case["dtype"] in VARIABLE else dtype_of(case),
        "order": case["order"],
        "filters": filters_of(case),
        "compressors": (V3_CODECS if v3 else V2_CODECS)[case["codec"]],
        "chunk_key_encoding": ("default" if v3 else "v2", case["separator"]),
    }


def _shards_of(case: Case) -> Any:
    return sizes_of(case) if case["rectilinear"] else (10, 8, 10)


@pytest.fixture(scope="module")
def table() -> Iterator[dict[str, tuple[Results, Results]]]:
    collected: dict[str, tuple[Results, Results]] = {}
    yield collected
    if path := os.environ.get("ZARRLOOM_PEER_TABLE"):
        Path(path).write_text(as_markdown(collected), encoding="utf-8")


def as_markdown(collected: dict[str, tuple[Results, Results]]) -> str:
    lines = [
        "# Who reads what whom has written",
        "",
        "Made by the tests (`tests/python/test_peers.py`). In each field: zarrloom reads what the",
        "system wrote, and the system reads what zarrloom wrote. A dash: the system refuses.",
        "",
        "| case | " + " | ".join(collected) + " |",
        "|---" * (len(collected) + 1) + "|",
    ]
    for case in CASES:
        fields = [
            " ".join("yes" if part.get(case["name"]) == "ok" else "-" for part in parts)
            for parts in collected.values()
        ]
        lines.append(f"| {case['name']} | ".replace("|S", "\\|S") + " | ".join(fields) + " |")
    return "\n".join(lines) + "\n"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("system", systems(), ids=lambda system: system.label)
def test_both_ways(system: System, ours: Path, tmp_path: Path, table: Any) -> None:
    here = system.python == sys.executable
    if here and not importlib.util.find_spec(MODULES[system.name]):
        pytest.skip(f"{system.label} is not installed")
    written = run(system, "write", tmp_path)
    for number, case in enumerate(CASES):
        if written[case["name"]] != "ok" or case["codec"] in MISSING:
            continue
        expected = values_of(case)
        got = zarrloom.open_array(place_of(tmp_path, number), mode="r")[...]
        if expected.dtype == object:
            got = got.astype(object)
        assert got.dtype == expected.dtype.newbyteorder("="), case["name"]
        np.testing.assert_array_equal(got, expected, err_msg=case["name"])
    own = run(system, "read", tmp_path)
    read = run(system, "read", ours)
    version = f" {metadata.version(system.name.replace('-python', ''))}" if here else ""
    table[system.label + version] = written, read
    assert "different" not in read.values()
    # What it reads of its own making it reads of ours too.
    names = [case["name"] for _, case in known() if own[case["name"]] == "ok"]
    assert {name: read[name] for name in names if read[name] != "ok"} == {}
    assert sum(why == "ok" for why in written.values()) > 30
