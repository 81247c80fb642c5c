"""Array filters of numcodecs: the same bytes, and both ways with zarr-python in both formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_codecs_numcodecs import cross
from test_interop import assert_same

import zarrloom

zarr = pytest.importorskip("zarr")
numcodecs = pytest.importorskip("numcodecs")
pytestmark = [
    pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3"),
    pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value encountered"),
]

INTEGERS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
FLOATS = ["f2", "f4", "f8"]


def numbers(dtype: str, count: int = 300) -> np.ndarray[Any, Any]:
    """Values that every type can hold sums and differences of without losing what it is."""
    random = np.random.default_rng(3)
    if dtype.endswith("b1"):
        return random.integers(0, 2, count).astype(bool)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (random.standard_normal(count) * 100).astype(kind)
    return random.integers(0, 100, count).astype(kind)


def check_same_bytes(codec: Any, values: np.ndarray[Any, Any]) -> None:
    """What is stored is what numcodecs makes, and what numcodecs makes is read as it reads it."""
    store = zarrloom.MemoryStore()
    encoded = np.ascontiguousarray(codec.encode(values)).tobytes()
    array = zarrloom.create_array(
        store, data=values, chunks=values.shape, filters=codec, compressors=None
    )
    assert store.read("c/0") == encoded
    decoded = np.asarray(codec.decode(codec.encode(values))).view(values.dtype)
    assert_same(array[...], decoded.reshape(values.shape))
    assert_same(array[7:200:3], decoded.reshape(values.shape)[7:200:3])


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_delta(dtype: str) -> None:
    values = numbers(dtype)
    check_same_bytes(numcodecs.Delta(dtype), values)
    wider = {"i": "i8", "u": "u8", "f": "f8"}[dtype[0]]
    check_same_bytes(numcodecs.Delta(dtype, wider), values)
    if dtype[0] == "f":
        check_same_bytes(numcodecs.Delta(dtype, "f4"), values)
        check_same_bytes(numcodecs.Delta(dtype, "i4"), np.trunc(values))


def test_delta_of_bools_comes_back() -> None:
    """numcodecs stores the same bytes, but cannot decode them: its sum of bools is "or"."""
    values = numbers("b1")
    store = zarrloom.MemoryStore()
    codec = numcodecs.Delta("b1")
    array = zarrloom.create_array(store, data=values, chunks=300, filters=codec, compressors=None)
    assert store.read("c/0") == codec.encode(values).tobytes()
    assert_same(array[...], values)


@pytest.mark.parametrize("decoded", ["b1", *INTEGERS, *FLOATS])
@pytest.mark.parametrize("encoded", ["b1", *INTEGERS, *FLOATS])
def test_astype(encoded: str, decoded: str) -> None:
    check_same_bytes(numcodecs.AsType(encoded, decoded), numbers(decoded))


@pytest.mark.parametrize("dtype", FLOATS)
def test_quantize(dtype: str) -> None:
    values = numbers(dtype)
    values[:6] = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).tiny]
    for digits in (-2, -1, 0, 1, 2, 3):
        for astype in FLOATS:
            check_same_bytes(numcodecs.Quantize(digits, dtype, astype), values)


@pytest.mark.parametrize(("dtype", "most"), [("f2", 10), ("f4", 23), ("f8", 52)])
def test_bitround(dtype: str, most: int) -> None:
    values = numbers(dtype)
    for keep in (0, 1, 5, most - 1, most):
        check_same_bytes(numcodecs.BitRound(keep), values)


def test_bitround_of_integers() -> None:
    """As the registered codec has it: from the highest bit that is set."""
    values = np.array([0, 1, 5, 6, 7, 100, 127, 128, 255], "uint8")
    array = zarrloom.create_array(
        zarrloom.MemoryStore(),
        data=values,
        filters={"name": "bitround", "configuration": {"keepbits": 2}},
    )
    assert array[...].tolist() == [0, 1, 4, 6, 8, 96, 128, 128, 192]


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
@pytest.mark.parametrize(("offset", "scale"), [(2, 3), (1.5, 0.5), (10, 0.25), (-3.0, 2)])
def test_fixedscaleoffset(dtype: str, offset: float, scale: float) -> None:
    values = numbers(dtype)
    if dtype in ("i1", "u1"):
        values //= 5
    signed = dtype[0] == "u" and offset > 0 and isinstance(offset, int)
    if signed:
        values += np.dtype(dtype).type(10)  # the difference stays above 0
    for astype in ("i4", "i8", "f4", "f8"):
        check_same_bytes(numcodecs.FixedScaleOffset(offset, scale, dtype, astype), values)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 300])
def test_packbits(count: int) -> None:
    values = numbers("b1", count)
    store = zarrloom.MemoryStore()
    codec = numcodecs.PackBits()
    array = zarrloom.create_array(store, data=values, chunks=count, filters=codec, compressors=None)
    assert store.read("c/0") == codec.encode(values).tobytes()
    assert_same(array[...], values)


# ---- with zarr-python ----

ARRAY_CODECS: dict[str, tuple[str, dict[str, Any]]] = {
    "delta": ("i4", {"dtype": "<i4"}),
    "delta_wider": ("u2", {"dtype": "<u2", "astype": "<i8"}),
    "quantize": ("f8", {"digits": 2, "dtype": "<f8", "astype": "<f8"}),
    "bitround": ("f4", {"keepbits": 6}),
    "fixedscaleoffset": (
        "f8",
        {"offset": -500, "scale": 10, "dtype": "<f8", "astype": "<u2"},
    ),
    "astype": ("i8", {"encode_dtype": "<i2", "decode_dtype": "<i8"}),
    "packbits": ("b1", {}),
}
SHAPE = (9, 5, 6)
CHUNKINGS = [(4, 2, 4), (9, 5, 6), (16, 5, 1)]


@pytest.mark.parametrize("codec", [name for name in ARRAY_CODECS if name != "packbits"])
def test_v3_with_zarr_python(tmp_path: Path, codec: str) -> None:
    dtype, configuration = ARRAY_CODECS[codec]
    filters = [{"name": f"numcodecs.{codec.split('_')[0]}", "configuration": configuration}]
    values = numbers(dtype, 270).reshape(SHAPE)
    for number, chunks in enumerate(CHUNKINGS):
        cross(tmp_path / str(number), values, chunks, filters=filters)


def two_ways(folder: Path, values: np.ndarray[Any, Any], **options: Any) -> None:
    for number, chunks in enumerate(CHUNKINGS):
        common = {"shape": SHAPE, "chunks": chunks, "dtype": values.dtype, "zarr_format": 2}
        theirs = zarr.create_array(str(folder / f"theirs{number}"), **common, **options)
        theirs[...] = values
        assert_same(zarrloom.open_array(folder / f"theirs{number}", mode="r")[...], theirs[...])
        zarrloom.create_array(folder / f"ours{number}", **common, **options)[...] = values
        ours = zarr.open_array(str(folder / f"ours{number}"), mode="r")
        assert_same(ours[...], theirs[...])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("codec", ARRAY_CODECS)
def test_v2_with_zarr_python(tmp_path: Path, codec: str, order: str) -> None:
    if (codec, order) == ("bitround", "F"):
        pytest.skip(
            "numcodecs copies to C order, so that zarr-python reads elements at other places"
        )
    dtype, configuration = ARRAY_CODECS[codec]
    filters = [numcodecs.get_codec({"id": codec.split("_")[0], **configuration})]
    values = numbers(dtype, 270).reshape(SHAPE)
    options = {"filters": filters, "compressors": numcodecs.Zstd(1), "order": order}
    two_ways(tmp_path, values, **options)


def test_v2_chains_of_array_and_byte_filters(tmp_path: Path) -> None:
    values = numbers("i4", 270).reshape(SHAPE)
    delta = numcodecs.Delta("<i4", "<i2")
    again = numcodecs.Delta("<i2")
    shuffle = numcodecs.Shuffle(2)
    for number, filters in enumerate(
        [[delta, again], [delta, shuffle], [shuffle], [delta, numcodecs.Zlib(1), shuffle]]
    ):
        if number == 3:  # zlib's output may be odd: a size that shuffle does not take
            filters = [delta, numcodecs.Zlib(1), numcodecs.CRC32()]
        two_ways(tmp_path / str(number), values, filters=filters, compressors=None)
        two_ways(tmp_path / f"{number}c", values, filters=filters, compressors=numcodecs.LZ4())


@pytest.mark.parametrize("dtype", [">i4", ">f8"])
def test_v2_big_endian(tmp_path: Path, dtype: str) -> None:
    values = numbers(dtype, 270).reshape(SHAPE)
    two_ways(tmp_path, values, filters=[numcodecs.Delta(dtype)], compressors=None)


def test_v2_dates_as_integers(tmp_path: Path) -> None:
    """A filter may look at the same bytes as another type."""
    values = numbers("i8", 270).reshape(SHAPE).view("M8[ns]")
    two_ways(tmp_path, values, filters=[numcodecs.Delta("<i8")], compressors=None)
    halves = numbers("i8", 270).reshape(SHAPE)
    array = zarrloom.create_array(
        tmp_path / "halves", data=halves, zarr_format=2, filters=[numcodecs.Delta("<i4")]
    )
    assert_same(array[...], halves)


def test_v2_filters_are_written_as_given_and_kept() -> None:
    store = zarrloom.MemoryStore()
    array = zarrloom.create_array(
        store,
        shape=10,
        dtype="i4",
        zarr_format=2,
        filters=[{"id": "delta", "dtype": "<i4"}, "numcodecs.crc32"],
        compressors=None,
    )
    filters = json.loads(store.read(".zarray") or b"")["filters"]
    assert filters == [{"id": "delta", "dtype": "<i4", "astype": "<i4"}, {"id": "crc32"}]
    array.resize(20)
    assert json.loads(store.read(".zarray") or b"")["filters"] == filters


def test_v2_unknown_filters_are_errors() -> None:
    metadata = {
        "zarr_format": 2,
        "shape": [10],
        "chunks": [10],
        "dtype": "<i4",
        "compressor": None,
        "fill_value": 0,
        "order": "C",
    }
    reasons = {"no-such": "not known", "pickle": "executes code", "json2": "Python objects"}
    for name, reason in {**reasons, "msgpack2": "Python objects", "pcodec": "Rust"}.items():
        for where in ({"filters": [{"id": name}]}, {"filters": None, "compressor": {"id": name}}):
            store = zarrloom.MemoryStore()
            store.write(".zarray", json.dumps({**metadata, **where}).encode())
            with pytest.raises(zarrloom.UnsupportedError, match=f"{name}.*{reason}"):
                zarrloom.open_array(store)


def test_lying_data_is_an_error() -> None:
    for codec, dtype in ((numcodecs.PackBits(), "b1"), (numcodecs.Delta("i4"), "i4")):
        store = zarrloom.MemoryStore()
        array = zarrloom.create_array(
            store, data=numbers(dtype), chunks=300, filters=codec, compressors=None
        )
        stored = store.read("c/0")
        assert stored is not None
        for data in (stored[:-1], stored[1:], stored + b"\0", b""):
            store.write("c/0", data)
            with pytest.raises(zarrloom.CorruptDataError):
                array[...]
