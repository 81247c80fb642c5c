"""The handle on a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from zarrloom import _core
from zarrloom.array import Array
from zarrloom.attributes import to_json
from zarrloom.creation import array_spec, write_empty_chunks
from zarrloom.errors import InvalidArgumentError, ReadOnlyError
from zarrloom.group_members import GroupMembers, node_path
from zarrloom.progress import Progress, ProgressLike
from zarrloom.stores import Store
from zarrloom.variable import variable_name

_AT_ONCE = 256  # objects that are copied between two steps of the progress


class Group(GroupMembers):
    """A Zarr group: arrays and groups by name. Opened by `zarrloom.open_group`.

    Paths are relative to the group, "a/b" for what lies in the group "a" of it. One handle may be
    used from any number of threads, and be pickled to other processes if its store can be.

    With consolidated metadata in use, what lies in the group is what lay there when it was opened.
    A change through this group, or through anything that came out of it, erases the stored
    consolidated metadata first, so that nobody finds it untrue: write it again by
    `consolidate_metadata` when you are done.
    """

    def __reduce__(self) -> Any:
        arguments = (self.zarr_format, self.read_only, self._write_empty_chunks)
        return _open_pickled, (self._store, self.path, *arguments, self._native.consolidated_at)

    # ---- New nodes ----

    def create_array(
        self,
        name: str,
        *,
        overwrite: bool = False,
        config: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Array:
        """Make an array, and the groups that it lies in.

        Parameters
        ----------
        name : str
            Its path.
        overwrite : bool, default False
            Erase what lies there.
        config : mapping, optional
            ``write_empty_chunks``. Default: as the group has it.
        **options
            As in `zarrloom.create_array`; the format is the group's unless `zarr_format` is given.

        Raises
        ------
        NodeExistsError, ReadOnlyError, InvalidArgumentError, UnsupportedError
        """
        spec, data = array_spec(**{"zarr_format": self.zarr_format, **options})
        empty_chunks = self._write_empty_chunks if config is None else write_empty_chunks(config)
        native = self._native.create_array(
            node_path(name), overwrite=overwrite, write_empty_chunks=empty_chunks, **spec
        )
        array = Array(native, self._store, empty_chunks)
        if data is not None:
            array[...] = data
        return array

    def create_group(
        self, name: str, *, attributes: Mapping[str, Any] | None = None, overwrite: bool = False
    ) -> Group:
        """Make a group, and the groups that it lies in.

        Parameters
        ----------
        name : str
            Its path.
        attributes : mapping, optional
            JSON values.
        overwrite : bool, default False
            Erase what lies there.

        Raises
        ------
        NodeExistsError, ReadOnlyError, InvalidArgumentError
        """
        text = to_json(attributes or {}, self.zarr_format)
        native = self._native.create_group(node_path(name), attributes=text, overwrite=overwrite)
        return Group(native, self._store, self._write_empty_chunks)

    def require_group(self, name: str) -> Group:
        """Open the group at a path, or make it. InvalidArgumentError if an array lies there."""
        node = self.get(name)
        if isinstance(node, Array):
            raise InvalidArgumentError(f"{node!r} is an array, not a group")
        return node or self.create_group(name)

    def require_array(
        self,
        name: str,
        *,
        shape: int | tuple[int, ...],
        dtype: npt.DTypeLike | None = None,
        exact: bool = False,
        **options: Any,
    ) -> Array:
        """Open the array at a path, or make it.

        Parameters
        ----------
        name : str
            Its path.
        shape : int or tuple of int
            What is there must have it.
        dtype : numpy dtype, optional
            What is there must hold it: ``numpy.can_cast(dtype, there)``. Needed for a new array.
        exact : bool, default False
            What is there must have exactly this dtype.
        **options
            For a new array, as in `create_array`.

        Raises
        ------
        InvalidArgumentError
            A group lies there, or an array of another shape or dtype.
        """
        node = self.get(name)
        if node is None:
            return self.create_array(name, shape=shape, dtype=dtype, **options)
        if isinstance(node, Group):
            raise InvalidArgumentError(f"{node!r} is a group, not an array")
        extents = (shape,) if isinstance(shape, int) else tuple(shape)
        if node.shape != extents or not _fits(node, dtype, exact):
            raise InvalidArgumentError(f"{node!r} is there, not shape={extents} dtype={dtype}")
        array: Array = node
        return array

    def create_hierarchy(
        self, nodes: Mapping[str, Mapping[str, Any]], *, overwrite: bool = False
    ) -> dict[str, Array | Group]:
        """Make many arrays and groups at once, as `zarrloom.create_hierarchy` does."""
        specs = node_specs(nodes, self.zarr_format)
        made = self._native.create_hierarchy(specs, overwrite)
        return {path: self._wrap(node) for path, node in zip(nodes, made, strict=True)}

    def __delitem__(self, path: str) -> None:
        """Erase an array or group with all that is in it. NodeNotFoundError if there is none."""
        self._native.erase(node_path(path))

    # ---- Other places ----

    def copy(
        self,
        source: str,
        target: str,
        *,
        to: Group | None = None,
        overwrite: bool = False,
        progress: ProgressLike = None,
    ) -> Array | Group:
        """Copy an array or group, with all that is in it, as it is stored.

        The objects are copied in parallel and are not decoded. Metadata comes last, so that a copy
        that was broken off is no array.

        Parameters
        ----------
        source, target : str
            Paths.
        to : Group, optional
            The group that `target` lies in, of any store. Default: this one.
        overwrite : bool, default False
            Erase what lies at `target`.
        progress : True, callable or object, optional
            A bar, a function ``(done, total)``, or an object with ``update(n)`` and ``total``;
            stored objects are counted.

        Returns
        -------
        Array or Group
            The copy.

        Raises
        ------
        NodeNotFoundError, NodeExistsError, ReadOnlyError
        InvalidArgumentError
            One of the places lies in the other.
        """
        to = self if to is None else to
        run = _core.TreeCopy(
            self._native, node_path(source), to._native, node_path(target), overwrite
        )
        steps = Progress(progress, run.total, "objects")
        try:
            while count := run.step(_AT_ONCE):
                for _ in range(count):
                    steps.step()
        finally:
            steps.close()
        return to[target]

    def move(
        self,
        source: str,
        target: str,
        *,
        overwrite: bool = False,
        progress: ProgressLike = None,
    ) -> Array | Group:
        """Give an array or group another path: a `copy`, then ``del`` of the source."""
        if self.read_only:
            raise ReadOnlyError(f"{self!r} is open for reading only")
        moved = self.copy(source, target, overwrite=overwrite, progress=progress)
        del self[source]
        return moved

    def rename(self, path: str, name: str) -> Array | Group:
        """Give an array or group another name in the group that it lies in."""
        if "/" in name:
            raise InvalidArgumentError(f"{name!r} is a path; move() takes paths")
        above = node_path(path).rpartition("/")[0]
        return self.move(path, f"{above}/{name}")

    # ---- Consolidated metadata ----

    def consolidate_metadata(self) -> None:
        """Store the metadata of all that is in it as one document, and use that.

        Format 2: ``.zmetadata``. Format 3: inside the group's ``zarr.json``, as zarr-python does.

        Raises
        ------
        UnsupportedError
            Something in it has another format, which such a document would hide.
        """
        self._native = self._native.consolidate()

    def refresh(self) -> None:
        """Take in the consolidated metadata that is stored by now, or its absence."""
        self._native.refresh()


def node_specs(nodes: Mapping[str, Mapping[str, Any]], zarr_format: int) -> list[tuple[str, Any]]:
    """Turn specifications of arrays and groups into the core's."""
    specs: list[tuple[str, Any]] = []
    for path, spec in nodes.items():
        given = {"zarr_format": zarr_format, **spec}
        if "shape" in spec:
            if spec.get("data") is not None:
                raise InvalidArgumentError(f"{path}: data cannot be written with the hierarchy")
            specs.append((node_path(path), array_spec(**given)[0]))
        elif given.keys() <= {"zarr_format", "attributes"}:
            text = to_json(given.get("attributes") or {}, given["zarr_format"])
            specs.append((node_path(path), (given["zarr_format"], text)))
        else:
            raise InvalidArgumentError(f"{path}: an array needs a shape; a group has attributes")
    return specs


def _open_pickled(
    store: Store,
    path: str,
    zarr_format: int,
    read_only: bool,
    write_empty_chunks: bool,
    consolidated_at: tuple[str, int] | None,
) -> Group:
    own = consolidated_at is None or consolidated_at[0] == path
    native = _core.Group.open(
        store._native,
        path,
        zarr_format=zarr_format,
        read_only=read_only,
        write_empty_chunks=write_empty_chunks,
        use_consolidated=None,
        consolidated_at=None if own else consolidated_at,
    )
    return Group(native, store, write_empty_chunks)


def _fits(node: Array, dtype: npt.DTypeLike | None, exact: bool) -> bool:
    if dtype is None:
        return True
    if node._variable:
        return dtype is object or variable_name(dtype, [], None) == node._native.dtype_name
    wanted = np.dtype(dtype)
    return wanted == node.dtype if exact else bool(np.can_cast(wanted, node.dtype))
