"""The metadata documents that zarr-metadata keeps: valid ones open, and are written as they were.

``ZARRLOOM_METADATA_FIXTURES`` names the folder ``tests`` of zarr-metadata's source distribution.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

BASE: dict[str, Any] = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [128, 128],
    "data_type": "int32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [64, 64]}},
    "chunk_key_encoding": {"name": "default"},
    "fill_value": 0,
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    "attributes": {},
}
BYTES = BASE["codecs"][0]
# Valid by themselves, but nothing that can be computed with.
NO_ARRAYS = {
    ("cast_value", "named_config_dtype"): "datetime64",
    ("bytes", "no_endian"): "endian",
    ("bytes", "no_configuration"): "endian",
    ("bytes", "short_hand_name"): "endian",
    ("scale_offset", "string_encoded_scalar"): "offset",  # NaN
}


@pytest.fixture(scope="module")
def fixtures() -> Path:
    folder = os.environ.get("ZARRLOOM_METADATA_FIXTURES")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ZARRLOOM_METADATA_FIXTURES is not set")
    return Path(folder)


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def open_document(document: dict[str, Any], name: str = "zarr.json") -> Any:
    store = zarrloom.MemoryStore()
    store._native.write(name, json.dumps(document).encode())
    return zarrloom.open(store, mode="r")


def check_document(document: dict[str, Any], name: str = "zarr.json") -> Any:
    array = open_document(document, name)
    assert list(array.shape) == document["shape"]
    written = array.metadata
    for member in ("data_type", "fill_value", "attributes", "dimension_names", "dtype", "filters"):
        if member == "fill_value" and isinstance(document.get("dtype"), list):
            continue  # the bytes of an element, however the zero was written
        if member in document:
            assert written[member] == document[member], member
    return array


@pytest.mark.parametrize("zarr_format", ["v2", "v3"])
def test_arrays(fixtures: Path, zarr_format: str) -> None:
    paths = sorted((fixtures / zarr_format / "array").glob("*.json"))
    assert len(paths) >= 4
    for path in paths:
        check_document(load(path), "zarr.json" if zarr_format == "v3" else ".zarray")


def test_groups_and_consolidated_metadata(fixtures: Path) -> None:
    for path in sorted((fixtures / "v3" / "group").glob("*.json")):
        document = load(path)
        group = open_document(document)
        assert dict(group.attrs) == document.get("attributes", {})
    for path in sorted((fixtures / "v3" / "consolidated").glob("*.json")):
        document = {"zarr_format": 3, "node_type": "group", "consolidated_metadata": load(path)}
        group = open_document(document)
        names = set(load(path)["metadata"])
        assert {name for name, _ in group.members(max_depth=None)} == names


def test_fill_values(fixtures: Path) -> None:
    paths = sorted((fixtures / "v3" / "data_type").glob("*/fill_values.json"))
    assert len(paths) >= 15
    for path in paths:
        kind = path.parent / "data_type.json"
        name = "r16" if path.parent.name == "raw" else path.parent.name
        data_type = load(kind) if kind.exists() else name
        serializer = {"name": "bytes"} if data_type in ("bool", "r16") else BYTES
        if data_type in ("string", "bytes"):
            serializer = {"name": "vlen-utf8" if data_type == "string" else "vlen-bytes"}
        for value in load(path).values():
            if name == "r16" and len(value) != 2:
                data_type = f"r{8 * len(value)}"
            document = {**BASE, "data_type": data_type, "codecs": [serializer]}
            check_fill_value({**document, "fill_value": value})


def check_fill_value(document: dict[str, Any]) -> None:
    array = open_document(document)
    again = {**document, "fill_value": array.metadata["fill_value"]}
    assert open_document(again)._native.fill_value == array._native.fill_value
    np.testing.assert_array_equal(array[0, 0], array.fill_value)


def test_codecs(fixtures: Path) -> None:
    for path in sorted((fixtures / "v3" / "codec").glob("*/cases.json")):
        name = path.parent.name
        for case, codec in load(path).items():
            codecs = [codec, BYTES] if name in ("scale_offset", "cast_value") else [BYTES, codec]
            document = {**BASE, "codecs": codecs}
            if codecs[0] is codec:
                document["data_type"] = "float64"
            if name == "bytes":
                document["codecs"] = [codec]
            elif name == "transpose":
                document["codecs"] = [codec, BYTES]
                document["shape"] = [4, 4, 4]
                document["chunk_grid"] = grid([2, 2, 2])
            elif name == "sharding_indexed":
                chunk = codec["configuration"]["chunk_shape"]
                document["codecs"] = [codec]
                document["shape"] = [256] * len(chunk)
                document["chunk_grid"] = grid([128] * len(chunk))
            if (name, case) in NO_ARRAYS:
                with pytest.raises(zarrloom.ZarrloomError, match=NO_ARRAYS[name, case]):
                    open_document(document)
            else:
                assert open_document(document).shape == tuple(document["shape"]), (name, case)


def grid(chunk_shape: list[int]) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": chunk_shape}}


def test_grids_and_keys(fixtures: Path) -> None:
    for path in sorted((fixtures / "v3" / "chunk_grid").glob("*/cases.json")):
        for case in load(path).values():
            shape = [100] * len(case["configuration"].get("chunk_shape", []))
            array = check_document({**BASE, "shape": shape or [60, 30], "chunk_grid": case})
            if case["name"] == "rectilinear":
                assert sum(array.write_chunk_sizes[0]) == 60
    for path in sorted((fixtures / "v3" / "chunk_key_encoding").glob("*/cases.json")):
        for case in load(path).values():
            array = open_document({**BASE, "chunk_key_encoding": case})
            separator = "/" if path.parent.name == "default" else "."
            if isinstance(case, dict):
                separator = case.get("configuration", {}).get("separator", separator)
            prefix = f"c{separator}" if path.parent.name == "default" else ""
            assert array.chunk_key((1, 0)) == f"{prefix}1{separator}0"
