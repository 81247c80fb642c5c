"""Hierarchies in the other format."""

from __future__ import annotations

from typing import Any, Literal

from zarrloom import _core
from zarrloom.array import Array
from zarrloom.copying import copy_array, fill
from zarrloom.errors import UnsupportedError
from zarrloom.group import Group
from zarrloom.hierarchies import create_hierarchy, open
from zarrloom.progress import Progress, ProgressLike
from zarrloom.stores import Store, StoreLike, to_store

_DIMENSIONS = "_ARRAY_DIMENSIONS"  # xarray's, in format 2


def convert(
    src: StoreLike,
    dst: StoreLike | None = None,
    *,
    path: str = "",
    zarr_format: Literal[2, 3] = 3,
    progress: ProgressLike = None,
) -> Any:
    """Turn an array, or a group with all that is in it, into the other format.

    In place only metadata is written: chunks keep their keys and bytes, so that this takes no
    longer for large arrays than for small ones. To another place the chunks are copied as they are
    where the other format knows the same codecs; else they are decoded and encoded again, by the
    default codecs. dimension_names of format 3 and xarray's ``_ARRAY_DIMENSIONS`` of format 2
    become each other. Nodes that have the format already stay, or are copied.

    Parameters
    ----------
    src : str, os.PathLike or Store
        A folder, a ``file://`` URL, or a store object.
    dst : str, os.PathLike or Store, optional
        Where the result is made, at the same path. Default: in place. Nobody should use `src`
        meanwhile.
    path : str, default ""
        The node's path in the store.
    zarr_format : {3, 2}
        The format of the result.
    progress : True, callable or object, optional
        A bar, a function ``(done, total)``, or an object with ``update(n)`` and ``total``; arrays
        are counted. For another place only.

    Returns
    -------
    Array or Group
        The result. A group that was consolidated is consolidated again.

    Raises
    ------
    UnsupportedError
        In place: an array whose chunks cannot stay, with the reason. Nothing has been changed.
    NodeExistsError
        Something lies at `dst`.
    """
    store = to_store(src)
    target = store if dst is None else to_store(dst)
    node = open(store, mode="r", path=path)
    consolidated = isinstance(node, Group) and node.is_consolidated
    if dst is None:
        _core.convert_in_place(store._native, path.strip("/"), zarr_format)
    else:
        _convert_to(node, target, zarr_format, progress)
    result = open(target, mode="r+", path=path, zarr_format=zarr_format)
    if consolidated:
        result.consolidate_metadata()
    return result


def _convert_to(
    node: Array | Group, target: Store, zarr_format: Literal[2, 3], progress: ProgressLike
) -> None:
    if isinstance(node, Array):
        return _convert_array(node, target, zarr_format, progress)
    nodes = [member for _, member in node.members(max_depth=None)]
    groups = [node, *(member for member in nodes if isinstance(member, Group))]
    create_hierarchy(
        target,
        {group.path: {"attributes": dict(group.attrs)} for group in groups},
        zarr_format=zarr_format,
    )
    arrays = [member for member in nodes if isinstance(member, Array)]
    steps = Progress(progress, len(arrays), "arrays")
    try:
        for array in arrays:
            _convert_array(array, target, zarr_format, None)
            steps.step()
    finally:
        steps.close()


def _convert_array(
    array: Array, target: Store, zarr_format: Literal[2, 3], progress: ProgressLike
) -> None:
    try:
        native = _core.create_converted(array._native, target._native, array.path, zarr_format)
    except UnsupportedError:
        copy_array(
            array, target, name=array.path, progress=progress, **_changes(array, zarr_format)
        )
    else:
        fill(array, Array(native, target), progress)


def _changes(array: Array, zarr_format: Literal[2, 3]) -> dict[str, Any]:
    """Say what is different where the codecs cannot stay."""
    grid = array._creation_grid()
    changes: dict[str, Any] = {"zarr_format": zarr_format, "chunks": grid["chunks"]}
    names = array.dimension_names
    if zarr_format == 2 and names is not None:
        changes["dimension_names"] = None
        if None not in names:
            changes["attributes"] = {**array.attrs, _DIMENSIONS: list(names)}
    return changes
