"""Copies, moves and new names of arrays and groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

import zarrloom


def make(path: Path, zarr_format: int) -> zarrloom.Group:
    root = zarrloom.create_group(path, zarr_format=zarr_format)
    root.create_array("a/x", data=np.arange(100), chunks=(3,), attributes={"n": 1})
    root.create_array("a/b/y", shape=(4,), dtype="f4", fill_value=3)
    root.create_array("t", data=np.ones(3))
    return root


def check(group: object) -> None:
    assert sorted(name for name, _ in group.members(max_depth=None)) == ["b", "b/y", "x"]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(group["x"][:], np.arange(100))  # type: ignore[index]
    assert dict(group["x"].attrs) == {"n": 1}  # type: ignore[index]
    assert group["b/y"][:].tolist() == [3] * 4  # type: ignore[index]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_copy(tmp_path: Path, zarr_format: int) -> None:
    root = make(tmp_path / "one", zarr_format)
    seen: list[tuple[int, int]] = []
    check(root.copy("a", "deep/c", progress=lambda *at: seen.append(at)))
    assert seen == [(i + 1, len(seen)) for i in range(len(seen))]
    assert len(seen) > 34
    check(root["a"])
    check(zarr.open_group(tmp_path / "one", mode="r")["deep/c"])
    other = zarrloom.open_group(tmp_path / "two", zarr_format=zarr_format)
    check(root.copy("a", "c", to=other))
    np.testing.assert_array_equal(root.copy("a/x", "x", to=other)[:], np.arange(100))
    memory = zarrloom.create_group(zarrloom.MemoryStore())
    check(root.copy("a", "c", to=memory))
    slow = zarrloom.open_group(memory.store.delayed(0.001))
    check(slow.copy("c", "d"))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_move_and_rename(tmp_path: Path, zarr_format: int) -> None:
    root = make(tmp_path, zarr_format)
    check(root.move("a", "m/n"))
    assert sorted(root) == ["m", "t"]
    assert not (tmp_path / "a").exists()
    check(root.rename("m/n", "o"))
    assert list(root["m"]) == ["o"]
    with pytest.raises(zarrloom.InvalidArgumentError, match="move"):
        root.rename("m/o", "p/q")
    assert root.rename("/t/", "u").path == "u"


def test_what_cannot_be(tmp_path: Path) -> None:
    root = make(tmp_path, 3)
    with pytest.raises(zarrloom.NodeExistsError):
        root.copy("a", "t")
    for source, target in (("a", "a"), ("a", "a/c"), ("a/b", "a")):
        with pytest.raises(zarrloom.InvalidArgumentError, match="one lies in the other"):
            root.copy(source, target, overwrite=True)
    with pytest.raises(zarrloom.InvalidArgumentError, match="nothing can lie in an array"):
        root.copy("a", "t/c")
    with pytest.raises(KeyError):
        root.move("q", "r")
    reading = zarrloom.open_group(tmp_path, mode="r")
    for change in (reading.copy, reading.move):
        with pytest.raises(zarrloom.ReadOnlyError):
            change("a", "c")
    check(reading["a"])
    check(root.copy("a", "t", overwrite=True))
    check(reading.copy("a", "c", to=root))


def test_a_copy_makes_consolidated_metadata_untrue(tmp_path: Path) -> None:
    root = make(tmp_path, 3)
    root.consolidate_metadata()
    root.copy("a", "c")
    assert not zarrloom.open_group(tmp_path).is_consolidated
    root.consolidate_metadata()
    root.move("c", "d")
    assert not zarrloom.open_group(tmp_path).is_consolidated
    assert sorted(root) == ["a", "d", "t"]
