"""The README's and the guide's examples run, and the examples too."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import zarrloom

ROOT = Path(__file__).parents[2]


def python_blocks(page: Path) -> str:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks, f"{page} has no examples"
    return "\n".join(blocks)


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md"])
def test_examples_of_a_page(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with zarrloom.config():
        exec(compile(python_blocks(ROOT / page), page, "exec"), names)
    if page == "README.md":
        assert names["best"] == names["a"][...].max()
    else:
        assert (names["out"] == names["a"][...]).all()


EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(example)])
    runpy.run_path(str(example), run_name="__main__")
