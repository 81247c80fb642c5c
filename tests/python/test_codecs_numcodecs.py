"""The codecs of numcodecs, in format 3, both ways with zarr-python and numcodecs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_interop import assert_same, sample

import zarrloom

zarr = pytest.importorskip("zarr")
numcodecs = pytest.importorskip("numcodecs")
ensure_bytes = pytest.importorskip("numcodecs.compat").ensure_bytes
pytestmark = pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")

SHAPE = (9, 5, 6)
CHUNKINGS = [(4, 2, 4), (9, 5, 6), (16, 5, 1)]
DTYPES = ["bool", "int8", "uint16", "int32", "int64", "float16", "float32", "float64", "complex64"]

BYTE_CODECS: dict[str, dict[str, Any]] = {
    "bz2": {"name": "numcodecs.bz2", "configuration": {"level": 3}},
    "lzma": {"name": "numcodecs.lzma", "configuration": {"preset": 1}},
    "lzma_raw": {
        "name": "numcodecs.lzma",
        "configuration": {"format": 3, "filters": [{"id": 3, "dist": 2}, {"id": 33, "preset": 1}]},
    },
    "shuffle": {"name": "numcodecs.shuffle", "configuration": {"elementsize": 1}},
    "crc32": {"name": "numcodecs.crc32"},
    "crc32_end": {"name": "numcodecs.crc32", "configuration": {"location": "end"}},
    "crc32c": {"name": "numcodecs.crc32c"},
    "adler32": {"name": "numcodecs.adler32"},
    "fletcher32": {"name": "numcodecs.fletcher32"},
    "jenkins_lookup3": {"name": "numcodecs.jenkins_lookup3", "configuration": {"initval": 9}},
}


def skip_if_left_out(name: str) -> None:
    """A build without the library refuses the codec, and says how to get it."""
    try:
        zarrloom.create_array(
            zarrloom.MemoryStore(), shape=1, dtype="u1", compressors=BYTE_CODECS[name]
        )
    except zarrloom.UnsupportedError as error:
        assert "this build of zarrloom has no" in str(error)
        pytest.skip(str(error))


def cross(folder: Path, values: np.ndarray[Any, Any], chunks: Any, **codecs: Any) -> None:
    options = {"shape": values.shape, "chunks": chunks, "dtype": values.dtype, **codecs}
    made = zarr.create_array(str(folder / "theirs"), **options)
    made[...] = values
    assert_same(zarrloom.open_array(folder / "theirs", mode="r")[...], made[...])
    zarrloom.create_array(folder / "ours", **options)[...] = values
    assert_same(zarr.open_array(str(folder / "ours"), mode="r")[...], made[...])


@pytest.mark.parametrize("codec", BYTE_CODECS)
def test_byte_codecs(tmp_path: Path, codec: str) -> None:
    skip_if_left_out(codec)
    config = {"configuration": {}, **BYTE_CODECS[codec]}
    for dtype in DTYPES:
        for number, chunks in enumerate(CHUNKINGS):
            folder = tmp_path / f"{dtype}{number}"
            cross(folder, sample(dtype, SHAPE), chunks, compressors=[config], zarr_format=3)


def test_shuffle_before_a_compressor(tmp_path: Path) -> None:
    shuffle = {"name": "numcodecs.shuffle", "configuration": {"elementsize": 8}}
    zstd = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
    for dtype in ("int64", "float64", "complex64"):
        values = sample(dtype, SHAPE)
        cross(tmp_path / dtype, values, (4, 2, 4), compressors=[shuffle, zstd])


def test_two_compressors_and_checksums(tmp_path: Path) -> None:
    chain = [
        {"name": "numcodecs.fletcher32", "configuration": {}},
        {"name": "numcodecs.zlib", "configuration": {"level": 1}},
        {"name": "numcodecs.crc32", "configuration": {}},
        {"name": "numcodecs.lz4", "configuration": {"acceleration": 1}},
        {"name": "numcodecs.adler32", "configuration": {}},
    ]
    cross(tmp_path, sample("float32", SHAPE), (4, 2, 4), compressors=chain)


@pytest.mark.parametrize(
    "codec",
    [
        numcodecs.BZ2(3),
        numcodecs.LZMA(preset=2),
        numcodecs.LZMA(format=3, filters=[{"id": 33, "preset": 1}]),
        numcodecs.Shuffle(4),
        numcodecs.CRC32(),
        numcodecs.CRC32("end"),
        numcodecs.Adler32(),
        numcodecs.fletcher32.Fletcher32(),
        numcodecs.checksum32.JenkinsLookup3(3, b"abc"),
        numcodecs.Base64(),
    ],
    ids=repr,
)
def test_bytes_are_those_of_numcodecs(codec: Any) -> None:
    """One chunk, by a numcodecs object: it decodes what is stored, and the other way round."""
    values = np.arange(300, dtype="int32") ** 2
    store = zarrloom.MemoryStore()
    try:
        array = zarrloom.create_array(store, data=values, chunks=300, compressors=codec)
    except zarrloom.UnsupportedError as error:
        pytest.skip(str(error))
    stored = store.read("c/0")
    assert stored is not None
    assert ensure_bytes(codec.decode(stored)) == values.tobytes()
    store.write("c/0", ensure_bytes(codec.encode(values[::-1].copy())))
    np.testing.assert_array_equal(array[...], values[::-1])


@pytest.mark.parametrize("codec", BYTE_CODECS)
def test_lying_data_is_an_error(codec: str) -> None:
    skip_if_left_out(codec)
    store = zarrloom.MemoryStore()
    values = np.arange(100, dtype="uint16")
    array = zarrloom.create_array(store, data=values, chunks=100, compressors=BYTE_CODECS[codec])
    stored = store.read("c/0")
    assert stored is not None
    damaged = [stored[:-1], stored[1:], stored + b"\0", stored[: len(stored) // 2], b""]
    if codec not in ("shuffle", "lzma_raw"):
        damaged.append(stored[:9] + bytes([stored[9] ^ 1]) + stored[10:])
    for data in damaged:
        store.write("c/0", data)
        with pytest.raises(zarrloom.CorruptDataError):
            array[...]


def test_b8_lz4_prefix_that_lies() -> None:
    """Row B8: the size in front of an LZ4 block is compared before anything is allocated by it."""
    store = zarrloom.MemoryStore()
    array = zarrloom.create_array(
        store, data=np.arange(100, dtype="u1"), chunks=100, compressors=numcodecs.LZ4()
    )
    stored = store.read("c/0")
    assert stored is not None
    for lie in (0, 99, 101, 2**31 - 1, 2**31, 2**32 - 1):
        store.write("c/0", lie.to_bytes(4, "little") + stored[4:])
        with pytest.raises(zarrloom.CorruptDataError, match=f"{lie} bytes announced"):
            array[...]


@pytest.mark.parametrize("name", ["zfp", "pcodec", "numcodecs.zfpy", "numcodecs.pcodec"])
def test_refused_by_name_with_the_reason(name: str) -> None:
    with pytest.raises(zarrloom.UnsupportedError, match=f'"{name}" is not supported: .*library'):
        zarrloom.create_array(zarrloom.MemoryStore(), shape=4, dtype="f4", compressors=name)
