"""Single chunks as they are stored, and copies of whole arrays."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import zarrloom

VALUES = np.arange(10 * 14, dtype="int16").reshape(10, 14) + 1
KINDS: dict[str, dict[str, Any]] = {
    "chunks": {"chunks": (4, 5)},
    "shards": {"chunks": (2, 5), "shards": (4, 10)},
    "v2": {"chunks": (4, 5), "zarr_format": 2},
}
kinds = pytest.mark.parametrize("kind", KINDS)


def make(kind: str, store: Any = None, **options: Any) -> zarrloom.Array:
    array = zarrloom.create_array(
        store or zarrloom.MemoryStore(), data=VALUES, **{**KINDS[kind], **options}
    )
    return array


@kinds
def test_chunks_come_and_go(kind: str) -> None:
    array, expected = make(kind), VALUES.copy()
    assert array.chunk_exists((1, 2))
    assert array.nchunks_initialized == array.nchunks
    array.delete_chunk((1, 2))
    array.delete_chunk((1, 2))
    expected[array.chunk_bounds((1, 2))] = 0
    assert not array.chunk_exists((1, 2))
    assert array.nchunks_initialized == array.nchunks - 1
    np.testing.assert_array_equal(array[...], expected)
    array.fill(0)
    assert array.nchunks_initialized == 0
    assert array.read_raw_chunk((0, 0)) is None
    array.delete_chunk((0, 0))
    array.fill(3)
    assert array.nchunks_initialized == array.nchunks
    assert (array[...] == 3).all()
    with pytest.raises(IndexError, match="no chunk"):
        array.chunk_exists((9, 0))


@kinds
def test_encoded_bytes_go_from_one_array_to_another(kind: str, tmp_path: Path) -> None:
    source, target = make(kind, tmp_path / "a"), make(kind, tmp_path / "b")
    target.fill(0)
    for index in np.ndindex(*source.cdata_shape):
        raw = source.read_raw_chunk(index)
        assert raw is not None
        target.write_raw_chunk(index, raw)
    np.testing.assert_array_equal(target[...], VALUES)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "b", mode="r")[...], VALUES)


@kinds
def test_what_cannot_be_decoded_is_not_stored(kind: str) -> None:
    array = make(kind)
    with pytest.raises(zarrloom.CorruptDataError, match=r"chunk \(0, 1\)"):
        array.write_raw_chunk((0, 1), b"no such codec wrote this")
    np.testing.assert_array_equal(array[...], VALUES)


def test_raw_bytes_are_what_the_codec_wrote() -> None:
    array = make("v2", compressors={"id": "zlib", "level": 1})
    raw = array.read_raw_chunk((0, 0))
    assert raw is not None
    assert zlib.decompress(raw) == VALUES[:4, :5].tobytes()


@kinds
def test_what_is_stored_is_told(kind: str, tmp_path: Path) -> None:
    array = make(kind, tmp_path / "a")
    on_disk = sum(f.stat().st_size for f in (tmp_path / "a").rglob("*") if f.is_file())
    metadata = sum(
        (tmp_path / "a" / n).stat().st_size
        for n in ("zarr.json", ".zarray")
        if (tmp_path / "a" / n).exists()
    )
    assert array.nbytes_stored() == on_disk - metadata
    table = array.info_complete()
    assert f"Chunks stored    : {array.nchunks} of {array.nchunks}" in table
    assert f"Bytes stored     : {on_disk - metadata} " in table
    assert ("Shards stored" in table) == (kind == "shards")


@kinds
def test_a_copy_as_it_is_moves_encoded_objects(kind: str, tmp_path: Path) -> None:
    source = make(kind, tmp_path / "a", attributes={"unit": "K"})
    source.delete_chunk((0, 0))
    seen: list[tuple[int, int]] = []
    before = zarrloom.stats()["decode"]["count"]
    copy = zarrloom.copy_array(
        source, tmp_path / "b", name="x/y", progress=lambda done, total: seen.append((done, total))
    )
    assert zarrloom.stats()["decode"]["count"] == before
    assert copy.metadata == source.metadata
    assert dict(copy.attrs) == {"unit": "K"}
    np.testing.assert_array_equal(copy[...], source[...])
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))
    with pytest.raises(FileExistsError):
        zarrloom.copy_array(source, tmp_path / "b", name="x/y")


@pytest.mark.parametrize(
    "changes",
    [
        {"chunks": (3, 14)},
        {"chunks": (5, 7), "shards": (10, 7), "zarr_format": 3},
        {"compressors": "gzip"},
        {"dtype": "float64"},
        {"attributes": {"new": 1}, "zarr_format": 3},
        {"zarr_format": 2, "shards": None, "chunks": (4, 4), "dimension_names": None},
    ],
)
@kinds
def test_a_copy_may_be_another_array(kind: str, changes: dict[str, Any], tmp_path: Path) -> None:
    if kind == "v2" and changes.get("compressors"):
        changes = {"compressors": {"id": "gzip", "level": 1}}
    copy = zarrloom.copy_array(make(kind), tmp_path / "b", **changes)
    np.testing.assert_array_equal(copy[...], VALUES)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "b", mode="r")[...], VALUES)
    assert copy.chunks == changes.get("chunks", copy.chunks)
    assert copy.dtype == changes.get("dtype", "int16")


def test_a_copy_has_its_sources_shape() -> None:
    with pytest.raises(zarrloom.InvalidArgumentError, match="resize"):
        zarrloom.copy_array(make("chunks"), zarrloom.MemoryStore(), shape=(3,))
