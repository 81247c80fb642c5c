"""Bad metadata: a clear error, in bounded memory, and no change. Names as in the faults table."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults import Meta, edit, make

import zarrloom


class TestMetadata:
    @pytest.mark.parametrize("text", [b"", b"{", b'{"zarr_format": 3,', b"\xff\xfe{}", b"nonsense"])
    @pytest.mark.parametrize("mode", ["r", "r+", "a"])
    def test_a1_not_json(self, tmp_path: Path, text: bytes, mode: str) -> None:
        (tmp_path / "zarr.json").write_bytes(text)
        with pytest.raises(zarrloom.MetadataError, match=r"zarr\.json"):
            zarrloom.open(tmp_path, mode=mode, shape=(1,), dtype="int8")
        assert (tmp_path / "zarr.json").read_bytes() == text

    def test_a2_deep_nesting(self, tmp_path: Path) -> None:
        (tmp_path / "zarr.json").write_bytes(b"[" * 200_000)
        with pytest.raises(zarrloom.MetadataError):
            zarrloom.open_array(tmp_path)
        (tmp_path / "zarr.json").write_bytes(b"[" * 200_000 + b"]" * 200_000)
        with pytest.raises(zarrloom.MetadataError, match="nested"):
            zarrloom.open_array(tmp_path)

    def test_a3_duplicate_key_and_byte_order_mark(self, tmp_path: Path) -> None:
        make(tmp_path)
        text = (tmp_path / "zarr.json").read_text()
        (tmp_path / "zarr.json").write_text(text.replace("{", '{"shape": [99],', 1))
        with pytest.raises(zarrloom.MetadataError, match="shape"):
            zarrloom.open_array(tmp_path)
        (tmp_path / "zarr.json").write_text("\ufeff" + text)
        with pytest.raises(zarrloom.MetadataError, match="byte order mark"):
            zarrloom.open_array(tmp_path)

    def test_a4_bare_nan(self, tmp_path: Path) -> None:
        make(tmp_path / "3", dtype="float32", fill_value=float("nan"))
        text = (tmp_path / "3" / "zarr.json").read_text()
        assert '"NaN"' in text
        (tmp_path / "3" / "zarr.json").write_text(text.replace('"NaN"', "NaN"))
        with pytest.raises(zarrloom.MetadataError):
            zarrloom.open_array(tmp_path / "3")
        make(tmp_path / "2", dtype="float32", fill_value=float("nan"), zarr_format=2)
        text = (tmp_path / "2" / ".zarray").read_text()
        assert '"NaN"' in text
        (tmp_path / "2" / ".zarray").write_text(text.replace('"NaN"', "NaN"))
        assert np.isnan(zarrloom.open_array(tmp_path / "2").fill_value)

    @pytest.mark.parametrize(
        ("dtype", "fill", "bits"),
        [
            ("float32", "NaN", 0x7FC00000),
            ("float32", "0x7fc00001", 0x7FC00001),
            ("float32", "-Infinity", 0xFF800000),
            ("float32", -0.0, 0x80000000),
            ("uint32", 4294967295, 0xFFFFFFFF),
        ],
    )
    def test_a5_exact_fill(self, tmp_path: Path, dtype: str, fill: Any, bits: int) -> None:
        make(tmp_path, dtype=dtype)
        edit(tmp_path, lambda m: m.update(fill_value=fill))
        for chunk in (tmp_path / "c").iterdir():
            chunk.unlink()
        array = zarrloom.open_array(tmp_path, mode="r+")
        assert (array[...].view("uint32") == bits).all()
        array.attrs["touched"] = True
        assert json.loads((tmp_path / "zarr.json").read_text())["fill_value"] == fill

    @pytest.mark.parametrize("fill", [300, -1, 1.5, "x", None, [0]])
    def test_a5_wrong_fill(self, tmp_path: Path, fill: Any) -> None:
        make(tmp_path, dtype="uint8")
        edit(tmp_path, lambda m: m.update(fill_value=fill))
        with pytest.raises(zarrloom.MetadataError, match="fill"):
            zarrloom.open_array(tmp_path)

    def test_a5_missing_fill(self, tmp_path: Path) -> None:
        make(tmp_path)
        edit(tmp_path, lambda m: m.pop("fill_value"))
        with pytest.raises(zarrloom.MetadataError, match="fill_value"):
            zarrloom.open_array(tmp_path)

    def test_a5_v2_null_fill_is_zero(self, tmp_path: Path) -> None:
        make(tmp_path, zarr_format=2)
        edit(tmp_path, lambda m: m.update(fill_value=None), ".zarray")
        (tmp_path / "0").unlink()
        array = zarrloom.open_array(tmp_path, mode="r+")
        assert (array[:5] == 0).all()
        # Other readers may take null for something else: zeros are stored, not left out.
        array[:5] = 0
        assert (tmp_path / "0").exists()

    @pytest.mark.parametrize("shape", [[-1], [10.5], [2**64], [10, 10], ["10"], 10, None])
    def test_a6_shapes(self, tmp_path: Path, shape: Any) -> None:
        make(tmp_path)
        edit(tmp_path, lambda m: m.update(shape=shape))
        with pytest.raises(zarrloom.MetadataError):
            zarrloom.open_array(tmp_path)

    @pytest.mark.parametrize("chunks", [[0], [-1], [2, 2], [1.5]])
    def test_a6_chunks(self, tmp_path: Path, chunks: Any) -> None:
        make(tmp_path)
        edit(tmp_path, lambda m: m["chunk_grid"]["configuration"].update(chunk_shape=chunks))
        with pytest.raises(zarrloom.MetadataError):
            zarrloom.open_array(tmp_path)

    def test_a7_huge_shape_costs_nothing(self, tmp_path: Path) -> None:
        array = zarrloom.create_array(
            tmp_path, shape=(2**62, 2**62), chunks=(1, 1), dtype="uint8", fill_value=7
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert array[2**61, 5] == 7
        array[2**62 - 1, 2**62 - 1] = 3
        assert array[2**62 - 1, 2**62 - 1] == 3
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            (lambda m: m["codecs"].append({"name": "made_up"}), "made_up"),
            (lambda m: m.update(data_type="int7"), "int7"),
            (lambda m: m.update(chunk_grid={"name": "hexagonal"}), "hexagonal"),
            (lambda m: m.update(storage_transformers=[{"name": "indirect"}]), "indirect"),
            (lambda m: m.update(unheard_of={"name": "x"}), "unheard_of"),
        ],
    )
    def test_a8_unknown_things_are_named(
        self, tmp_path: Path, change: Callable[[Meta], None], name: str
    ) -> None:
        make(tmp_path)
        edit(tmp_path, change)
        with pytest.raises(zarrloom.UnsupportedError, match=name):
            zarrloom.open_array(tmp_path)

    def test_a8_what_need_not_be_understood_is_kept(self, tmp_path: Path) -> None:
        make(tmp_path)
        extra = {"must_understand": False, "answer": [42]}
        edit(tmp_path, lambda m: m.update(unheard_of=extra))
        array = zarrloom.open_array(tmp_path, mode="r+")
        array.attrs["x"] = 1
        assert json.loads((tmp_path / "zarr.json").read_text())["unheard_of"] == extra

    @pytest.mark.parametrize(
        "codecs",
        [
            [],
            [{"name": "zstd", "configuration": {"level": 0, "checksum": False}}],
            [{"name": "bytes"}],
            [{"name": "bytes", "configuration": {"endian": "little"}}] * 2,
            [{"name": "zstd"}, {"name": "bytes", "configuration": {"endian": "little"}}],
            [
                {"name": "transpose", "configuration": {"order": [1]}},
                {"name": "bytes", "configuration": {"endian": "little"}},
            ],
            [
                {"name": "bytes", "configuration": {"endian": "little"}},
                {"name": "transpose", "configuration": {"order": [0]}},
            ],
            [{"name": "bytes", "configuration": {"endian": "middle"}}],
        ],
    )
    def test_a9_wrong_chains(self, tmp_path: Path, codecs: list[Meta]) -> None:
        make(tmp_path)
        edit(tmp_path, lambda m: m.update(codecs=codecs))
        with pytest.raises((zarrloom.MetadataError, zarrloom.InvalidArgumentError)):
            zarrloom.open_array(tmp_path)

    def test_a10_separators_and_names(self, tmp_path: Path) -> None:
        make(tmp_path / "a")
        edit(
            tmp_path / "a",
            lambda m: m["chunk_key_encoding"]["configuration"].update(separator="/../"),
        )
        with pytest.raises(zarrloom.MetadataError, match="separator"):
            zarrloom.open_array(tmp_path / "a")
        for name in ("..", "a//b", "a" * 300, "__x", "a/../b", "a\0b", "a\\b", "./a"):
            with pytest.raises(zarrloom.InvalidArgumentError):
                zarrloom.create_array(tmp_path / "root", name=name, shape=(1,), dtype="int8")
        assert not (tmp_path / "root").exists()

    def test_a11_format_given_or_newest(self, tmp_path: Path) -> None:
        make(tmp_path)
        with pytest.raises(zarrloom.NodeNotFoundError):
            zarrloom.open_array(tmp_path, zarr_format=2)

    def test_wrong_node_type(self, tmp_path: Path) -> None:
        (tmp_path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
        with pytest.raises(zarrloom.ZarrloomError, match="group"):
            zarrloom.open_array(tmp_path)

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="no array"):
            zarrloom.open_array(tmp_path / "nowhere", mode="r")
        assert not (tmp_path / "nowhere").exists()
