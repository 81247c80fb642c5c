"""Consolidated metadata, as zarr-python writes and reads it, and what changes do to it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import zarrloom

FORMATS = [2, 3]
ALL = ["a", "a/b", "a/b/y", "e", "t"]


def fill(group: Any) -> None:
    """With either library: /t, /a/b/y, /e."""
    group.create_array("t", shape=(3,), chunks=(2,), dtype="i4")
    group.create_array("a/b/y", shape=(2, 2), chunks=(1, 2), dtype="f8")[:] = 5
    group.create_group("e").attrs["k"] = 1


def consolidated(path: Path, zarr_format: Any) -> zarrloom.Group:
    """Made, consolidated and opened by zarrloom."""
    fill(zarrloom.create_group(path, zarr_format=zarr_format))
    return zarrloom.consolidate_metadata(path)


def is_stored(path: Path) -> bool:
    """Whether there is consolidated metadata."""
    document = path / "zarr.json"
    if not document.exists():
        return (path / ".zmetadata").exists()
    return json.loads(document.read_text()).get("consolidated_metadata") is not None


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_zarr_python_uses_what_zarrloom_writes(tmp_path: Path, zarr_format: int) -> None:
    group = consolidated(tmp_path, zarr_format)
    assert group.is_consolidated
    assert is_stored(tmp_path)
    theirs = zarr.open_consolidated(tmp_path, mode="r")
    assert theirs.metadata.consolidated_metadata is not None
    assert sorted(name for name, _ in theirs.members(max_depth=None)) == ALL
    assert dict(theirs["e"].attrs) == {"k": 1}
    assert sorted(theirs["a"].members(max_depth=None))[0][0] == "b"
    np.testing.assert_array_equal(theirs["a/b/y"][:], np.full((2, 2), 5.0))


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_zarrloom_uses_what_zarr_python_writes(tmp_path: Path, zarr_format: Any) -> None:
    fill(zarr.create_group(tmp_path, zarr_format=zarr_format, attributes={"title": "x"}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "not part of the specification"
        zarr.consolidate_metadata(tmp_path)
    # Only what the one document says can be seen now.
    for name in ("zarr.json", ".zgroup", ".zarray", ".zattrs"):
        (tmp_path / "a/b" / name).unlink(missing_ok=True)
    root = zarrloom.open_group(tmp_path, mode="r")
    assert root.is_consolidated
    assert [name for name, _ in root.members(max_depth=None)] == ALL
    assert [name for name, _ in root["a"].members()] == ["b"]
    np.testing.assert_array_equal(root["a/b/y"][:], np.full((2, 2), 5.0))
    assert root["a/b"].zarr_format == zarr_format
    assert "b" not in zarrloom.open_group(tmp_path, mode="r", use_consolidated=False)["a"]


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_both_write_the_same_document(tmp_path: Path, zarr_format: Any) -> None:
    consolidated(tmp_path, zarr_format)
    name = "zarr.json" if zarr_format == 3 else ".zmetadata"
    ours = json.loads((tmp_path / name).read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(tmp_path)
    theirs = json.loads((tmp_path / name).read_text())
    if zarr_format == 3:
        ours, theirs = ours["consolidated_metadata"], theirs["consolidated_metadata"]
        assert ours["must_understand"] is theirs["must_understand"] is False
        assert ours["kind"] == theirs["kind"] == "inline"
    assert ours["metadata"].keys() == theirs["metadata"].keys()


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_change_is_never_hidden(tmp_path: Path, zarr_format: Any) -> None:
    def opened() -> zarrloom.Group:
        return zarrloom.open_group(tmp_path, use_consolidated=True)

    consolidated(tmp_path, zarr_format)
    for change in (
        lambda: opened().create_array("n1", shape=(1,), dtype="i1"),
        lambda: opened()["a"].create_group("n2/n3"),
        lambda: opened()["a/b"].create_hierarchy({"n4": {}}),
        lambda: opened()["t"].attrs.update(n5=1),
        lambda: opened()["e"].attrs.update(n6=1),
        lambda: opened()["t"].resize(7),
        lambda: opened()["t"].append([1, 2]),
        lambda: pickle.loads(pickle.dumps(opened()["t"])).resize(3),
        lambda: pickle.loads(pickle.dumps(opened()["a"])).create_group("n7"),
        lambda: pickle.loads(pickle.dumps(opened())).create_group("n8"),
        lambda: opened().__delitem__("n8"),
        lambda: zarrloom.create_group(tmp_path, path="a/n9", zarr_format=zarr_format),
        lambda: zarrloom.create_hierarchy(tmp_path, {"a/n10": {}}, zarr_format=zarr_format),
    ):
        assert is_stored(tmp_path)
        change()
        assert not is_stored(tmp_path)
        names = {name for name, _ in zarrloom.open_group(tmp_path).members(None)}
        theirs = zarr.open_group(tmp_path, mode="r")
        assert names == {name for name, _ in theirs.members(max_depth=None)}
        assert zarrloom.consolidate_metadata(tmp_path).is_consolidated


def test_the_groups_own_attributes_are_no_part_of_it_in_format_3(tmp_path: Path) -> None:
    root = consolidated(tmp_path, 3)
    root.attrs["n"] = 1
    assert is_stored(tmp_path)
    assert dict(zarrloom.open_group(tmp_path).attrs) == {"n": 1}
    other = consolidated(tmp_path / "two", 2)
    other.attrs["n"] = 1
    assert not is_stored(tmp_path / "two")


def test_chunks_leave_it(tmp_path: Path) -> None:
    root = consolidated(tmp_path, 3)
    root["t"][:] = 4
    assert is_stored(tmp_path)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_on_request(tmp_path: Path, zarr_format: Any) -> None:
    root = zarrloom.create_group(tmp_path, zarr_format=zarr_format)
    fill(root)
    with pytest.raises(zarrloom.InvalidArgumentError, match="no consolidated metadata"):
        zarrloom.open_group(tmp_path, use_consolidated=True)
    root.consolidate_metadata()
    assert root.is_consolidated
    assert not zarrloom.open_group(tmp_path, use_consolidated=False).is_consolidated
    other = zarrloom.open_group(tmp_path)
    other.create_group("late")
    other.consolidate_metadata()
    assert "late" not in root
    with pytest.raises(zarrloom.NodeNotFoundError, match=r"refresh\(\)"):
        root["late"]
    root.refresh()
    assert "late" in root


def test_formats_mixed_are_refused(tmp_path: Path) -> None:
    root = zarrloom.create_group(tmp_path)
    root.create_array("old", shape=(1,), dtype="i1", zarr_format=2)
    with pytest.raises(zarrloom.UnsupportedError, match='"old" has format 2'):
        root.consolidate_metadata()
    assert not is_stored(tmp_path)


@pytest.mark.parametrize("text", ['{"kind": "far"}', "3", '{"kind": "inline", "metadata": [1]}'])
def test_a_broken_document_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    group = f'{{"zarr_format": 3, "node_type": "group", "consolidated_metadata": {text}}}'
    (tmp_path / "zarr.json").write_text(group)
    with pytest.raises(zarrloom.ZarrloomError, match="consolidated metadata: "):
        zarrloom.open_group(tmp_path)
    assert list(zarrloom.open_group(tmp_path, use_consolidated=False)) == []


def test_another_process_gets_the_same(tmp_path: Path) -> None:
    array = consolidated(tmp_path, 3)["a/b/y"]
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer)[:].sum())"
    done = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(array), capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["20.0"]


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_handles_from_no_group_leave_nothing_stale_either(tmp_path: Path, zarr_format: Any) -> None:
    store = zarrloom.FileStore(tmp_path)
    for change in (
        lambda: zarrloom.open_array(store, path="t").attrs.update(k=1),
        lambda: zarrloom.open_array(store, path="a/b/y").resize((9, 2)),
        lambda: zarrloom.open_array(store, path="t").append([1, 2]),
        lambda: zarrloom.open_group(store, path="e").attrs.update(k=2),
        lambda: zarrloom.open_group(store, path="a").create_array("n", shape=1, dtype="i1"),
        # By their own folders, whose stores end below the group.
        lambda: zarrloom.open_array(tmp_path / "t").attrs.update(k=3),
        lambda: zarrloom.open_array(tmp_path / "a" / "b" / "y").resize((5, 2)),
        lambda: zarrloom.open_group(tmp_path / "a" / "b").create_group("m"),
        lambda: zarrloom.create_array(
            tmp_path / "a" / "o", shape=1, dtype="i1", zarr_format=zarr_format
        ),
        lambda: zarrloom.open_array(tmp_path / "a" / "b", path="y").attrs.update(k=4),
    ):
        if not (tmp_path / "t").exists():
            consolidated(tmp_path, zarr_format)
        else:
            zarrloom.consolidate_metadata(tmp_path)
        assert is_stored(tmp_path)
        change()
        assert not is_stored(tmp_path)


def test_a_document_that_does_not_tell_of_the_array_stays(tmp_path: Path) -> None:
    consolidated(tmp_path, 3)
    place = tmp_path / "zarr.json"
    document = json.loads(place.read_text())
    del document["consolidated_metadata"]["metadata"]["t"]
    place.write_text(json.dumps(document))
    zarrloom.open_array(zarrloom.FileStore(tmp_path), path="t").attrs["k"] = 1
    assert is_stored(tmp_path)
    chunks = zarrloom.open_array(zarrloom.FileStore(tmp_path), path="e2", shape=3, dtype="i1")
    assert not is_stored(tmp_path)
    zarrloom.consolidate_metadata(tmp_path)
    chunks[:] = 1
    assert is_stored(tmp_path)
