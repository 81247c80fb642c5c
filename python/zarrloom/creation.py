"""Making, opening, saving and loading arrays, with zarr-python's names and defaults."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zarrloom import _core, extensions
from zarrloom.array import Array
from zarrloom.attributes import to_json
from zarrloom.errors import InvalidArgumentError, NodeNotFoundError
from zarrloom.fill_values import fill_bytes, is_ml_dtype, ml_dtype
from zarrloom.stores import StoreLike, to_store
from zarrloom.variable import fill_bytes as variable_fill
from zarrloom.variable import variable_name

Mode = Literal["r", "r+", "a", "w", "w-"]
_MODES = ("r", "r+", "a", "w", "w-")


def open_array(
    store: StoreLike,
    *,
    mode: Mode = "a",
    path: str | None = None,
    zarr_format: Literal[2, 3] | None = None,
    config: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    **create: Any,
) -> Array:
    """Open an array, or make one where the mode asks for that.

    Parameters
    ----------
    store : str, os.PathLike or Store
        A folder, an archive ("a.zip"), a URL (``file://``, ``zip://``), or a store object.
    mode : {"a", "r", "r+", "w", "w-"}, default "a"
        "r" reads only; "r+" reads and writes; "a" makes the array if it is not there and a `shape`
        is given; "w" makes it anew, erasing what is there; "w-" makes it and fails if it is there.
    path : str, optional
        The array's path in the store. Default: the root.
    zarr_format : {2, 3}, optional
        Default: 3 where both are there, else the one that is there; 3 for a new array.
    config : mapping, optional
        ``write_empty_chunks``.
    storage_options : mapping, optional
        For a URL of a store in the network: as in `HttpStore` and `S3Store`.
    **create
        For a new array: as in `create_array`.

    Returns
    -------
    Array

    Raises
    ------
    NodeNotFoundError
        There is no array, and the mode or a missing `shape` forbids making one.
    MetadataError, UnsupportedError
        The metadata breaks the specification, or asks for something that is not known.
    """
    check_mode(mode)
    store = to_store(store, storage_options)
    make = {**create, "name": path, "zarr_format": zarr_format or 3, "config": config}
    if mode in ("w", "w-"):
        return create_array(store, overwrite=mode == "w", **make)
    empty_chunks = write_empty_chunks(config)
    try:
        native = _core.Array.open(
            store._native,
            _path(path),
            zarr_format=zarr_format,
            read_only=mode == "r",
            write_empty_chunks=empty_chunks,
        )
    except NodeNotFoundError:
        if mode != "a" or "shape" not in create:
            raise
        return create_array(store, **make)
    if zarr_format is None:
        warn_of_both_formats(native)
    return Array(native, store, empty_chunks)


def warn_of_both_formats(native: _core.Array) -> None:
    """Tell that an array is there twice."""
    other = f"{native.path}/.zarray".lstrip("/")
    if native.zarr_format == 3 and native.store.exists(other):
        warnings.warn(
            f"{native.store.locate(native.path)}: metadata of formats 2 and 3; 3 is used. Pass "
            "zarr_format to choose.",
            stacklevel=3,
        )


def check_mode(mode: str) -> None:
    """Refuse what is no mode."""
    if mode not in _MODES:
        raise InvalidArgumentError(f"mode must be one of {', '.join(_MODES)}, not {mode!r}")


def create_array(
    store: StoreLike,
    *,
    name: str | None = None,
    shape: int | Iterable[int] | None = None,
    dtype: npt.DTypeLike | None = None,
    data: np.ndarray[Any, Any] | None = None,
    chunks: Literal["auto"] | int | Iterable[Any] = "auto",
    shards: int | Iterable[Any] | None = None,
    filters: Any = "auto",
    compressors: Any = "auto",
    serializer: Any = "auto",
    fill_value: Any = None,
    order: Literal["C", "F"] | None = None,
    zarr_format: Literal[2, 3] = 3,
    attributes: Mapping[str, Any] | None = None,
    chunk_key_encoding: Any = None,
    dimension_names: Iterable[str | None] | None = None,
    overwrite: bool = False,
    config: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Array:
    """Make an array.

    Parameters
    ----------
    store : str, os.PathLike or Store
        A folder, an archive ("a.zip"), a URL (``file://``, ``zip://``), or a store object.
    name : str, optional
        The array's path in the store. Default: the root.
    shape : int or iterable of int
        Elements in each dimension. May be left out if `data` is given.
    dtype : numpy dtype
        May be left out if `data` is given. A byte order other than the native one is stored. Of
        variable size are "string" (or ``str``, ``numpy.dtypes.StringDType``),
        "variable_length_bytes" (or ``bytes``) and, in format 2, "variable_length_array[<i4]" (of
        any type of numbers).
    data : ndarray, optional
        Written to the new array.
    chunks : "auto", int, iterable of int or of lists
        Elements of a chunk in each dimension; "auto" makes chunks of about 1 MiB. A list for a
        dimension says how large each of its chunks is (``[[10, 20, 30], 5]``), ``[size, n]`` in it
        that n chunks follow one another (``[[[10, 5], 20]]``): the chunk grid "rectilinear", of
        format 3 only. Sizes reach at least to the array's end.
    shards : int, iterable of int or of lists, optional
        Elements of a shard in each dimension, a multiple of `chunks`: so many chunks are stored in
        one object, each to be read by itself (codec ``sharding_indexed``; format 3 only). Lists as
        for `chunks`, which then are all of one shape. Default: each chunk is an object.
    filters, serializer, compressors : "auto", None, a codec or a list of codecs
        A codec is a name ("zstd"), a dict ``{"name": ..., "configuration": {...}}`` (format 2:
        ``{"id": ...}``), or a codec object of numcodecs or zarr-python. By default elements are
        compressed by zstd at level 0; None means not at all.
    fill_value : scalar, optional
        What elements are that nobody has written. Default: zero.
    order : {"C", "F"}, optional
        Order of the elements in a chunk. Default "C". In format 3 "F" is a transpose codec.
    zarr_format : {3, 2}
        The format.
    attributes : mapping, optional
        JSON values.
    chunk_key_encoding : dict, tuple, str or ChunkKeyEncoding, optional
        ``{"name": "default" or "v2", "separator": "/" or "."}``. Default: "default" with "/" in
        format 3, "." in format 2. Also ``("v2", "/")``.
    dimension_names : iterable of str or None, optional
        Format 3 only.
    overwrite : bool, default False
        Erase what lies there.
    config : mapping, optional
        ``write_empty_chunks`` (default False): store chunks that hold nothing but the fill value.
    storage_options : mapping, optional
        For a URL of a store in the network: as in `HttpStore` and `S3Store`.

    Returns
    -------
    Array

    Raises
    ------
    NodeExistsError
        Something is there already.
    InvalidArgumentError, UnsupportedError
        The parameters make no array, or ask for something that is not known.
    """
    spec, data = array_spec(
        shape=shape,
        dtype=dtype,
        data=data,
        chunks=chunks,
        shards=shards,
        filters=filters,
        compressors=compressors,
        serializer=serializer,
        fill_value=fill_value,
        order=order,
        zarr_format=zarr_format,
        attributes=attributes,
        chunk_key_encoding=chunk_key_encoding,
        dimension_names=dimension_names,
    )
    store = to_store(store, storage_options)
    empty_chunks = write_empty_chunks(config)
    native = _core.Array.create(
        store._native, _path(name), overwrite=overwrite, write_empty_chunks=empty_chunks, **spec
    )
    array = Array(native, store, empty_chunks)
    if data is not None:
        array[...] = data
    return array


def array_spec(
    *,
    shape: int | Iterable[int] | None = None,
    dtype: npt.DTypeLike | None = None,
    data: np.ndarray[Any, Any] | None = None,
    chunks: Any = "auto",
    shards: int | Iterable[Any] | None = None,
    filters: Any = "auto",
    compressors: Any = "auto",
    serializer: Any = "auto",
    fill_value: Any = None,
    order: str | None = None,
    zarr_format: int = 3,
    attributes: Mapping[str, Any] | None = None,
    chunk_key_encoding: Any = None,
    dimension_names: Iterable[str | None] | None = None,
) -> tuple[dict[str, Any], np.ndarray[Any, Any] | None]:
    """Give the core's options for a new array, and its data; see `create_array`."""
    if data is not None:
        data = np.asarray(data)
        shape = data.shape if shape is None else shape
        dtype = data.dtype if dtype is None else dtype
    if shape is None or dtype is None:
        raise InvalidArgumentError("shape and dtype are needed, or data")
    listed = {
        "filters": _codecs_json(filters, default=[]),
        "serializer": _codecs_json(serializer, default=None),
    }
    given = [codec for text in listed.values() if text for codec in json.loads(text)]
    name = variable_name(dtype, given, data)
    kind, spelled = (np.dtype(object), name) if name else _dtype(dtype)
    extents = _extents(shape)
    spec = {
        "zarr_format": zarr_format,
        "shape": extents,
        "dtype": spelled,
        "big_endian": kind.byteorder == ">",
        **_grid(chunks, shards, len(extents)),
        "fill_value": variable_fill(fill_value, name) if name else fill_bytes(fill_value, kind),
        "order": order or "C",
        **listed,
        "compressors": _codecs_json(compressors, default=None),
        "attributes": to_json(attributes or {}, zarr_format),
        "dimension_names": None if dimension_names is None else list(dimension_names),
        **_key_encoding(chunk_key_encoding),
    }
    return spec, data


def save(store: StoreLike, data: npt.ArrayLike, *, path: str | None = None, **create: Any) -> None:
    """Write a numpy array as a Zarr array, in place of what lies there.

    Parameters
    ----------
    store : str, os.PathLike or Store
        Where.
    data : array_like
        What.
    path : str, optional
        The array's path in the store. Default: the root.
    **create
        As in `create_array`.
    """
    array = create_array(
        store, data=np.asarray(data), **{"name": path, "overwrite": True, **create}
    )
    array.store.flush()


def load(store: StoreLike, *, path: str | None = None) -> np.ndarray[Any, Any]:
    """Read a whole array into memory.

    Parameters
    ----------
    store : str, os.PathLike or Store
        Where.
    path : str, optional
        The array's path in the store. Default: the root.
    """
    values: np.ndarray[Any, Any] = open_array(store, mode="r", path=path)[...]
    return values


def _path(path: str | None) -> str:
    return (path or "").strip("/")


def write_empty_chunks(config: Mapping[str, Any] | None) -> bool:
    """Give that setting of a ``config``."""
    return bool((config or {}).get("write_empty_chunks", False))


def _extents(shape: int | Iterable[int]) -> tuple[int, ...]:
    return tuple(shape) if isinstance(shape, Iterable) else (int(shape),)


def _chunk_shape(chunks: Any, rank: int) -> tuple[int, ...] | None:
    if isinstance(chunks, str) and chunks == "auto":
        return None
    return tuple(chunks) if isinstance(chunks, Iterable) else (int(chunks),) * rank


def _grid(chunks: Any, shards: Any, rank: int) -> dict[str, Any]:
    """Give the core's options for the grid: shapes, or sizes of each chunk or shard as JSON."""
    if _has_sizes(shards):
        if isinstance(chunks, str) or _has_sizes(chunks):
            raise InvalidArgumentError("shards of sizes of their own need chunks of one shape")
        return {"chunks": _chunk_shape(chunks, rank), "rectilinear": _sizes_json(shards)}
    if _has_sizes(chunks):
        if shards is not None:
            raise InvalidArgumentError(
                "the chunks in shards are all of one shape; give the sizes as shards=[[...], ...]"
            )
        return {"rectilinear": _sizes_json(chunks)}
    return {
        "chunks": _chunk_shape(chunks, rank),
        "shards": None if shards is None else _chunk_shape(shards, rank),
    }


def _has_sizes(grid: Any) -> bool:
    if isinstance(grid, str) or not isinstance(grid, Iterable):
        return False
    return any(isinstance(size, Iterable) for size in grid)


def _sizes_json(grid: Iterable[Any]) -> str:
    return json.dumps(_plain_sizes(grid))


def _plain_sizes(sizes: Any) -> Any:
    return [_plain_sizes(s) for s in sizes] if isinstance(sizes, Iterable) else int(sizes)


def _dtype(dtype: Any) -> tuple[np.dtype[Any], str]:
    """Give the numpy type, and the core's name; `dtype` may be a name that numpy does not know."""
    try:
        kind = np.dtype(dtype)
    except TypeError:
        if not isinstance(dtype, str):
            raise
        if dtype in _core.extension_type_names():
            return ml_dtype(dtype), dtype
        registered = extensions.find_data_type(dtype, "{}")
        if registered is None:
            raise
        return registered.dtype, dtype
    return kind, dtype_name(kind)


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Give the core's name of a dtype, or numpy's own, which the core then refuses by name."""
    if dtype.fields is not None:
        return json.dumps(_fields(dtype))
    if is_ml_dtype(dtype):
        return dtype.name
    if dtype.kind in "SV" and dtype.subdtype is None:
        return f"{dtype.kind}{dtype.itemsize}"
    if dtype.kind == "U":
        return f"U{dtype.itemsize // 4}"
    return dtype.newbyteorder("=").name if dtype.kind in "biufcMm" else str(dtype)


def _fields(dtype: np.dtype[Any]) -> list[Any]:
    """Spell a structured type as format 2 does; what lies between fields is padding."""
    listed: list[Any] = []
    end = 0
    for name in dtype.names or ():
        kind, offset = dtype.fields[name][:2]  # type: ignore[index]
        if offset < end:
            raise InvalidArgumentError(f"the fields of {dtype} overlap or are out of order")
        listed += _padding(offset - end)
        base, shape = kind.subdtype or (kind, ())
        spelled: Any = base.name if is_ml_dtype(base) else base.str
        if base.fields is not None:
            spelled = _fields(base)
        listed.append([name, spelled, list(shape)] if shape else [name, spelled])
        end = offset + kind.itemsize
    return listed + _padding(dtype.itemsize - end)


def _padding(size: int) -> list[Any]:
    return [["", f"|V{size}"]] if size else []


def _codecs_json(codecs: Any, default: list[Any] | None) -> str | None:
    """Give a list of codecs as JSON, None for the core's own default."""
    if isinstance(codecs, str) and codecs == "auto":
        return None if default is None else json.dumps(default)
    if codecs is None:
        codecs = []
    if isinstance(codecs, str | Mapping) or not isinstance(codecs, Iterable):
        codecs = [codecs]
    return json.dumps([_codec_config(codec) for codec in codecs])


def _codec_config(codec: Any) -> dict[str, Any]:
    """Understand a codec in any of the forms that people write."""
    if isinstance(codec, str):
        return {"name": codec}
    if hasattr(codec, "to_dict"):
        codec = codec.to_dict()
    elif hasattr(codec, "get_config"):
        codec = codec.get_config()
    if not isinstance(codec, Mapping):
        raise InvalidArgumentError(f"{codec!r} is no codec: a name, a dict or a codec object is")
    if "name" in codec:
        return json.loads(json.dumps(dict(codec), default=_plain_value))  # type: ignore[no-any-return]
    configuration = {name: value for name, value in codec.items() if name != "id"}
    name = codec["id"] if codec["id"] in _REGISTERED else f"numcodecs.{codec['id']}"
    plain = json.loads(json.dumps(configuration, default=_plain_value))
    return {"name": name, "configuration": plain}


# numcodecs ids that format 3 has registered for the same codec.
_REGISTERED = ("blosc", "gzip", "zstd")


def _plain_value(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value.value


def _key_encoding(encoding: Any) -> dict[str, Any]:
    if encoding is None:
        return {"v2_keys": False, "separator": None}
    if hasattr(encoding, "to_dict"):
        encoding = encoding.to_dict()
    if isinstance(encoding, str):
        encoding = {"name": encoding}
    if isinstance(encoding, tuple):
        encoding = dict(zip(("name", "separator"), encoding, strict=False))
    name = encoding["name"]
    if name not in ("default", "v2"):
        raise InvalidArgumentError(f'chunk_key_encoding must be "default" or "v2", not {name!r}')
    given = {**encoding, **encoding.get("configuration", {})}
    separator = given.get("separator", "/" if name == "default" else ".")
    if separator not in ("/", "."):
        raise InvalidArgumentError(f'separator must be "/" or ".", not {separator!r}')
    return {"v2_keys": name == "v2", "separator": separator}
