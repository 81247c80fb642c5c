"""The types of ml_dtypes: what TensorStore and zarrista read and write of them, and fill values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

ml_dtypes = pytest.importorskip("ml_dtypes")
ts = pytest.importorskip("tensorstore")

FLOATS = ["bfloat16", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn"]
FLOATS += ["float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"]
FLOATS += ["float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"]
INTEGERS = ["int4", "uint4", "int2", "uint2"]
NOT_IN_TENSORSTORE = {"float8_e4m3", "float6_e2m3fn", "float6_e3m2fn", "uint4", "uint2"}
IN_TENSORSTORE = [name for name in FLOATS + INTEGERS if name not in NOT_IN_TENSORSTORE]
formats = pytest.mark.parametrize("zarr_format", [2, 3])


def dtype_of(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name))


def bits_of(name: str) -> int:
    if name == "bfloat16":
        return 16
    return int(name[5] if name.startswith("float") else name[-1])


def all_values(name: str) -> np.ndarray[Any, Any]:
    """Every bit pattern of the type."""
    unsigned = "u2" if name == "bfloat16" else "u1"
    return np.arange(1 << bits_of(name), dtype=unsigned).view(dtype_of(name))


def theirs(path: Path, zarr_format: int, **metadata: Any) -> Any:
    spec: dict[str, Any] = {
        "driver": "zarr" if zarr_format == 2 else "zarr3",
        "kvstore": {"driver": "file", "path": str(path)},
    }
    if metadata:
        spec |= {"metadata": metadata, "create": True}
    return ts.open(spec).result()


def document(name: str, size: int, zarr_format: int, fill: Any) -> dict[str, Any]:
    if zarr_format == 2:
        return {
            "dtype": name,
            "shape": [size],
            "chunks": [5],
            "compressor": None,
            "fill_value": fill,
        }
    grid = {"name": "regular", "configuration": {"chunk_shape": [5]}}
    return {"data_type": name, "shape": [size], "chunk_grid": grid, "fill_value": fill}


def masked(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Without the bits above the element: zarrs and TensorStore carry the sign up."""
    if values.dtype.itemsize > 1:
        return values
    mask = (1 << bits_of(values.dtype.name)) - 1
    return (values.view("u1") & np.uint8(mask)).view(values.dtype)


def raw(values: np.ndarray[Any, Any]) -> bytes:
    return np.ascontiguousarray(values).tobytes()


@formats
@pytest.mark.parametrize("name", IN_TENSORSTORE)
def test_both_ways_with_tensorstore_bit_by_bit(name: str, zarr_format: Any, tmp_path: Path) -> None:
    values = all_values(name)
    their = theirs(
        tmp_path / "theirs",
        zarr_format,
        **document(name, values.size, zarr_format, None or 0)
        if name != "float4_e2m1fn" or zarr_format == 3
        else document(name, values.size, 2, "AA=="),
    )
    their[...] = values
    array = zarrloom.open_array(tmp_path / "theirs", mode="r+")
    assert array.dtype == values.dtype
    assert raw(array[...]) == raw(values)
    array[:7] = values[:7]
    assert raw(their.read().result()) == raw(values)
    ours = zarrloom.create_array(
        tmp_path / "ours", data=values, chunks=(5,), zarr_format=zarr_format, compressors=None
    )
    assert raw(theirs(tmp_path / "ours", zarr_format).read().result()) == raw(values)
    assert raw(ours[::-3]) == raw(values[::-3])


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS])
def test_every_value_is_a_fill_value(name: str, tmp_path: Path) -> None:
    values = all_values(name) if name != "bfloat16" else all_values(name)[:: 1 << 6]
    for number, value in enumerate(values):
        array = zarrloom.create_array(
            f"memory://{name}{number}", shape=(2,), dtype=value.dtype, fill_value=value
        )
        again = zarrloom.open_array(array.store, mode="r")
        assert raw(again[...]) == 2 * raw(value), array.metadata


@pytest.mark.parametrize(
    ("name", "fill", "bits"),
    [
        ("bfloat16", "NaN", 0x7FC0),
        ("bfloat16", "0x7fc1", 0x7FC1),
        ("bfloat16", "-Infinity", 0xFF80),
        ("bfloat16", 0.1, 0x3DCD),
        ("float8_e4m3fn", "NaN", 0x7F),
        ("float8_e4m3fnuz", "NaN", 0x80),
        ("float8_e5m2", "Infinity", 0x7C),
        ("float8_e5m2", "0x7f", 0x7F),
        ("float8_e8m0fnu", 0.0, 0),
        ("float4_e2m1fn", -1.5, 0xB),
    ],
)
def test_fill_values_as_tensorstore_reads_them(
    name: str, fill: Any, bits: int, tmp_path: Path
) -> None:
    their = theirs(tmp_path, 3, **document(name, 3, 3, fill))
    array = zarrloom.open_array(tmp_path, mode="r")
    element = np.array([bits], f"u{array.dtype.itemsize}").tobytes()
    assert raw(array[...]) == 3 * element
    assert raw(their.read().result()) == 3 * element
    assert array.metadata["fill_value"] == json.loads((tmp_path / "zarr.json").read_text())[
        "fill_value"
    ] or float(array.metadata["fill_value"]) == float(array.fill_value)


@pytest.mark.parametrize("fill", [1.0, 4, 2.0**-127, 2.0**127, "NaN"])
def test_fill_values_without_a_mantissa(fill: Any, tmp_path: Path) -> None:
    # TensorStore 0.1.86 takes other bits for 1.0 (2^-64), so that ml_dtypes is asked.
    array = zarrloom.create_array(tmp_path, shape=(1,), dtype=dtype_of("float8_e8m0fnu"))
    (tmp_path / "zarr.json").write_text(json.dumps({**array.metadata, "fill_value": fill}))
    got = zarrloom.open_array(tmp_path, mode="r")[...]
    assert raw(got) == raw(np.array([float(fill)]).astype(got.dtype))


@pytest.mark.parametrize(
    ("name", "fill"),
    [
        ("int4", 8),
        ("int4", -9),
        ("uint4", -1),
        ("int2", 2),
        ("int4", 1.0),
        ("int4", "NaN"),
        ("float8_e4m3fn", 1000),
        ("float8_e4m3fn", "Infinity"),
        ("float4_e2m1fn", "NaN"),
        ("float4_e2m1fn", "0x10"),
        ("float8_e8m0fnu", -1.0),
        ("bfloat16", "0x7fc"),
        ("bfloat16", [0, 0]),
    ],
)
def test_impossible_fill_values_are_refused(name: str, fill: Any, tmp_path: Path) -> None:
    array = zarrloom.create_array(tmp_path, shape=(3,), dtype=dtype_of(name))
    changed = {**array.metadata, "fill_value": fill}
    (tmp_path / "zarr.json").write_text(json.dumps(changed))
    with pytest.raises(zarrloom.CorruptDataError, match=name):
        zarrloom.open_array(tmp_path)


def test_fill_values_of_new_arrays(tmp_path: Path) -> None:
    def made(name: str, fill: Any) -> Any:
        dtype = dtype_of(name)
        return zarrloom.create_array("memory://", shape=(1,), dtype=dtype, fill_value=fill)

    assert made("int4", -8).fill_value == -8
    assert np.isnan(made("bfloat16", np.nan).fill_value.astype("f4"))
    assert made("bfloat16", "Infinity").fill_value == np.inf
    for name, fill in [
        ("int4", 8),
        ("int4", 1.5),
        ("uint2", -1),
        ("float8_e4m3fn", np.inf),
        ("float4_e2m1fn", np.nan),
        ("bfloat16", "x"),
    ]:
        with pytest.raises(zarrloom.InvalidArgumentError, match=name):
            made(name, fill)


@pytest.mark.parametrize("name", ["int4", "uint4", "int2", "uint2", "float4_e2m1fn"])
def test_packbits(name: str, tmp_path: Path) -> None:
    values = np.tile(all_values(name), 3)[1:]
    packed: dict[str, Any] = {"serializer": {"name": "packbits"}, "compressors": None}
    zarrloom.create_array(tmp_path, data=values, chunks=values.shape, **packed)
    numbers, bits = values.view("u1").astype("u8"), bits_of(name)
    want = sum(int(number) << i * bits for i, number in enumerate(numbers))
    stored = (tmp_path / "c" / "0").read_bytes()
    assert stored == want.to_bytes((values.size * bits + 7) // 8, "little")
    array = zarrloom.open_array(tmp_path, mode="r")
    assert raw(array[...]) == raw(values)
    np.testing.assert_array_equal(array[...], values)


def test_bytes_above_the_element_mean_nothing(tmp_path: Path) -> None:
    # TensorStore stores negative numbers with their sign carried up.
    their = theirs(tmp_path, 3, **document("int4", 5, 3, -8))
    their[1:3] = np.array([-1, -2]).astype(ml_dtypes.int4)
    array = zarrloom.open_array(tmp_path, mode="r")
    assert array[...].astype(int).tolist() == [-8, -1, -2, -8, -8]


def test_bfloat16_of_either_byte_order_and_bitround(tmp_path: Path) -> None:
    values = all_values("bfloat16")
    big = {"name": "bytes", "configuration": {"endian": "big"}}
    zarrloom.create_array(tmp_path / "big", data=values, serializer=big, compressors=None)
    assert (tmp_path / "big/c/0").read_bytes() == values.view("u2").astype(">u2").tobytes()
    assert raw(theirs(tmp_path / "big", 3).read().result()) == raw(values)
    assert raw(zarrloom.load(tmp_path / "big")) == raw(values)
    some = np.linspace(1, 2, 100).astype(ml_dtypes.bfloat16)
    rounded = {"name": "bitround", "configuration": {"keepbits": 3}}
    array = zarrloom.create_array("memory://", data=some, filters=[rounded])
    want = np.rint(some.astype("f8") * 8) / 8
    np.testing.assert_array_equal(array[...].astype("f8"), want)


def test_in_shards_and_in_structures(tmp_path: Path) -> None:
    values = np.arange(64).astype(ml_dtypes.bfloat16).reshape(8, 8)
    array = zarrloom.create_array(tmp_path, data=values, chunks=(2, 4), shards=(4, 8))
    np.testing.assert_array_equal(array[1:7, ::3], values[1:7, ::3])
    record = np.dtype([("a", ml_dtypes.bfloat16), ("b", "<i4")])
    records = np.zeros(3, record)
    records["a"] = [1, 2, 3]
    array = zarrloom.create_array("memory://", data=records)
    assert array.dtype == record
    np.testing.assert_array_equal(array[...]["a"], records["a"])


def test_what_has_no_arithmetic_is_refused_by_name(tmp_path: Path) -> None:
    values = np.arange(4).astype(ml_dtypes.bfloat16)
    array = zarrloom.create_array("memory://", data=values)
    with pytest.raises(zarrloom.UnsupportedError, match="bfloat16"):
        zarrloom.reduce(array, "sum")
    for codec in (
        {"name": "scale_offset", "configuration": {"offset": 1}},
        {"name": "cast_value", "configuration": {"data_type": "float32"}},
        {"name": "numcodecs.delta", "configuration": {"dtype": "bfloat16"}},
    ):
        with pytest.raises(zarrloom.UnsupportedError, match="bfloat16"):
            zarrloom.create_array("memory://", data=values, filters=[codec])
    eights = values.astype(ml_dtypes.float8_e5m2)
    with pytest.raises(zarrloom.UnsupportedError, match="float8_e5m2 cannot be packed"):
        zarrloom.create_array("memory://", data=eights, serializer="packbits")


def test_without_ml_dtypes(tmp_path: Path) -> None:
    zarrloom.save(tmp_path, np.zeros(3, ml_dtypes.int4))
    code = f"""
import sys
sys.modules["ml_dtypes"] = None  # as if it were not installed
import zarrloom
try:
    zarrloom.open_array({str(tmp_path)!r})
except zarrloom.UnsupportedError as error:
    assert "int4" in str(error) and "pip install -U ml_dtypes" in str(error), error
    print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "refused"


@pytest.mark.parametrize("serializer", ["packbits", "bytes"])
@pytest.mark.parametrize("name", [*INTEGERS, "float4_e2m1fn", "bfloat16"])
def test_both_ways_with_zarrs(name: str, serializer: str, tmp_path: Path) -> None:
    zarrista = pytest.importorskip("zarrista")
    values = all_values(name)[:255]  # 255 values of two bytes, else all of them
    zarrloom.create_array(
        tmp_path, data=values, chunks=values.shape, serializer=serializer, compressors=None
    )
    their = zarrista.Array.open(zarrista.store.FilesystemStore(str(tmp_path)))
    got = np.asarray(their.retrieve_chunk([0]))
    assert got.dtype == values.dtype
    assert raw(masked(got)) == raw(values)
    stored = (tmp_path / "c" / "0").read_bytes()
    their.store_chunk([0], zarrista.ArrayBytes(raw(values[::-1])))
    assert raw(zarrloom.load(tmp_path)) == raw(values[::-1])
    their.store_chunk([0], zarrista.ArrayBytes(raw(values)))
    assert (tmp_path / "c" / "0").read_bytes() == stored
