"""From one format to the other, in place and to another place, checked by zarr-python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import zarrloom

VALUES = np.arange(60.0).reshape(10, 6)
V2_OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "raw": {"compressors": None},
    "zlib": {"compressors": {"id": "zlib", "level": 3}},
    "blosc": {"compressors": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1}},
    "gzip": {"compressors": "gzip"},
    "fortran": {"order": "F"},
    "slash": {"chunk_key_encoding": ("v2", "/")},
    "big": {"dtype": ">f8"},
}


def chunk_files(path: Path) -> dict[str, bytes]:
    """All stored objects but the metadata."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file() and not file.name.startswith((".z", "zarr.json"))
    }


def make(path: Path, zarr_format: int, **options: Any) -> zarrloom.Group:
    """/x (fill value 7, a chunk missing), /g/h/y, attributes everywhere."""
    root = zarrloom.create_group(path, zarr_format=zarr_format, attributes={"title": "r"})
    x = root.create_array(
        "x",
        **{
            "shape": VALUES.shape,
            "dtype": "f8",
            "chunks": (4, 3),
            "fill_value": 7,
            "attributes": {"units": "m"},
            **options,
        },
    )
    x[:8] = VALUES[:8]
    root.create_array("g/h/y", data=np.arange(5))
    root["g"].attrs["n"] = 1
    return root


def check(path: Path, zarr_format: int) -> None:
    expected = VALUES.copy()
    expected[8:] = 7
    ours = zarrloom.open_group(path, mode="r", zarr_format=zarr_format)
    theirs = zarr.open_group(path, mode="r", zarr_format=zarr_format)
    for root in (ours, theirs):
        members = sorted(name for name, _ in root.members(max_depth=None))
        assert members == ["g", "g/h", "g/h/y", "x"]
        assert dict(root.attrs) == {"title": "r"}
        assert dict(root["x"].attrs) == {"units": "m"}
        assert dict(root["g"].attrs) == {"n": 1}
        np.testing.assert_array_equal(root["x"][:], expected)
        np.testing.assert_array_equal(root["g/h/y"][:], np.arange(5))
        assert root["x"].fill_value == 7
    assert {node.zarr_format for _, node in ours.members(None)} == {zarr_format}


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in")
@pytest.mark.parametrize("options", V2_OPTIONS.values(), ids=V2_OPTIONS)
def test_there_and_back_in_place(tmp_path: Path, options: dict[str, Any]) -> None:
    make(tmp_path, 2, **options)
    before = chunk_files(tmp_path)
    assert before
    assert zarrloom.convert(tmp_path).zarr_format == 3
    assert not list(tmp_path.rglob(".z*"))
    assert chunk_files(tmp_path) == before
    check(tmp_path, 3)
    assert zarrloom.convert(tmp_path, zarr_format=2).zarr_format == 2
    assert not list(tmp_path.rglob("zarr.json"))
    assert chunk_files(tmp_path) == before
    check(tmp_path, 2)


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in")
@pytest.mark.parametrize("options", V2_OPTIONS.values(), ids=V2_OPTIONS)
def test_to_another_place(tmp_path: Path, options: dict[str, Any]) -> None:
    make(tmp_path / "2", 2, **options)
    before = chunk_files(tmp_path / "2")
    seen: list[tuple[int, int]] = []
    zarrloom.convert(tmp_path / "2", tmp_path / "3", progress=lambda *at: seen.append(at))
    assert seen == [(1, 2), (2, 2)]
    check(tmp_path / "3", 3)
    assert sorted(chunk_files(tmp_path / "3").values()) == sorted(before.values())
    zarrloom.convert(tmp_path / "3", tmp_path / "22", zarr_format=2)
    check(tmp_path / "22", 2)
    assert sorted(chunk_files(tmp_path / "22").values()) == sorted(before.values())
    assert chunk_files(tmp_path / "2") == before
    with pytest.raises(zarrloom.NodeExistsError):
        zarrloom.convert(tmp_path / "3", tmp_path / "22", zarr_format=2)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"shards": (8, 6)}, "format 2 has no shards"),
        ({"compressors": ["zstd", "crc32c"]}, "takes one compressor"),
        ({}, "chunk keys of the v2 style only"),
    ],
)
def test_chunks_that_cannot_stay(tmp_path: Path, options: Any, why: str) -> None:
    make(tmp_path / "3", 3, **options)
    before = sorted((file, file.stat().st_mtime_ns) for file in tmp_path.rglob("*"))
    with pytest.raises(zarrloom.UnsupportedError, match=why) as error:
        zarrloom.convert(tmp_path / "3", path="x", zarr_format=2)
    assert str(tmp_path / "3/x") in str(error.value)
    with pytest.raises(zarrloom.UnsupportedError):
        zarrloom.convert(tmp_path / "3", zarr_format=2)
    assert sorted((file, file.stat().st_mtime_ns) for file in tmp_path.rglob("*")) == before
    zarrloom.convert(tmp_path / "3", tmp_path / "2", zarr_format=2)
    check(tmp_path / "2", 2)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_an_array_alone_from_zarr_python(tmp_path: Path, zarr_format: Any) -> None:
    array = zarr.create_array(
        tmp_path / "a",
        shape=VALUES.shape,
        dtype="f8",
        chunks=(4, 3),
        zarr_format=zarr_format,
        chunk_key_encoding={"name": "v2", "separator": "."},
        compressors=None,
    )
    array[:] = VALUES
    other = 5 - zarr_format
    converted = zarrloom.convert(tmp_path / "a", zarr_format=other)
    assert converted.zarr_format == other
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a", mode="r")[:], VALUES)
    copied = zarrloom.convert(tmp_path / "a", zarrloom.MemoryStore(), zarr_format=zarr_format)
    np.testing.assert_array_equal(copied[:], VALUES)


def test_names_of_dimensions(tmp_path: Path) -> None:
    root = zarrloom.create_group(tmp_path, zarr_format=2)
    names = {"_ARRAY_DIMENSIONS": ["y", "x"], "units": "K"}
    root.create_array("t", data=VALUES, attributes=names)
    array = zarrloom.convert(tmp_path)["t"]
    assert array.dimension_names == ("y", "x")
    assert dict(array.attrs) == {"units": "K"}
    assert dict(zarrloom.convert(tmp_path, zarr_format=2)["t"].attrs) == names


def test_consolidated_stays_consolidated(tmp_path: Path) -> None:
    make(tmp_path, 2).consolidate_metadata()
    assert zarrloom.convert(tmp_path).is_consolidated
    assert not (tmp_path / ".zmetadata").exists()
    check(tmp_path, 3)


def test_a_part_and_a_mixture(tmp_path: Path) -> None:
    root = make(tmp_path, 2)
    assert zarrloom.convert(tmp_path, path="g").zarr_format == 3
    assert root["g/h/y"].zarr_format == 3
    assert root["x"].zarr_format == 2
    zarrloom.convert(tmp_path)
    check(tmp_path, 3)
    zarrloom.convert(tmp_path)
    check(tmp_path, 3)
    with pytest.raises(zarrloom.NodeNotFoundError):
        zarrloom.convert(tmp_path, path="q")
