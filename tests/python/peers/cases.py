"""Arrays that every system writes and reads: what they are, and what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SHAPE = (13, 7, 10)
CHUNKS = (5, 4, 5)  # with edge chunks in two dimensions
SHARDS = (10, 8, 10)
# The chunk grid "rectilinear"; sizes of shards cannot end where the array does.
CHUNK_SIZES = [[3, [5, 2]], [4, 3], 5]
SHARD_SIZES = [[5, 10], 8, [5, 5]]

Case = dict[str, Any]

V3_CODECS: dict[str, list[dict[str, Any]]] = {
    "raw": [],
    "zstd": [{"name": "zstd", "configuration": {"level": 3, "checksum": False}}],
    "gzip": [{"name": "gzip", "configuration": {"level": 5}}],
    "crc32c": [{"name": "crc32c"}],
    **{
        f"blosc-{cname}": [
            {
                "name": "blosc",
                "configuration": {
                    "cname": cname,
                    "clevel": 5,
                    "shuffle": "shuffle",
                    "typesize": 4,
                    "blocksize": 0,
                },
            }
        ]
        for cname in ("lz4", "zstd")
    },
}
V2_CODECS: dict[str, dict[str, Any] | None] = {
    "raw": None,
    "zstd": {"id": "zstd", "level": 3},
    "gzip": {"id": "gzip", "level": 5},
    "zlib": {"id": "zlib", "level": 1},
    "bz2": {"id": "bz2", "level": 1},
    "lz4": {"id": "lz4", "acceleration": 1},
    "blosc-lz4": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
    "blosc-zstd": {"id": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 1, "blocksize": 0},
}
V2_FILTERS: dict[str, dict[str, Any]] = {
    "delta": {"id": "delta", "dtype": "<i4"},
    "fixedscaleoffset": {
        "id": "fixedscaleoffset",
        "offset": 3,
        "scale": 1,
        "dtype": "<i4",
        "astype": "<i2",
    },
    "shuffle": {"id": "shuffle", "elementsize": 4},
}
V3_FILTERS: dict[str, dict[str, Any]] = {
    "numcodecs.delta": {"name": "numcodecs.delta", "configuration": {"dtype": "<i4"}},
    "scale_offset": {"name": "scale_offset", "configuration": {"offset": 5, "scale": 2}},
    "cast_value": {"name": "cast_value", "configuration": {"data_type": "int16"}},
}
NUMBERS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
NUMBERS += ["float16", "float32", "float64", "complex64", "complex128"]
# Of the package ml_dtypes; numpy knows them by name once that is imported.
SMALL = ["bfloat16", "float8_e3m4", "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz"]
SMALL += ["float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn", "int4", "int2"]
OTHERS = ["<U4", "|S5", "<M8[ms]", "<m8[s]"]
# Of variable size, with the codec that is registered for each.
VARIABLE = {"string": "vlen-utf8", "variable_length_bytes": "vlen-bytes"}


def _case(zarr_format: int, **given: Any) -> Case:
    separator = "/" if zarr_format == 3 else "."
    case = {
        "zarr_format": zarr_format,
        "dtype": "int32",
        "codec": "zstd",
        "order": "C",
        "separator": separator,
        "shards": False,
        "filter": None,
        "rectilinear": False,
        **given,
    }
    changed = [k if v is True else f"{v}" for k, v in given.items()]
    case["name"] = f"v{zarr_format} " + (" ".join(changed) or "plain")
    return case


def all_cases() -> list[Case]:
    """Each dimension of the matrix by itself, and those pairs that have gone wrong somewhere."""
    cases: list[Case] = []
    for f, codecs in ((2, V2_CODECS), (3, V3_CODECS)):
        cases += [_case(f, dtype=dtype) for dtype in [*NUMBERS, *SMALL, *OTHERS, *VARIABLE]]
        cases += [_case(f, codec=codec) for codec in codecs]
        cases += [_case(f, separator=separator) for separator in "./"]
        cases += [_case(f, order="F", codec=codec) for codec in ("raw", "zstd", "gzip")]
        cases += [_case(f, dtype="float64", codec=codec) for codec in ("raw", "blosc-lz4")]
    cases += [_case(2, filter=name) for name in V2_FILTERS]
    cases += [_case(3, filter=name) for name in V3_FILTERS]
    cases += [_case(2, dtype=dtype) for dtype in (">i4", ">f8", ">U4")]
    cases += [_case(3, shards=True, codec=codec) for codec in V3_CODECS]
    cases += [
        _case(3, shards=True, dtype=dtype) for dtype in ("bool", "uint16", "float64", "string")
    ]
    cases += [_case(3, rectilinear=True, codec=codec) for codec in ("raw", "zstd")]
    cases += [_case(3, rectilinear=True, order="F"), _case(3, rectilinear=True, shards=True)]
    cases += [_case(3, shards=True, separator="."), _case(3, shards=True, order="F")]
    return cases


def dtype_of(case: Case) -> np.dtype[Any]:
    """Give numpy's type; raises ImportError where ml_dtypes is needed and not there."""
    if case["dtype"] not in SMALL:
        return np.dtype(case["dtype"])
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, case["dtype"]))


def values_of(case: Case) -> np.ndarray[Any, Any]:
    """Make the elements: one chunk holds nothing but the fill value, zero."""
    numbers = np.arange(np.prod(SHAPE)).reshape(SHAPE) % 97
    if case["dtype"] in VARIABLE:
        return _objects(case, numbers)
    dtype = dtype_of(case)
    if case["dtype"] in SMALL:
        bits = numbers % (1 << int(case["dtype"][3:]) if "int" in dtype.name else 7)
        values = bits.astype(f"u{dtype.itemsize}").view(dtype)
    elif dtype.kind == "b":
        values = numbers % 3 == 0
    elif dtype.kind in "SU":
        values = np.char.mod("%d", numbers).astype(dtype)
    elif dtype.kind in "Mm":
        values = numbers.astype("int64").view(dtype.newbyteorder("="))
    elif dtype.kind == "c":
        values = numbers * (1 - 0.5j)
    else:
        values = numbers / 2 if dtype.kind == "f" else numbers
    values = values.astype(dtype)
    values[: CHUNKS[0], : CHUNKS[1], : CHUNKS[2]] = np.zeros((), dtype)
    return values


def _objects(case: Case, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    values = np.empty(SHAPE, object)
    for index, number in np.ndenumerate(numbers):
        text = "\u00e9\u65e5" * (number % 5) + str(number)
        values[index] = text if case["dtype"] == "string" else text.encode()
    values[: CHUNKS[0], : CHUNKS[1], : CHUNKS[2]] = "" if case["dtype"] == "string" else b""
    return values


def place_of(folder: str | Path, number: int) -> Path:
    """Say where a case lies: z5py makes no array but in a file of its own."""
    return Path(folder) / f"case{number}.zarr" / "a"


def filters_of(case: Case) -> list[dict[str, Any]] | None:
    """Give the array codecs as metadata has them."""
    if case["filter"] is None:
        return None
    return [(V2_FILTERS if case["zarr_format"] == 2 else V3_FILTERS)[case["filter"]]]


def document_of(case: Case) -> dict[str, Any]:
    """Write the metadata as the specifications have it."""
    objects = VARIABLE.get(case["dtype"])
    if case["zarr_format"] == 2:
        return {
            "zarr_format": 2,
            "shape": list(SHAPE),
            "chunks": list(CHUNKS),
            "dtype": "|O"
            if objects
            else case["dtype"]
            if case["dtype"] in SMALL
            else dtype_of(case).str,
            "compressor": V2_CODECS[case["codec"]],
            "fill_value": _zero(case),
            "order": case["order"],
            "filters": [{"id": objects}] if objects else filters_of(case),
            "dimension_separator": case["separator"],
        }
    dtype = np.dtype(object) if objects else dtype_of(case)
    order = filters_of(case) or []
    if case["order"] == "F":
        order = [_transpose()]
    serializer: dict[str, Any] = {"name": "bytes"}
    if objects:
        serializer = {"name": objects}
    elif dtype.itemsize > 1:
        serializer["configuration"] = {"endian": "little"}
    codecs = [*order, serializer, *V3_CODECS[case["codec"]]]
    if case["shards"]:
        index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
        configuration = {
            "chunk_shape": list(CHUNKS),
            "codecs": codecs,
            "index_codecs": index,
            "index_location": "end",
        }
        codecs = [{"name": "sharding_indexed", "configuration": configuration}]
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(SHAPE),
        "data_type": case["dtype"],
        "chunk_grid": _grid_of(case),
        "chunk_key_encoding": {
            "name": "default",
            "configuration": {"separator": case["separator"]},
        },
        "fill_value": _zero(case),
        "codecs": codecs,
        "attributes": {},
    }


def sizes_of(case: Case) -> list[Any]:
    """Give the sizes of what is stored, of a rectilinear grid."""
    return SHARD_SIZES if case["shards"] else CHUNK_SIZES


def _grid_of(case: Case) -> dict[str, Any]:
    if case["rectilinear"]:
        configuration = {"kind": "inline", "chunk_shapes": sizes_of(case)}
        return {"name": "rectilinear", "configuration": configuration}
    chunk_shape = list(SHARDS if case["shards"] else CHUNKS)
    return {"name": "regular", "configuration": {"chunk_shape": chunk_shape}}


def _zero(case: Case) -> Any:
    if case["dtype"] in VARIABLE:
        return ""
    if case["dtype"] == "float4_e2m1fn" and case["zarr_format"] == 2:
        return "AA=="  # as TensorStore has it
    if case["dtype"].startswith("complex") and case["zarr_format"] == 3:
        return [0, 0]
    return False if case["dtype"] == "bool" else 0


def _transpose() -> dict[str, Any]:
    return {"name": "transpose", "configuration": {"order": [2, 1, 0]}}
