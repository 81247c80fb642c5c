"""Every codec with every data type, order and chunking, both ways with zarr-python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_interop import NUMBERS, V2_CODECS, V3_CODECS, assert_same, sample

import zarrloom

zarr = pytest.importorskip("zarr")
SHAPE = (9, 5, 6)
# With edge chunks in every dimension, in one chunk, and in chunks larger than the array.
CHUNKINGS = [(4, 2, 4), (9, 5, 6), (16, 5, 1)]


def cross(folder: Path, dtype: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Write with one and read with the other, in every chunking."""
    values = sample(dtype, SHAPE)
    for number, chunks in enumerate(CHUNKINGS):
        made = zarr.create_array(
            str(folder / f"theirs{number}"), shape=SHAPE, chunks=chunks, dtype=dtype, **theirs
        )
        made[...] = values
        assert_same(zarrloom.open_array(folder / f"theirs{number}", mode="r")[...], values)
        array = zarrloom.create_array(
            folder / f"ours{number}", shape=SHAPE, chunks=chunks, dtype=dtype, **ours
        )
        array[...] = values
        assert_same(zarr.open_array(str(folder / f"ours{number}"), mode="r")[...], values)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("codec", V3_CODECS)
def test_v3(tmp_path: Path, codec: str, order: str) -> None:
    transpose = [] if order == "C" else [zarr.codecs.TransposeCodec(order=(2, 1, 0))]
    common = {"compressors": V3_CODECS[codec], "zarr_format": 3}
    for dtype in NUMBERS:
        ours, theirs = {**common, "order": order}, {**common, "filters": transpose}
        cross(tmp_path / dtype, dtype, ours, theirs)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("codec", V2_CODECS)
def test_v2(tmp_path: Path, codec: str, order: str) -> None:
    numcodecs = pytest.importorskip("numcodecs")
    config = V2_CODECS[codec]
    compressor = None if config is None else numcodecs.get_codec(config)
    options = {"compressors": compressor, "order": order, "zarr_format": 2}
    for dtype in [*NUMBERS, ">i2", ">u4", ">f8", ">c16", "S5", "M8[ns]", "m8[10us]"]:
        cross(tmp_path / dtype, dtype, options, options)
