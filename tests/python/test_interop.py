"""What zarrloom writes, zarr-python and TensorStore read, and the reverse."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zarrloom

zarr = pytest.importorskip("zarr")
SHAPE = (13, 7, 10)
CHUNKS = (5, 4, 10)

V3_CODECS: dict[str, list[dict[str, Any]]] = {
    "raw": [],
    "zstd": [{"name": "zstd", "configuration": {"level": 3, "checksum": True}}],
    "gzip": [{"name": "gzip", "configuration": {"level": 6}}],
    "crc32c": [{"name": "crc32c"}],
    "zstd-crc32c": [
        {"name": "zstd", "configuration": {"level": 0, "checksum": False}},
        {"name": "crc32c"},
    ],
    **{
        f"blosc-{cname}-{shuffle}": [
            {
                "name": "blosc",
                "configuration": {
                    "cname": cname,
                    "clevel": 5,
                    "shuffle": shuffle,
                    "typesize": 4,
                    "blocksize": 0,
                },
            }
        ]
        for cname in ("lz4", "lz4hc", "blosclz", "zstd", "zlib")
        for shuffle in ("noshuffle", "shuffle", "bitshuffle")
    },
}
V2_CODECS: dict[str, dict[str, Any] | None] = {
    "raw": None,
    "zlib": {"id": "zlib", "level": 1},
    "gzip": {"id": "gzip", "level": 1},
    "zstd": {"id": "zstd", "level": 0},
    "lz4": {"id": "lz4", "acceleration": 1},
    "blosc-lz4": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
    "blosc-zstd": {"id": "blosc", "cname": "zstd", "clevel": 3, "shuffle": 2, "blocksize": 0},
    "blosc-auto": {"id": "blosc", "cname": "blosclz", "clevel": 5, "shuffle": -1, "blocksize": 0},
}
NUMBERS = [
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
V2_TYPES = [*NUMBERS, ">i2", ">u4", ">f8", ">c16", "S5", "V3", "M8[ns]", "m8[10us]", ">M8[s]"]


def sample(dtype: str, shape: tuple[int, ...] = SHAPE, seed: int = 1) -> np.ndarray[Any, Any]:
    """Values that use all bits of the type, with a block of zeros that makes empty chunks."""
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        values = random.integers(0, 2, shape).astype(bool)
    elif kind.kind in "fc":
        values = random.standard_normal(shape).astype(kind)
    elif kind.kind == "S":
        values = random.integers(0, 10**5, shape).astype("S5")
    else:
        raw = random.integers(0, 256, (*shape, kind.itemsize), dtype=np.uint8)
        values = raw.view(kind)[..., 0]
    values[:5, :4] = np.zeros((), kind)
    return values


def native(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values.astype(values.dtype.newbyteorder("="))


def assert_same(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> None:
    assert left.shape == right.shape
    a, b = np.ascontiguousarray(native(left)), np.ascontiguousarray(native(right))
    assert a.dtype == b.dtype
    assert a.tobytes() == b.tobytes()


def zarr_create(path: Path, values: np.ndarray[Any, Any], **kwargs: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr-python warns of data types not yet in the spec
        array = zarr.create_array(
            store=str(path), shape=values.shape, chunks=CHUNKS, dtype=values.dtype, **kwargs
        )
        array[...] = values


def zarr_read(path: Path) -> np.ndarray[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(zarr.open_array(str(path), mode="r")[...])


def tensorstore_read(path: Path, driver: str) -> np.ndarray[Any, Any]:
    ts = pytest.importorskip("tensorstore")
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}
    return np.asarray(ts.open(spec, read=True).result().read().result())


@pytest.mark.parametrize("dtype", ["int32", "float32", "uint8"])
@pytest.mark.parametrize("codec", V3_CODECS)
def test_v3_codecs_both_ways(tmp_path: Path, codec: str, dtype: str) -> None:
    values = sample(dtype)
    zarr_create(tmp_path / "theirs", values, compressors=V3_CODECS[codec], zarr_format=3)
    assert_same(zarrloom.open_array(tmp_path / "theirs", mode="r")[...], values)

    ours = zarrloom.create_array(
        tmp_path / "ours", shape=SHAPE, chunks=CHUNKS, dtype=dtype, compressors=V3_CODECS[codec]
    )
    ours[...] = values
    assert_same(zarr_read(tmp_path / "ours"), values)
    assert_same(tensorstore_read(tmp_path / "ours", "zarr3"), values)


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_v3_types_and_byte_orders(tmp_path: Path, dtype: str, endian: str) -> None:
    values = sample(dtype)
    serializer = {"name": "bytes", "configuration": {"endian": endian}}
    zarr_create(
        tmp_path / "theirs",
        values,
        serializer=zarr.codecs.BytesCodec(endian=endian),
        zarr_format=3,
    )
    assert_same(zarrloom.open_array(tmp_path / "theirs")[...], values)

    ours = zarrloom.create_array(
        tmp_path / "ours", shape=SHAPE, chunks=CHUNKS, dtype=dtype, serializer=serializer
    )
    ours[...] = values
    assert_same(zarr_read(tmp_path / "ours"), values)
    if dtype != "float16" or endian == "little":
        assert_same(tensorstore_read(tmp_path / "ours", "zarr3"), values)


@pytest.mark.parametrize("order", [[2, 1, 0], [1, 0, 2], [0, 1, 2]])
@pytest.mark.parametrize("codec", ["raw", "zstd"])
def test_v3_transpose(tmp_path: Path, order: list[int], codec: str) -> None:
    values = sample("int16")
    filters = [{"name": "transpose", "configuration": {"order": order}}]
    zarr_create(
        tmp_path / "theirs",
        values,
        filters=[zarr.codecs.TransposeCodec(order=order)],
        compressors=V3_CODECS[codec],
        zarr_format=3,
    )
    theirs = zarrloom.open_array(tmp_path / "theirs")
    assert_same(theirs[...], values)
    assert_same(theirs[3:9, ::2, 4], values[3:9, ::2, 4])

    ours = zarrloom.create_array(
        tmp_path / "ours",
        shape=SHAPE,
        chunks=CHUNKS,
        dtype="int16",
        filters=filters,
        compressors=V3_CODECS[codec],
    )
    ours[...] = values
    assert_same(zarr_read(tmp_path / "ours"), values)
    assert_same(tensorstore_read(tmp_path / "ours", "zarr3"), values)


@pytest.mark.parametrize(
    ("name", "separator"), list(itertools.product(["default", "v2"], [".", "/"]))
)
def test_v3_chunk_keys(tmp_path: Path, name: str, separator: str) -> None:
    values = sample("uint16")
    encoding = {"name": name, "separator": separator}
    zarr_create(tmp_path / "theirs", values, chunk_key_encoding=encoding, zarr_format=3)
    assert_same(zarrloom.open_array(tmp_path / "theirs")[...], values)
    ours = zarrloom.create_array(
        tmp_path / "ours",
        shape=SHAPE,
        chunks=CHUNKS,
        dtype="uint16",
        chunk_key_encoding={"name": name, "configuration": {"separator": separator}},
    )
    ours[...] = values
    assert_same(zarr_read(tmp_path / "ours"), values)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("codec", V2_CODECS)
@pytest.mark.parametrize("dtype", ["int32", "uint8", ">f8"])
def test_v2_codecs_both_ways(tmp_path: Path, codec: str, order: str, dtype: str) -> None:
    import numcodecs

    values = sample(dtype)
    config = V2_CODECS[codec]
    compressor = None if config is None else numcodecs.get_codec(config)
    zarr_create(tmp_path / "theirs", values, compressors=compressor, order=order, zarr_format=2)
    assert_same(zarrloom.open_array(tmp_path / "theirs")[...], values)

    ours = zarrloom.create_array(
        tmp_path / "ours",
        shape=SHAPE,
        chunks=CHUNKS,
        dtype=dtype,
        order=order,
        compressors=compressor,
        zarr_format=2,
    )
    ours[...] = values
    assert_same(zarr_read(tmp_path / "ours"), values)
    if codec != "lz4":  # which TensorStore does not know
        assert_same(tensorstore_read(tmp_path / "ours", "zarr"), values)


@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("dtype", V2_TYPES)
def test_v2_types_and_separators(tmp_path: Path, dtype: str, separator: str) -> None:
    values = sample(dtype)
    encoding = {"name": "v2", "separator": separator}
    zarr_create(tmp_path / "theirs", values, chunk_key_encoding=encoding, zarr_format=2)
    assert_same(zarrloom.open_array(tmp_path / "theirs")[...], values)

    ours = zarrloom.create_array(
        tmp_path / "ours",
        shape=SHAPE,
        chunks=CHUNKS,
        dtype=dtype,
        chunk_key_encoding={"name": "v2", "configuration": {"separator": separator}},
        zarr_format=2,
    )
    ours[...] = values
    assert_same(zarr_read(tmp_path / "ours"), values)


@pytest.mark.parametrize("dtype", ["datetime64[ns]", "timedelta64[10us]", "datetime64[D]"])
def test_v3_times(tmp_path: Path, dtype: str) -> None:
    values = sample("int64").view(dtype)
    zarr_create(tmp_path / "theirs", values, zarr_format=3)
    assert_same(zarrloom.open_array(tmp_path / "theirs")[...], values)
    ours = zarrloom.create_array(tmp_path / "ours", shape=SHAPE, chunks=CHUNKS, dtype=dtype)
    ours[...] = values
    assert_same(zarr_read(tmp_path / "ours"), values)


FILLS = [
    ("int64", -(2**63)),
    ("int64", 2**63 - 1),
    ("uint64", 2**64 - 1),
    ("float32", float("nan")),
    ("float64", float("inf")),
    ("float64", -0.0),
    ("float16", 1.5),
    ("bool", True),
    ("complex128", complex(1.5, float("-inf"))),
    ("uint8", 255),
]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(("dtype", "fill"), FILLS, ids=lambda v: str(v))
def test_fill_values_are_exact(tmp_path: Path, dtype: str, fill: Any, zarr_format: int) -> None:
    expected = np.full((4,), fill, dtype)
    zarr.create_array(
        str(tmp_path / "theirs"),
        shape=(4,),
        chunks=(2,),
        dtype=dtype,
        fill_value=fill,
        zarr_format=zarr_format,
    )
    theirs = zarrloom.open_array(tmp_path / "theirs")
    assert_same(theirs[...], expected)
    assert np.asarray(theirs.fill_value, dtype).tobytes() == expected[:1].tobytes()
    zarrloom.create_array(
        tmp_path / "ours",
        shape=(4,),
        chunks=(2,),
        dtype=dtype,
        fill_value=fill,
        zarr_format=zarr_format,
    )
    assert_same(zarr_read(tmp_path / "ours"), expected)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_attributes_and_names_cross(tmp_path: Path, zarr_format: int) -> None:
    attributes = {"a": [1, {"b": None}], "π": "ü", "big": 2**70, "f": 1.0, "neg": -5}
    names = {"dimension_names": ["x", None]} if zarr_format == 3 else {}
    zarrloom.create_array(
        tmp_path / "ours",
        shape=(4, 4),
        dtype="int8",
        attributes=attributes,
        zarr_format=zarr_format,
        **names,
    )
    theirs = zarr.open_array(str(tmp_path / "ours"), mode="r+")
    assert dict(theirs.attrs) == attributes
    if names:
        assert list(theirs.metadata.dimension_names) == ["x", None]
    theirs.attrs["more"] = [1, 2]
    ours = zarrloom.open_array(tmp_path / "ours")
    assert dict(ours.attrs) == {**attributes, "more": [1, 2]}
    ours.attrs["again"] = True
    assert zarr.open_array(str(tmp_path / "ours")).attrs["again"] is True


@pytest.mark.parametrize("driver", ["zarr", "zarr3"])
@pytest.mark.parametrize("dtype", ["int32", "float64", "uint8", "bool"])
def test_written_by_tensorstore(tmp_path: Path, driver: str, dtype: str) -> None:
    ts = pytest.importorskip("tensorstore")
    values = sample(dtype)
    # For format 3 TensorStore would take a plain chunk layout as a wish for shards.
    grid = {"name": "regular", "configuration": {"chunk_shape": CHUNKS}}
    metadata = {"chunk_grid": grid} if driver == "zarr3" else {"chunks": CHUNKS}
    spec = {
        "driver": driver,
        "kvstore": {"driver": "file", "path": str(tmp_path / "theirs")},
        "metadata": metadata,
    }
    store = ts.open(spec, create=True, shape=SHAPE, dtype=ts.dtype(dtype)).result()
    store.write(values).result()
    assert_same(zarrloom.open_array(tmp_path / "theirs")[...], values)


def test_a11_v3_wins_where_both_formats_lie(tmp_path: Path) -> None:
    for zarr_format, value in ((2, 2), (3, 3)):
        array = zarrloom.create_array(
            tmp_path / "apart" / str(zarr_format), shape=(2,), dtype="int8", zarr_format=zarr_format
        )
        array[...] = value
    both = tmp_path / "both"
    both.mkdir()
    for zarr_format in (2, 3):
        for file in (tmp_path / "apart" / str(zarr_format)).rglob("*"):
            target = both / file.relative_to(tmp_path / "apart" / str(zarr_format))
            if file.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
    with pytest.warns(UserWarning, match="formats 2 and 3"):
        assert zarrloom.open_array(both)[0] == 3
    assert zarrloom.open_array(both, zarr_format=3)[0] == 3
    assert zarrloom.open_array(both, zarr_format=2)[0] == 2
