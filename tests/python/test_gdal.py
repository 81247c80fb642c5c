"""GDAL: rasters that it writes as Zarr are read, and what zarrloom writes is read by it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

pytestmark = pytest.mark.skipif(
    shutil.which("gdal_translate") is None, reason="GDAL's programs are not installed"
)

# ENVI's numbers of types, by which raw memory goes in and out.
TYPES = {"uint8": 1, "int16": 2, "int32": 3, "float32": 4, "float64": 5, "uint16": 12, "uint32": 13}
SHAPE = (37, 53)
CODECS = ["NONE", "BLOSC", "ZLIB", "GZIP", "ZSTD", "LZ4"]


def values_of(dtype: str) -> np.ndarray[Any, Any]:
    numbers = np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE) * 7 % 251
    return (numbers / 2 if dtype.startswith("float") else numbers).astype(dtype)


def translate(*arguments: str | Path) -> None:
    command = ["gdal_translate", "-q", *(str(each) for each in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def raster(folder: Path, values: np.ndarray[Any, Any]) -> Path:
    """Make a file that GDAL reads: ENVI's raw memory with a header beside it."""
    path = folder / "source.img"
    path.write_bytes(values.tobytes())
    header = {
        "samples": SHAPE[1],
        "lines": SHAPE[0],
        "bands": 1,
        "data type": TYPES[values.dtype.name],
        "interleave": "bsq",
        "byte order": 0,
    }
    lines = [f"{name} = {value}" for name, value in header.items()]
    path.with_suffix(".hdr").write_text("\n".join(["ENVI", *lines]) + "\n")
    return path


def written_by_gdal(folder: Path, values: np.ndarray[Any, Any], *options: str) -> zarrloom.Array:
    target = folder / "made.zarr"
    given = [each for option in options for each in ("-co", option)]
    translate("-of", "Zarr", *given, raster(folder, values), target)
    group = zarrloom.open_group(target, mode="r")
    arrays = [array for _, array in group.arrays() if array.ndim == 2]
    assert len(arrays) == 1
    return arrays[0]


@pytest.mark.parametrize("dtype", list(TYPES))
def test_types(tmp_path: Path, dtype: str) -> None:
    values = values_of(dtype)
    array = written_by_gdal(tmp_path, values, "COMPRESS=ZLIB", "BLOCKSIZE=10,20")
    assert (array.dtype, array.chunks) == (values.dtype, (10, 20))
    np.testing.assert_array_equal(array[...], values)


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("codec", CODECS)
def test_codecs(tmp_path: Path, codec: str, layout: str) -> None:
    values = values_of("int16")
    options = [f"COMPRESS={codec}", f"CHUNK_MEMORY_LAYOUT={layout}", "DIM_SEPARATOR=/"]
    array = written_by_gdal(tmp_path, values, *options)
    np.testing.assert_array_equal(array[...], values)


def test_delta(tmp_path: Path) -> None:
    values = values_of("int32")
    array = written_by_gdal(tmp_path, values, "FILTER=DELTA", "COMPRESS=GZIP")
    assert [codec["name"] for codec in array.filters] == ["numcodecs.delta"]
    np.testing.assert_array_equal(array[...], values)


@pytest.mark.parametrize("codec", ["zlib", "gzip", "zstd", "lz4", "blosc", None])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_it_reads_what_zarrloom_writes(tmp_path: Path, dtype: str, codec: str | None) -> None:
    values = values_of(dtype)
    group = zarrloom.create_group(tmp_path / "ours.zarr", zarr_format=2)
    array = group.create_array(
        "a", data=values, chunks=(10, 20), compressors=None if codec is None else {"id": codec}
    )
    assert array.shape == SHAPE
    out = tmp_path / "out.img"
    translate("-of", "ENVI", tmp_path / "ours.zarr" / "a", out)
    got = np.frombuffer(out.read_bytes(), dtype).reshape(SHAPE)
    np.testing.assert_array_equal(got, values)
