"""The encoded bytes that numcodecs keeps of its releases decode to the arrays they were made of.

``ZARRLOOM_NUMCODECS_FIXTURES`` names the folder ``fixture`` of numcodecs' source distribution.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

numcodecs = pytest.importorskip("numcodecs")

BYTE_CODECS = ["adler32", "base64", "blosc", "bz2", "crc32", "crc32c", "gzip", "lz4", "lzma"]
BYTE_CODECS += ["shuffle", "zlib", "zstd"]
ARRAY_CODECS = ["astype", "delta", "fixedscaleoffset", "packbits", "quantize"]
REFUSED = ["json2", "msgpack2", "pcodec", "pickle", "zfpy"]
OF_VARIABLE_LENGTH = ["categorize", "vlen-array", "vlen-bytes", "vlen-utf8"]


@pytest.fixture(scope="module")
def fixtures() -> Path:
    folder = os.environ.get("ZARRLOOM_NUMCODECS_FIXTURES")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ZARRLOOM_NUMCODECS_FIXTURES is not set")
    return Path(folder)


def store_of(values: np.ndarray[Any, Any], encoded: bytes, **codecs: Any) -> zarrloom.MemoryStore:
    fortran = values.flags.f_contiguous and not values.flags.c_contiguous
    metadata = {
        "zarr_format": 2,
        "shape": values.shape,
        "chunks": values.shape,
        "dtype": values.dtype.str,
        "fill_value": None,
        "order": "F" if fortran else "C",
        **{"compressor": None, "filters": None, **codecs},
    }
    store = zarrloom.MemoryStore()
    store.write(".zarray", json.dumps(metadata).encode())
    store.write(".".join("0" for _ in values.shape), encoded)
    return store


def samples(folder: Path, variable: bool = False) -> Any:
    """Each array with each configuration's encoded bytes of it."""
    for source in sorted(folder.rglob("array.*.npy")):
        number = source.name.split(".")[1]
        values = np.load(source, allow_pickle=True)
        for configured in sorted(source.parent.glob("codec.*")):
            encoded = configured / f"encoded.{number}.dat"
            if encoded.exists() and (variable or values.dtype != object):
                yield values, json.loads((configured / "config.json").read_text()), encoded


@pytest.mark.parametrize("codec", BYTE_CODECS)
def test_byte_codecs_decode_equal(fixtures: Path, codec: str) -> None:
    compared = 0
    for values, config, encoded in samples(fixtures / codec):
        raw = np.frombuffer(values.tobytes(order="A"), "uint8")
        store = store_of(raw, encoded.read_bytes(), compressor=config)
        try:
            array = zarrloom.open_array(store)
        except zarrloom.UnsupportedError as error:
            # c-blosc is built without Snappy by default, the wheel without bzip2 and LZMA.
            assert config.get("cname") == "snappy" or "this build of zarrloom" in str(error)
            continue
        assert array[...].tobytes() == raw.tobytes(), f"{encoded} {config}"
        compared += 1
    assert compared >= 10 or codec in ("bz2", "lzma")


@pytest.mark.parametrize("codec", ARRAY_CODECS)
def test_array_codecs_decode_equal(fixtures: Path, codec: str) -> None:
    """To what numcodecs itself decodes: some lose digits."""
    compared = 0
    for values, config, encoded in samples(fixtures / codec):
        stored = encoded.read_bytes()
        array = zarrloom.open_array(store_of(values, stored, filters=[config]))
        order: Any = array.order
        wanted = np.asarray(numcodecs.get_codec(config).decode(stored)).view(values.dtype)
        assert array[...].tobytes(order) == wanted.tobytes(), f"{encoded} {config}"
        if codec in ("delta", "packbits") and values.dtype.kind != "f":
            assert array[...].tobytes() == values.tobytes()
        compared += 1
    assert compared >= 4


@pytest.mark.parametrize("codec", OF_VARIABLE_LENGTH)
def test_elements_of_variable_length_decode_equal(fixtures: Path, codec: str) -> None:
    compared = 0
    for values, config, encoded in samples(fixtures / codec, variable=True):
        array = zarrloom.open_array(store_of(values, encoded.read_bytes(), filters=[config]))
        got = array[...].astype(values.dtype)
        wanted = numcodecs.get_codec(config).decode(encoded.read_bytes())
        wanted = wanted.reshape(values.shape, order=array.order)
        assert got.shape == wanted.shape
        for ours, theirs in zip(got.flat, wanted.flat, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{encoded} {config}")
        compared += 1
    assert compared >= 4


@pytest.mark.parametrize("codec", REFUSED)
def test_refused_by_name(fixtures: Path, codec: str) -> None:
    config = json.loads(next(fixtures.glob(f"{codec}/**/config.json")).read_text())
    store = store_of(np.zeros(3, "f4"), b"", filters=[config])
    with pytest.raises(zarrloom.UnsupportedError, match=f'"{codec}" is not supported: '):
        zarrloom.open_array(store)


def test_no_codec_is_forgotten(fixtures: Path) -> None:
    known = {*BYTE_CODECS, *ARRAY_CODECS, *REFUSED, *OF_VARIABLE_LENGTH}
    assert {folder.name for folder in fixtures.iterdir() if folder.is_dir()} <= known
