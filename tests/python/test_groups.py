"""Groups: what is made by one library opens in the other, and what users do with them."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import zarrloom
from zarrloom.cli import main as zarrloom_command

FORMATS = [2, 3]


def make(store: Any, zarr_format: Any = 3) -> zarrloom.Group:
    """A small hierarchy: /t, /a (group), /a/x, /a/b (group), /a/b/y."""
    root = zarrloom.create_group(store, zarr_format=zarr_format, attributes={"title": "root"})
    root.create_array("t", shape=(3,), dtype="i4")
    root.create_array("a/x", data=np.arange(6.0), chunks=(4,))
    root.create_array("a/b/y", data=np.ones((2, 2), "u1"))
    return root


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_zarr_python_opens_what_zarrloom_makes(tmp_path: Path, zarr_format: int) -> None:
    make(tmp_path, zarr_format)
    theirs = zarr.open_group(tmp_path, mode="r")
    assert theirs.metadata.zarr_format == zarr_format
    assert dict(theirs.attrs) == {"title": "root"}
    assert sorted(name for name, _ in theirs.members(max_depth=None)) == [
        "a",
        "a/b",
        "a/b/y",
        "a/x",
        "t",
    ]
    np.testing.assert_array_equal(theirs["a/x"][:], np.arange(6.0))


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_zarrloom_opens_what_zarr_python_makes(tmp_path: Path, zarr_format: Any) -> None:
    theirs = zarr.create_group(tmp_path, zarr_format=zarr_format, attributes={"n": 2**53 + 1})
    theirs.create_array("a/b/y", data=np.arange(4), chunks=(2,))
    theirs.create_group("e").attrs["k"] = [1, None]
    root = zarrloom.open_group(tmp_path, mode="r")
    assert root.zarr_format == zarr_format
    assert dict(root.attrs) == {"n": 2**53 + 1}
    assert list(root) == ["a", "e"]
    assert [name for name, _ in root.members(max_depth=None)] == ["a", "a/b", "a/b/y", "e"]
    np.testing.assert_array_equal(root["a"]["b/y"][:], np.arange(4))
    assert dict(root["e"].attrs) == {"k": [1, None]}


def test_open_gives_whatever_lies_there(tmp_path: Path) -> None:
    make(tmp_path)
    assert isinstance(zarrloom.open(tmp_path), zarrloom.Group)
    assert isinstance(zarrloom.open(tmp_path, path="a/x"), zarrloom.Array)
    assert isinstance(zarrloom.open(tmp_path / "a"), zarrloom.Group)
    assert zarrloom.open(tmp_path, mode="r").read_only
    with pytest.raises(zarrloom.InvalidArgumentError, match="is an array, not a group"):
        zarrloom.open_group(tmp_path, path="t")
    with pytest.raises(zarrloom.InvalidArgumentError, match="is a group, not an array"):
        zarrloom.open_array(tmp_path, path="a")


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_group_is_a_mapping(tmp_path: Path, zarr_format: int) -> None:
    root = make(tmp_path, zarr_format)
    assert "a" in root
    assert "a/b/y" in root
    assert "/a/b/" in root
    assert "q" not in root
    assert 3 not in root
    assert len(root) == 2
    assert root.keys() == list(root) == ["a", "t"]
    assert root.array_keys() == ["t"]
    assert root.group_keys() == ["a"]
    assert [name for name, _ in root.arrays()] == ["t"]
    assert [name for name, _ in root.groups()] == ["a"]
    assert [type(node).__name__ for node in root.values()] == ["Group", "Array"]
    assert [name for name, _ in root.items()] == ["a", "t"]
    assert [name for name, _ in root.members(max_depth=1)] == ["a", "a/b", "a/x", "t"]
    assert root["a"].path == "a"
    assert root["a/b"].name == "/a/b"
    assert root["a/b"].basename == "b"
    assert root.get("q") is None
    with pytest.raises(KeyError):
        root["q"]
    assert "Arrays in it" in root.info
    assert str(tmp_path) in repr(root)


def test_what_is_missing_is_told_with_what_is_there(tmp_path: Path) -> None:
    root = make(tmp_path)
    with pytest.raises(zarrloom.NodeNotFoundError, match=r'a/q: .*"a" is a group with b, x'):
        root["a/q"]
    with pytest.raises(zarrloom.NodeNotFoundError, match='"t" is an array'):
        root["t/q"]
    with pytest.raises(zarrloom.NodeNotFoundError, match="there is no array or group here"):
        zarrloom.open_group(tmp_path / "nowhere", mode="r")
    with pytest.raises(zarrloom.NodeNotFoundError, match="of format 2"):
        zarrloom.open_group(tmp_path, mode="r", zarr_format=2)
    with pytest.raises(zarrloom.InvalidArgumentError, match="reserved"):
        root["__x"]
    with pytest.raises(zarrloom.InvalidArgumentError):
        root["../x"]


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_groups_around_a_new_node_are_made(tmp_path: Path, zarr_format: Any) -> None:
    zarrloom.create_array(tmp_path, name="p/q/r", shape=(1,), dtype="i1", zarr_format=zarr_format)
    for path in ("", "p", "p/q"):
        assert isinstance(zarrloom.open(tmp_path, path=path), zarrloom.Group)
    assert isinstance(zarr.open_group(tmp_path, mode="r")["p/q/r"], zarr.Array)
    with pytest.raises(zarrloom.InvalidArgumentError, match="nothing can lie in an array"):
        zarrloom.create_group(tmp_path, path="p/q/r/s", zarr_format=zarr_format)


def test_both_formats_in_one_hierarchy(tmp_path: Path) -> None:
    root = make(tmp_path, 3)
    root.create_array("old/v", shape=(2,), dtype="f4", zarr_format=2)
    assert root["old/v"].zarr_format == 2
    assert root["old"].zarr_format == 2
    assert "old/v" in [name for name, _ in root.members(max_depth=None)]
    assert root["old"].create_array("w", shape=(1,), dtype="i1").zarr_format == 2


def test_modes(tmp_path: Path) -> None:
    root = zarrloom.open_group(tmp_path, attributes={"a": 1})
    root.create_group("x")
    assert list(zarrloom.open_group(tmp_path, attributes={"a": 2})) == ["x"]
    assert dict(zarrloom.open_group(tmp_path).attrs) == {"a": 1}
    with pytest.raises(zarrloom.NodeExistsError):
        zarrloom.open_group(tmp_path, mode="w-")
    reading = zarrloom.open_group(tmp_path, mode="r")
    for change in (
        lambda: reading.create_group("y"),
        lambda: reading["x"].create_array("y", shape=(1,), dtype="i1"),
        lambda: reading.attrs.update(a=3),
        lambda: reading.__delitem__("x"),
        lambda: reading.consolidate_metadata(),
    ):
        with pytest.raises(zarrloom.ReadOnlyError):
            change()
    assert list(zarrloom.open_group(tmp_path, mode="w")) == []
    with pytest.raises(zarrloom.InvalidArgumentError, match="mode must be"):
        zarrloom.open_group(tmp_path, mode="x")  # type: ignore[arg-type]


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_attributes_are_stored_at_once(tmp_path: Path, zarr_format: int) -> None:
    root = make(tmp_path, zarr_format)
    root["a"].attrs["units"] = "m"
    root.attrs.update(b=2, c=[3])
    del root.attrs["title"]
    assert dict(zarr.open_group(tmp_path, mode="r").attrs) == {"b": 2, "c": [3]}
    assert dict(zarr.open_group(tmp_path, mode="r")["a"].attrs) == {"units": "m"}
    assert dict(root["a"].attrs) == {"units": "m"}
    assert sorted(root) == ["a", "t"]


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_require(tmp_path: Path, zarr_format: int) -> None:
    root = make(tmp_path, zarr_format)
    assert root.require_group("a").path == "a"
    assert root.require_group("n/m").path == "n/m"
    with pytest.raises(zarrloom.InvalidArgumentError, match="is an array"):
        root.require_group("t")
    assert root.require_array("t", shape=3, dtype="i2").dtype == np.int32
    made = root.require_array("new", shape=(4,), dtype="f8", chunks=(2,))
    assert made.chunks == (2,)
    for wrong in (
        {"shape": 4, "dtype": "i4"},
        {"shape": 3, "dtype": "f8"},
        {"shape": 3, "dtype": "i2", "exact": True},
    ):
        with pytest.raises(zarrloom.InvalidArgumentError):
            root.require_array("t", **wrong)
    with pytest.raises(zarrloom.InvalidArgumentError, match="is a group"):
        root.require_array("a", shape=1)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_create_hierarchy(tmp_path: Path, zarr_format: Any) -> None:
    nodes = {
        "": {"attributes": {"title": "all"}},
        "g": {"attributes": {"n": 1}},
        "g/x": {"shape": (4,), "dtype": "i4", "chunks": (2,)},
        "deep/er/y": {"shape": (2,), "dtype": "f8", "attributes": {"u": "K"}},
        **{f"many/{i}": {"shape": (1,), "dtype": "u1"} for i in range(50)},
    }
    made = zarrloom.create_hierarchy(tmp_path, nodes, zarr_format=zarr_format)
    assert list(made) == list(nodes)
    made["g/x"][:] = 7
    theirs = zarr.open_group(tmp_path, mode="r")
    assert theirs.metadata.zarr_format == zarr_format
    assert dict(theirs.attrs) == {"title": "all"}
    assert len(dict(theirs["many"].members())) == 50
    assert dict(theirs["deep/er/y"].attrs) == {"u": "K"}
    assert theirs["g/x"][:].tolist() == [7] * 4


def test_create_hierarchy_changes_nothing_if_it_cannot_be(tmp_path: Path) -> None:
    root = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    array = {"shape": (1,), "dtype": "i1"}
    for nodes, error in (
        ({"new": {}, "a/x": array}, zarrloom.NodeExistsError),
        ({"new": array, "new/below": array}, zarrloom.InvalidArgumentError),
        ({"new": {}, "t/below": array}, zarrloom.InvalidArgumentError),
        ({"new": {"chunks": 1}}, zarrloom.InvalidArgumentError),
        ({"new": {}, "/new/": {}}, zarrloom.InvalidArgumentError),
        ({"new": {}, "bad": {**array, "chunks": (0,)}}, zarrloom.InvalidArgumentError),
    ):
        with pytest.raises(error):
            root.create_hierarchy(nodes)
    assert sorted(tmp_path.rglob("*")) == before
    assert root.create_hierarchy({"a": {}, "a/z": array}, overwrite=True).keys() == {"a", "a/z"}
    assert list(root["a"]) == ["z"]


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_del(tmp_path: Path, zarr_format: int) -> None:
    root = make(tmp_path, zarr_format)
    del root["a/b"]
    assert list(root["a"]) == ["x"]
    del root["a"]
    assert list(root) == ["t"]
    assert not (tmp_path / "a").exists()
    with pytest.raises(KeyError):
        del root["a"]
    with pytest.raises(zarrloom.InvalidArgumentError):
        del root[""]


def test_tree(tmp_path: Path) -> None:
    root = make(tmp_path)
    text = (
        "/\n├── a\n│   ├── b\n│   │   └── y (2, 2) uint8\n│   └── x (6,) float64\n└── t (3,) int32"
    )
    assert str(root.tree()) == repr(root.tree()) == text
    assert str(root.tree(max_depth=0)) == "/\n├── a\n└── t (3,) int32"
    from rich.console import Console

    console = Console(width=60, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.capture() as capture:
        console.print(root["a"].tree())
    console.file.close()
    assert "float64" in capture.get()


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path)
    assert zarrloom_command(["info", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "Arrays in it     : 1" in shown
    assert "└── t (3,) int32" in shown


def test_what_cannot_be_opened_is_still_shown(tmp_path: Path) -> None:
    root = make(tmp_path)
    document = json.loads((tmp_path / "t/zarr.json").read_text())
    document["codecs"] = [{"name": "from-the-future"}]
    (tmp_path / "t/zarr.json").write_text(json.dumps(document))
    assert root.keys() == ["a", "t"]
    assert "t (3,) int32" in str(root.tree())
    with pytest.raises(zarrloom.UnsupportedError, match=r"t/zarr\.json.*from-the-future"):
        root.members()
    assert [name for name, _ in root.groups()] == ["a"]


def test_a_foreign_folder_is_no_node(tmp_path: Path) -> None:
    root = make(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/readme.txt").write_text("hello")
    (tmp_path / "__pycache__").mkdir()
    assert list(root) == ["a", "t"]
    (tmp_path / "a/zarr.json").write_text('{"zarr_format": 3, "node_type": "grOup"}')
    with pytest.raises(zarrloom.MetadataError, match=r"a/zarr\.json.*node_type"):
        root.keys()


def test_pickled_and_used_by_many_threads(tmp_path: Path) -> None:
    root = pickle.loads(pickle.dumps(make(tmp_path)["a"]))
    assert list(root) == ["b", "x"]
    program = "import pickle, sys; print(list(pickle.load(sys.stdin.buffer)))"
    done = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(root), capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["['b',", "'x']"]
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda i: root.create_array(f"n{i % 40}/v{i}", shape=1, dtype="i1"), range(80))
        )
    assert len(root.members(max_depth=None)) == 3 + 40 + 80


def test_in_memory() -> None:
    store = zarrloom.MemoryStore()
    root = make(store)
    assert [name for name, _ in root.members(None)] == ["a", "a/b", "a/b/y", "a/x", "t"]
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(root)


def test_opening_reads_no_more_than_it_must(tmp_path: Path) -> None:
    """No warnings, and a store with latency gives the same."""
    make(tmp_path)
    slow = zarrloom.FileStore(tmp_path).delayed(0.001)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        root = zarrloom.open(slow, mode="r")
        assert [name for name, _ in root.members(None)] == ["a", "a/b", "a/b/y", "a/x", "t"]
