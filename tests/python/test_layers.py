"""The architecture: includes never point up, and Python stays inside the bindings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "cpp" / "zarrloom"
# What each layer may include besides itself.
BELOW = {
    "base": set(),
    "exec": {"base"},
    "codecs": {"base"},
    "stores": {"base", "exec"},
    "pipeline": {"base", "exec", "codecs", "stores"},
    "array": {"base", "exec", "codecs", "stores", "pipeline"},
}
INCLUDE = re.compile(r'#include\s+[<"]([^>"]+)[>"]')


def includes(path: Path) -> list[str]:
    return INCLUDE.findall(path.read_text())


def sources() -> list[Path]:
    found = sorted(p for p in CORE.rglob("*") if p.suffix in {".h", ".cpp"})
    assert len(found) > 40, "the sources were not found: is this a checkout?"
    return found


@pytest.mark.parametrize("layer", BELOW)
def test_no_include_points_up(layer: str) -> None:
    allowed = {layer} | BELOW[layer]
    wrong = [
        f"{path.relative_to(ROOT)} includes {name}"
        for path in sources()
        if path.parent.name == layer
        for name in includes(path)
        if name.startswith("zarrloom/") and name.split("/")[1] not in allowed
    ]
    assert not wrong


def test_python_stays_in_the_bindings() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} includes {name}"
        for path in sources()
        for name in includes(path)
        if name.startswith("pybind11") or name == "Python.h"
    ]
    assert not wrong


def test_every_folder_is_a_known_layer() -> None:
    assert {p.name for p in CORE.iterdir() if p.is_dir()} == set(BELOW)
