"""Copying an array to another place, as it is or as another array."""

from __future__ import annotations

from typing import Any

import numpy as np

from zarrloom import _core
from zarrloom.arguments import workers
from zarrloom.array import Array
from zarrloom.creation import create_array
from zarrloom.errors import InvalidArgumentError
from zarrloom.progress import Progress, ProgressLike
from zarrloom.stores import StoreLike

_AT_ONCE = 256  # objects, between two steps of the progress


def copy_array(
    source: Array,
    store: StoreLike,
    *,
    name: str | None = None,
    overwrite: bool = False,
    progress: ProgressLike = None,
    parallel: int | None = None,
    **changes: Any,
) -> Array:
    """Copy an array with its attributes to another place.

    Where the copy stores its chunks as the source does, they are copied as they are, encoded.
    Otherwise they are decoded and encoded again, in bounded memory.

    Parameters
    ----------
    source : Array
        Read while it is copied: nobody should write to it meanwhile.
    store : str, os.PathLike or Store
        Where the copy is made.
    name : str, optional
        The copy's path in the store. Default: the root.
    overwrite : bool, default False
        Erase what lies there.
    progress : True, callable or object, optional
        A bar, a function ``(done, total)``, or an object with ``update(n)`` and ``total``; stored
        objects are counted.
    parallel : int, optional
        Threads. Default: ``zarrloom.config.threads``.
    **changes
        What is to be different in the copy: options of `create_array`, such as ``chunks``,
        ``shards``, ``compressors``, ``dtype`` or ``attributes``. An array with other chunks or
        another data type has the codecs of a new one where they are not given.

    Returns
    -------
    Array
        The copy.

    Raises
    ------
    NodeExistsError
        Something lies there, and `overwrite` is False.
    InvalidArgumentError
        A `shape` among the changes, or options that make no array.
    """
    if "shape" in changes:
        raise InvalidArgumentError("a copy has the shape of its source; resize it afterwards")
    options = {**_options_of(source, changes), **changes}
    made = create_array(store, name=name, overwrite=overwrite, shape=source.shape, **options)
    fill(source, made, progress, parallel)
    return made


def fill(source: Array, made: Array, progress: ProgressLike, parallel: int | None = None) -> None:
    """Copy all elements to an array of the same shape, encoded ones where that is possible."""
    if _core.same_objects(source._native, made._native):
        _copy_objects(source, made, progress, workers(parallel))
    else:
        _copy_elements(source, made, progress, parallel)


def _options_of(source: Array, changes: dict[str, Any]) -> dict[str, Any]:
    """Say what makes an array like the source, as far as the changes leave it."""
    options: dict[str, Any] = {
        "dtype": source._native.dtype_name if source._variable else source.dtype,
        "fill_value": source.fill_value,
        "attributes": dict(source.attrs),
        "zarr_format": source.zarr_format,
        "dimension_names": source.dimension_names,
    }
    if "chunks" not in changes and "shards" not in changes:
        options |= source._creation_grid()
    if "dtype" in changes:
        del options["fill_value"]
    elif changes.get("zarr_format", source.zarr_format) == source.zarr_format:
        options |= _codecs_of(source)
    return options


def _codecs_of(source: Array) -> dict[str, Any]:
    if source.zarr_format == 3:
        names = ("filters", "serializer", "compressors")
        return {name: getattr(source, name) for name in names}
    document = source.metadata
    return {
        "dtype": source._native.dtype_name if source._variable else np.dtype(document["dtype"]),
        "order": document["order"],
        "filters": document["filters"],
        "compressors": document["compressor"],
        "chunk_key_encoding": ("v2", document["dimension_separator"]),
    }


def _copy_objects(source: Array, made: Array, show: ProgressLike, parallel: int) -> None:
    objects = source._native.objects()
    progress = Progress(show, len(objects))
    try:
        for first in range(0, len(objects), _AT_ONCE):
            some = objects[first : first + _AT_ONCE]
            _core.copy_objects(source._native, made._native, some, parallel)
            for _ in some:
                progress.step()
    finally:
        progress.close()


def _copy_elements(
    source: Array, made: Array, progress: ProgressLike, parallel: int | None
) -> None:
    """Go by what the copy stores as one: each is written once, and read as one selection."""
    boxes = ((index, made._native.object_bounds(index)) for index in _indices(made))
    parts = ((index, source.read(box, parallel=parallel)) for index, box in boxes)
    made.write_chunks(parts, parallel, progress)


def _indices(array: Array) -> Any:
    return (tuple(index) for index in np.ndindex(*array._native.object_grid))
