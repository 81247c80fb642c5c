"""Opening and making groups, and whatever lies at a place, with zarr-python's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from zarrloom import _core
from zarrloom.array import Array
from zarrloom.attributes import to_json
from zarrloom.creation import Mode, check_mode, open_array, warn_of_both_formats, write_empty_chunks
from zarrloom.errors import NodeNotFoundError
from zarrloom.group import Group, node_specs
from zarrloom.stores import StoreLike, to_store


def open(
    store: StoreLike,
    *,
    mode: Mode = "a",
    path: str | None = None,
    zarr_format: Literal[2, 3] | None = None,
    use_consolidated: bool | None = None,
    config: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    **create: Any,
) -> Any:
    """Open whatever lies at a place.

    Parameters
    ----------
    store : str, os.PathLike or Store
        A folder, a ``file://`` URL, or a store object.
    mode : {"a", "r", "r+", "w", "w-"}, default "a"
        As in `open_array`; nothing but arrays is made, where a `shape` is given. Groups are made
        by `open_group` and `create_group`.
    path : str, optional
        The path in the store. Default: the root.
    zarr_format : {2, 3}, optional
        Default: 3 where both are there, else the one that is there.
    use_consolidated : bool, optional
        For groups, as in `open_group`.
    config : mapping, optional
        ``write_empty_chunks``.
    storage_options : mapping, optional
        For a URL of a store in the network: as in `HttpStore` and `S3Store`.
    **create
        For a new array: as in `create_array`.

    Returns
    -------
    Array or Group

    Raises
    ------
    NodeNotFoundError
        There is nothing; the error tells what is there.
    """
    check_mode(mode)
    made = {"path": path, "zarr_format": zarr_format, "config": config, **create}
    store = to_store(store, storage_options)
    if mode in ("w", "w-"):
        return open_array(store, mode=mode, **made)
    empty_chunks = write_empty_chunks(config)
    try:
        native = _core.open_node(
            store._native,
            (path or "").strip("/"),
            zarr_format=zarr_format,
            read_only=mode == "r",
            write_empty_chunks=empty_chunks,
            use_consolidated=use_consolidated,
            consolidated_at=None,
        )
    except NodeNotFoundError:
        if mode != "a" or "shape" not in create:
            raise
        return open_array(store, mode=mode, **made)
    if isinstance(native, _core.Group):
        return Group(native, store, empty_chunks)
    if zarr_format is None:
        warn_of_both_formats(native)
    return Array(native, store, empty_chunks)


def open_group(
    store: StoreLike,
    *,
    mode: Mode = "a",
    path: str | None = None,
    zarr_format: Literal[2, 3] | None = None,
    attributes: Mapping[str, Any] | None = None,
    use_consolidated: bool | None = None,
    config: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Group:
    """Open a group, or make one where the mode asks for that.

    Parameters
    ----------
    store : str, os.PathLike or Store
        A folder, a ``file://`` URL, or a store object.
    mode : {"a", "r", "r+", "w", "w-"}, default "a"
        "r" reads only; "r+" reads and writes; "a" makes the group if it is not there; "w" makes it
        anew, erasing what is there; "w-" makes it and fails if it is there.
    path : str, optional
        The group's path in the store. Default: the root.
    zarr_format : {2, 3}, optional
        Default: 3 where both are there, else the one that is there; 3 for a new group.
    attributes : mapping, optional
        For a new group.
    use_consolidated : bool, optional
        Whether what lies in the group is taken from its consolidated metadata. Default: if there is
        some. True: an InvalidArgumentError if there is none.
    config : mapping, optional
        ``write_empty_chunks``, for the arrays in it.
    storage_options : mapping, optional
        For a URL of a store in the network: as in `HttpStore` and `S3Store`.

    Returns
    -------
    Group

    Raises
    ------
    NodeNotFoundError
        There is no group, and the mode forbids making one.
    InvalidArgumentError
        An array lies there.
    """
    check_mode(mode)
    store = to_store(store, storage_options)
    if mode not in ("w", "w-"):
        try:
            native = _core.Group.open(
                store._native,
                (path or "").strip("/"),
                zarr_format=zarr_format,
                read_only=mode == "r",
                write_empty_chunks=write_empty_chunks(config),
                use_consolidated=use_consolidated,
                consolidated_at=None,
            )
            return Group(native, store, write_empty_chunks(config))
        except NodeNotFoundError:
            if mode != "a":
                raise
    return create_group(
        store,
        path=path,
        zarr_format=zarr_format or 3,
        attributes=attributes,
        overwrite=mode == "w",
        config=config,
    )


def create_group(
    store: StoreLike,
    *,
    path: str | None = None,
    zarr_format: Literal[2, 3] = 3,
    attributes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    config: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Group:
    """Make a group, and the groups that it lies in.

    Parameters
    ----------
    store : str, os.PathLike or Store
        A folder, a ``file://`` URL, or a store object.
    path : str, optional
        The group's path in the store. Default: the root.
    zarr_format : {3, 2}
        The format.
    attributes : mapping, optional
        JSON values.
    overwrite : bool, default False
        Erase what lies there, with all that is in it.
    config : mapping, optional
        ``write_empty_chunks``, for the arrays in it.
    storage_options : mapping, optional
        For a URL of a store in the network: as in `HttpStore` and `S3Store`.

    Raises
    ------
    NodeExistsError
        Something is there already.
    """
    store = to_store(store, storage_options)
    native = _core.Group.create(
        store._native,
        (path or "").strip("/"),
        zarr_format=zarr_format,
        attributes=to_json(attributes or {}, zarr_format),
        overwrite=overwrite,
    )
    return Group(native, store, write_empty_chunks(config))


def create_hierarchy(
    store: StoreLike,
    nodes: Mapping[str, Mapping[str, Any]],
    *,
    path: str | None = None,
    zarr_format: Literal[2, 3] = 3,
    overwrite: bool = False,
) -> dict[str, Array | Group]:
    """Make many arrays and groups at once; their metadata is written in parallel.

    Everything is checked before anything is written.

    Parameters
    ----------
    store : str, os.PathLike or Store
        A folder, a ``file://`` URL, or a store object.
    nodes : mapping of str to mapping
        By path. With a ``shape`` an array, options as in `create_array`; else a group, which may
        have ``attributes``. Groups that they lie in are made, too.
    path : str, optional
        Where in the store. Default: the root.
    zarr_format : {3, 2}
        The format of those that have no ``zarr_format`` of their own.
    overwrite : bool, default False
        Erase what lies at the paths.

    Returns
    -------
    dict of str to Array or Group
        By the paths given.

    Raises
    ------
    NodeExistsError, InvalidArgumentError
        Nothing has been changed then.
    """
    store = to_store(store)
    specs = node_specs(nodes, zarr_format)
    made = _core.create_hierarchy(store._native, (path or "").strip("/"), specs, overwrite)
    return {
        given: Array(node, store) if isinstance(node, _core.Array) else Group(node, store)
        for given, node in zip(nodes, made, strict=True)
    }


def consolidate_metadata(
    store: StoreLike, path: str = "", *, zarr_format: Literal[2, 3] | None = None
) -> Group:
    """Store the metadata of all that lies in a group as one document.

    Parameters
    ----------
    store : str, os.PathLike or Store
        A folder, a ``file://`` URL, or a store object.
    path : str, default ""
        The group's path in the store.
    zarr_format : {2, 3}, optional
        As in `open_group`.

    Returns
    -------
    Group
        Which uses it.

    Raises
    ------
    UnsupportedError
        Something in the group has another format, which such a document would hide.
    """
    group = open_group(store, mode="r+", path=path, zarr_format=zarr_format, use_consolidated=False)
    group.consolidate_metadata()
    return group
